//! Fetches a blob. Every chunk is verified before it enters the store, so a partial content in the store is a verified
//! prefix, and the next try requests only the rest. A partial content left by a crash is verified again first, which is
//! cheaper than recording how far it was valid.

use bytes::{Buf, Bytes, BytesMut};
use reqwest::header::RANGE;
use reqwest::{Method, Response, StatusCode};
use tokio::task::JoinHandle;

use super::error::TransferError;
use super::http::send;
use super::task::Task;
use crate::client::SyncError;
use crate::crypto::{BlobOpener, OpenError};
use crate::store::{BlobRecord, BlobStoreError, ContentId, Stored, WRITE_SIZE};

/// Most bytes that are throttled at once, so that a low rate is smooth.
const STEP: usize = 64 << 10;

/// Fetches what is missing of the blob.
pub(super) async fn download(task: &Task) -> Result<(), TransferError> {
    let (content, part) = match &task.record.content {
        Some(content) => (content.id, verify_again(task, content.id).await?),
        None => (ContentId::generate(), Part::default()),
    };
    let fetched = fetch(task, content, part).await;
    if matches!(fetched, Err(TransferError::Unverified(_) | TransferError::TooLong)) {
        // The server may have another blob of this name by now, of which this is no prefix.
        task.shared.blobs.store().remove(content).await?;
    }
    let (sealed_length, length) = fetched?;
    let entered =
        move |entry: &mut Option<BlobRecord>| Ok(BlobRecord::downloaded(entry, content, sealed_length, length));
    if !task.shared.blobs.index().change(task.address(), entered).await? {
        task.shared.blobs.store().remove(content).await?;
    }
    Ok(())
}

/// Verifies a blob that arrived whole, and stores it in the transaction that records it in the index.
pub(super) async fn store_whole(task: &Task, bytes: Bytes) -> Result<(), TransferError> {
    let mut part = Part { raw: BytesMut::from(&bytes[..]), ..Part::default() };
    part.verify(task).map_err(TransferError::Unverified)?;
    if !part.is_whole()? {
        return Err(TransferError::CutShort);
    }
    let (sealed_length, length) = part.lengths()?;
    let content = ContentId::generate();
    let store = task.shared.blobs.store();
    let insertion = store.insert_whole(content, bytes).await?;
    let entered =
        move |entry: &mut Option<BlobRecord>| Ok(BlobRecord::downloaded(entry, content, sealed_length, length));
    if !task.shared.blobs.index().change_with_content(task.address(), insertion, entered).await? {
        store.remove(content).await?;
    }
    Ok(())
}

/// A verified prefix of a blob, and bytes after it that are not verified yet.
#[derive(Default)]
struct Part {
    /// Known as soon as the prelude is.
    opener: Option<BlobOpener>,
    /// Bytes verified, in the store or not.
    length: u64,
    /// Bytes that arrived and were not given to the store yet.
    raw: BytesMut,
    /// How many of these, from the start, are verified.
    verified: usize,
    /// The write to the store in progress.
    writing: Option<JoinHandle<Result<(), BlobStoreError>>>,
    /// The buffer in which chunks are opened.
    scratch: Vec<u8>,
    /// Whether the index names the part.
    named: bool,
}

/// Verifies the stored part chunk by chunk, up to the first chunk that is invalid.
async fn verify_again(task: &Task, content: ContentId) -> Result<Part, TransferError> {
    let store = task.shared.blobs.store();
    let mut part = Part { named: true, ..Part::default() };
    let Stored { length, whole } = store.stored(content).await?.unwrap_or(Stored { length: 0, whole: false });
    let mut at = 0;
    while at < length {
        let end = length.min(at + WRITE_SIZE);
        part.raw.extend_from_slice(&store.read(content, at..end).await?);
        at = end;
        if part.verify(task).is_err() {
            // It was not flushed before a crash, or it is damaged. A whole content cannot be resumed.
            if whole {
                store.remove(content).await?;
                return Ok(Part { named: true, ..Part::default() });
            }
            break;
        }
        part.raw.advance(std::mem::take(&mut part.verified));
    }
    (part.raw, part.verified) = (BytesMut::new(), 0);
    Ok(part)
}

impl Part {
    /// Verifies the complete chunks among the bytes that arrived.
    fn verify(&mut self, task: &Task) -> Result<(), OpenError> {
        let sealed = task.shared.blobs.sealed(task.address());
        if self.opener.is_none() {
            let Some(prelude) = self.raw.get(..sealed.name().prelude_len()) else { return Ok(()) };
            self.opener = Some(sealed.opener(prelude)?);
            self.accept(sealed.name().prelude_len());
        }
        while let Some(opener) = &mut self.opener
            && let Some(length) = opener.next_sealed_len()
            && let Some(chunk) = self.raw.get(self.verified..self.verified + length)
        {
            // Opened in a copy: the sealed bytes are what is stored.
            self.scratch.clear();
            self.scratch.extend_from_slice(chunk);
            opener.open_next(&mut self.scratch)?;
            self.accept(length);
        }
        Ok(())
    }

    fn accept(&mut self, length: usize) {
        self.length += length as u64;
        self.verified += length;
    }

    fn total(&self) -> Option<u64> {
        self.opener.as_ref().map(|opener| opener.layout().sealed_len())
    }

    /// The lengths of the sealed blob and of its content.
    fn lengths(&self) -> Result<(u64, u64), TransferError> {
        let layout = self.opener.as_ref().map(BlobOpener::layout).ok_or(TransferError::CutShort)?;
        Ok((layout.sealed_len(), layout.content_len()))
    }

    /// Whether every byte of the blob is verified. More bytes than that are an error.
    fn is_whole(&self) -> Result<bool, TransferError> {
        let whole = self.opener.as_ref().is_some_and(|opener| opener.next_sealed_len().is_none());
        if whole && self.raw.len() > self.verified { Err(TransferError::TooLong) } else { Ok(whole) }
    }

    /// Writes verified bytes to the store: up to a multiple of the efficient write size, or all. More may arrive while they
    /// are written; [`Self::finish_write`] waits for the write.
    async fn flush(&mut self, task: &Task, content: ContentId, all: bool) -> Result<(), TransferError> {
        let Some(total) = self.total() else { return Ok(()) };
        let start = self.length - self.verified as u64;
        let end = if all { self.length } else { self.length - self.length % WRITE_SIZE };
        if end <= start {
            return Ok(());
        }
        // The index has to name a part, or the next start removes it as an orphan. A blob that is written at once is named
        // when it is whole.
        if end < total && !self.named {
            let named = move |entry: &mut Option<BlobRecord>| Ok(BlobRecord::begin_part(entry, content));
            self.named = task.shared.blobs.index().change(task.address(), named).await?;
            if !self.named {
                // The blob is no longer wanted.
                return Err(TransferError::Stopped);
            }
        }
        self.finish_write().await?;
        let length = (end - start) as usize;
        self.verified -= length;
        let bytes = self.raw.split_to(length).freeze();
        let shared = task.shared.clone();
        let writing = async move { shared.blobs.store().write(content, total, start, bytes).await };
        self.writing = Some(tokio::spawn(writing));
        Ok(())
    }

    /// Waits for the write in progress.
    async fn finish_write(&mut self) -> Result<(), TransferError> {
        match self.writing.take() {
            Some(writing) => Ok(writing.await.map_err(|_| TransferError::Stopped)??),
            None => Ok(()),
        }
    }
}

/// Fetches the rest and returns the lengths of the sealed blob and of its content. What arrived before an error is kept.
async fn fetch(task: &Task, content: ContentId, mut part: Part) -> Result<(u64, u64), TransferError> {
    if !part.is_whole()? {
        let mut answer = request_rest(task, &mut part).await?;
        let received = receive(task, content, &mut part, &mut answer).await;
        let flushed = part.flush(task, content, true).await;
        // Whatever the result, no write is in progress when this returns.
        part.finish_write().await?;
        // If the store failed before, its first error is the reason.
        if !matches!(received, Err(TransferError::Store(_))) {
            flushed?;
        }
        received?;
    }
    part.lengths()
}

async fn request_rest(task: &Task, part: &mut Part) -> Result<Response, TransferError> {
    let mut request = task.shared.connection.request(Method::GET, &task.path());
    if part.length > 0 {
        request = request.header(RANGE, format!("bytes={}-", part.length));
    }
    let answer = task.network(send(request)).await;
    match answer {
        Ok(answer) if answer.status() == StatusCode::PARTIAL_CONTENT => {
            let from_here = format!("bytes {}-", part.length);
            let range = answer.headers().get("content-range").and_then(|range| range.to_str().ok());
            if range.is_some_and(|range| range.starts_with(&from_here)) {
                return Ok(answer);
            }
            Err(SyncError::Protocol("it sent another range than the one requested".to_owned()).into())
        }
        Ok(answer) => {
            // The whole blob, from the start.
            *part = Part { named: part.named, ..Part::default() };
            Ok(answer)
        }
        // There is no such range: this device has more bytes than the server.
        Err(TransferError::Exchange(SyncError::Rejected(problem))) if problem.status == 416 => {
            Err(TransferError::TooLong)
        }
        Err(error) => Err(error),
    }
}

async fn receive(task: &Task, content: ContentId, part: &mut Part, answer: &mut Response) -> Result<(), TransferError> {
    let start = part.length;
    while let Some(piece) = task.network(async { answer.chunk().await.map_err(SyncError::from) }).await? {
        for step in piece.chunks(STEP) {
            task.throttle(step.len()).await?;
        }
        task.shared.progress.send_modify(|progress| progress.bytes_received += piece.len() as u64);
        part.raw.extend_from_slice(&piece);
        part.verify(task).map_err(TransferError::Unverified)?;
        part.is_whole()?;
        part.flush(task, content, false).await?;
        if part.length > start {
            task.mark_advanced();
        }
        task.report_progress(part.length, part.total());
    }
    if part.is_whole()? { Ok(()) } else { Err(TransferError::CutShort) }
}
