//! Many small blobs in one request. Each has its own result: a blob that is rejected, altered or unknown does not affect the
//! others. Where a bundle fails as a whole, its blobs are transferred one by one the next time.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};

use super::download::store_whole;
use super::error::TransferError;
use super::http::send;
use super::task::Task;
use crate::client::SyncError;
use crate::client::connection::{parse, read_up_to, rejection};
use crate::protocol::{
    BUNDLE, BUNDLE_BYTES, BUNDLED_BYTES, BlobDigest, BlobFlags, BundleDecoder, BundleItem, BundleWanted, Bundled,
    BundledBlob, encode_item,
};
use crate::store::{BlobRecord, BlobStoreError, Work};

/// Bytes that are sent or throttled at once.
const STEP: usize = 64 << 10;

/// Most bytes of the answer to a bundle.
const ANSWER_LIMIT: usize = 512 << 10;

/// The result for each blob of a bundle, in its order.
pub(super) type Results = Vec<Result<(), TransferError>>;

/// Whether a blob may be part of a bundle, and its bytes as far as they are known.
pub(super) fn fits(record: &BlobRecord, work: Work) -> Option<usize> {
    match (work, &record.content) {
        (Work::Upload, Some(content)) => {
            let length = usize::try_from(content.sealed_length?).ok()?;
            (length <= BUNDLED_BYTES && content.digest.is_some()).then_some(length)
        }
        // A partly fetched blob is resumed instead.
        (Work::Download, None) => Some(0),
        _ => None,
    }
}

/// Whether a bundle of `bytes` has room for `more` bytes.
pub(super) fn has_room(bytes: usize, more: usize) -> bool {
    bytes + more <= BUNDLE_BYTES
}

/// Sends blobs that [`fits`] accepts.
pub(super) async fn upload(tasks: &[Task]) -> Results {
    let Some(first) = tasks.first() else { return Vec::new() };
    let outcomes = match send_all(first, tasks).await {
        Ok(outcomes) => outcomes,
        Err(error) => return failed_together(tasks, &error),
    };
    let noted = tasks.iter().zip(outcomes).map(|(task, outcome)| async move {
        outcome?;
        let id = task.record.content.as_ref().map(|content| content.id);
        let sent = move |entry: &mut Option<BlobRecord>| {
            if let Some(id) = id {
                BlobRecord::uploaded(entry, id);
            }
            Ok(())
        };
        Ok(task.shared.blobs.index().change(task.address(), sent).await?)
    });
    join_all(noted).await
}

async fn send_all(first: &Task, tasks: &[Task]) -> Result<Results, TransferError> {
    let contents = join_all(tasks.iter().map(read)).await;
    let mut bundle = BytesMut::new();
    let mut outcomes = Vec::with_capacity(tasks.len());
    let mut sent = Vec::with_capacity(tasks.len());
    for (position, content) in contents.into_iter().enumerate() {
        match content {
            Ok(blob) => {
                encode_item(&mut bundle, &BundleItem::Blob(blob));
                sent.push(position);
                outcomes.push(Ok(()));
            }
            Err(error) => outcomes.push(Err(error)),
        }
    }
    encode_item(&mut bundle, &BundleItem::End);
    let request = first
        .shared
        .connection
        .request(Method::PUT, &["bundles", first.address().namespace()])
        .header(CONTENT_TYPE, BUNDLE)
        .header(CONTENT_LENGTH, bundle.len())
        .body(body(first.clone(), bundle.freeze()));
    let answer = first.network(send(request)).await?;
    let answer = first.network(read_up_to(answer, ANSWER_LIMIT)).await?;
    let answers: Vec<Bundled> = parse(&answer)?;
    let named = answers.iter().map(|answer| answer.id.as_str());
    if !named.eq(sent.iter().map(|position| tasks[*position].address().id())) {
        return Err(SyncError::Protocol("the answer is about other blobs than those that were sent".to_owned()).into());
    }
    for (position, answer) in sent.into_iter().zip(answers) {
        match answer.problem {
            Some(problem) => outcomes[position] = Err(rejection(problem).into()),
            None if (200..300).contains(&answer.status) => {}
            None => return Err(SyncError::Protocol("it rejected a blob without a reason".to_owned()).into()),
        }
    }
    Ok(outcomes)
}

async fn read(task: &Task) -> Result<BundledBlob, TransferError> {
    let absent = || BlobStoreError::Absent(task.address().clone());
    let content = task.record.content.as_ref().ok_or_else(absent)?;
    let (length, digest) = content.sealed_length.zip(content.digest).ok_or_else(absent)?;
    let bytes = task.shared.blobs.store().read(content.id, 0..length).await?;
    let id = task.address().id().parse().map_err(|_| absent())?;
    Ok(BundledBlob { id, flags: BlobFlags::default(), digest: BlobDigest(digest), content: bytes })
}

/// A body that is sent no faster than the throttle allows.
fn body(task: Task, bundle: Bytes) -> Body {
    let start = (task, bundle);
    Body::wrap_stream(stream::try_unfold(start, |(task, mut rest)| async move {
        if rest.is_empty() {
            return Ok::<_, TransferError>(None);
        }
        let step = rest.split_to(rest.len().min(STEP));
        task.throttle(step.len()).await?;
        task.shared.progress.send_modify(|progress| progress.bytes_sent += step.len() as u64);
        task.heartbeat();
        Ok(Some((step, (task, rest))))
    }))
}

/// Fetches blobs that [`fits`] accepts. What arrived of an interrupted bundle is kept.
pub(super) async fn download(tasks: &[Task]) -> Results {
    let Some(first) = tasks.first() else { return Vec::new() };
    let mut outcomes: Vec<Option<Result<(), TransferError>>> = tasks.iter().map(|_| None).collect();
    let fetched = fetch_all(first, tasks, &mut outcomes).await;
    let answered = outcomes.iter().any(Option::is_some);
    let rest = |task: &Task| match &fetched {
        Err(error) => failed_together(std::slice::from_ref(task), error).pop().unwrap_or(Ok(())),
        // The bundle was full: it is part of the next one.
        Ok(()) if answered => Err(TransferError::Stopped),
        Ok(()) => Err(TransferError::Unbundled("the server sent none of the requested blobs".to_owned())),
    };
    tasks.iter().zip(outcomes).map(|(task, outcome)| outcome.unwrap_or_else(|| rest(task))).collect()
}

async fn fetch_all(
    first: &Task,
    tasks: &[Task],
    outcomes: &mut [Option<Result<(), TransferError>>],
) -> Result<(), TransferError> {
    let ids: Result<_, _> = tasks.iter().map(|task| task.address().id().parse()).collect();
    let wanted = BundleWanted { ids: ids.map_err(|error| SyncError::Protocol(format!("{error}")))? };
    let mut pending: HashMap<&str, usize> =
        tasks.iter().enumerate().map(|(position, task)| (task.address().id(), position)).collect();
    let request =
        first.shared.connection.request(Method::POST, &["bundles", first.address().namespace()]).json(&wanted);
    let mut answer = first.network(send(request)).await?;
    let mut decoder = BundleDecoder::default();
    while let Some(piece) = first.network(async { answer.chunk().await.map_err(SyncError::from) }).await? {
        for step in piece.chunks(STEP) {
            first.throttle(step.len()).await?;
        }
        first.shared.progress.send_modify(|progress| progress.bytes_received += piece.len() as u64);
        first.heartbeat();
        decoder.push(&piece);
        let mut arrived = Vec::new();
        while let Some(item) = decoder.next_item().map_err(|error| SyncError::Protocol(error.to_string()))? {
            let (BundleItem::Absent(id) | BundleItem::Alone(id) | BundleItem::Blob(BundledBlob { id, .. })) = &item
            else {
                continue;
            };
            let position = pending.remove(id.as_str());
            arrived.push((
                position.ok_or_else(|| SyncError::Protocol("it sent a blob that was not requested".to_owned()))?,
                item,
            ));
        }
        let kept =
            arrived.into_iter().map(|(position, item)| async move { (position, take(&tasks[position], item).await) });
        for (position, outcome) in join_all(kept).await {
            outcomes[position] = Some(outcome);
        }
    }
    if decoder.is_ended() { Ok(()) } else { Err(TransferError::CutShort) }
}

async fn take(task: &Task, item: BundleItem) -> Result<(), TransferError> {
    match item {
        BundleItem::Blob(blob) if digest(&SHA256, &blob.content).as_ref() == blob.digest.0 => {
            store_whole(task, blob.content).await
        }
        BundleItem::Blob(_) => Err(TransferError::CutShort),
        BundleItem::Alone(_) => Err(TransferError::Unbundled("it is too large for a bundle".to_owned())),
        // A request for this blob alone returns the reason.
        BundleItem::Absent(_) | BundleItem::End => {
            Err(TransferError::Unbundled("the server does not have it".to_owned()))
        }
    }
}

/// The error of each blob after a whole bundle failed.
fn failed_together(tasks: &[Task], error: &TransferError) -> Results {
    tasks.iter().map(|_| Err(error.of_bundle())).collect()
}
