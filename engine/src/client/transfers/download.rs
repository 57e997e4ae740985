//! Fetches a blob. Every chunk is verified before it enters the store, so what the store has of a blob is a verified
//! beginning, and the next try asks only for what follows. What a crash left is verified again first: that is cheaper
//! than any note of how far it was right.

use bytes::{Buf, Bytes, BytesMut};
use reqwest::header::RANGE;
use reqwest::{Method, Response, StatusCode};
use tokio::task::JoinHandle;

use super::failure::TransferError;
use super::http::send;
use super::task::Task;
use crate::client::SyncError;
use crate::client::blobs::WRITE;
use crate::crypto::{BlobOpener, OpenError};
use crate::store::{BlobRecord, BlobStoreError, ContentId, Stored};

/// Most bytes that are throttled at once, so that a slow rate comes in small steps.
const STEP: usize = 64 << 10;

/// Fetches what is missing of the blob.
pub(super) async fn download(task: &Task) -> Result<(), TransferError> {
    let (content, part) = match &task.record.content {
        Some(content) => (content.id, verify_again(task, content.id).await?),
        None => (ContentId::generate(), Part::default()),
    };
    let fetched = fetch(task, content, part).await;
    if matches!(fetched, Err(TransferError::Unverified(_) | TransferError::TooLong)) {
        // The server may have another blob of this name by now, which does not continue this one.
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

/// Takes a blob that came whole: verifies it, and has it stored in the transaction in which the index says so.
pub(super) async fn keep_whole(task: &Task, bytes: Bytes) -> Result<(), TransferError> {
    let mut part = Part { raw: BytesMut::from(&bytes[..]), ..Part::default() };
    part.verify(task).map_err(TransferError::Unverified)?;
    if !part.is_whole()? {
        return Err(TransferError::CutShort);
    }
    let (sealed_length, length) = part.lengths()?;
    let content = ContentId::generate();
    let store = task.shared.blobs.store();
    let entering = store.enter(content, bytes).await?;
    let entered =
        move |entry: &mut Option<BlobRecord>| Ok(BlobRecord::downloaded(entry, content, sealed_length, length));
    if !task.shared.blobs.index().change_entering(task.address(), entering, entered).await? {
        store.remove(content).await?;
    }
    Ok(())
}

/// A verified beginning of a blob, and bytes behind it that are not verified yet.
#[derive(Default)]
struct Part {
    /// Known as soon as the prelude is.
    opener: Option<BlobOpener>,
    /// Bytes verified, in the store or not.
    length: u64,
    /// What came and is not in the store, nor on its way there.
    raw: BytesMut,
    /// How much of it, from its start, is verified.
    verified: usize,
    /// What was given to the store last, while it is being written.
    writing: Option<JoinHandle<Result<(), BlobStoreError>>>,
    /// Where a chunk is opened.
    scratch: Vec<u8>,
    /// Whether the index knows of the part.
    named: bool,
}

/// Opens what the store has, chunk after chunk, up to where it is right.
async fn verify_again(task: &Task, content: ContentId) -> Result<Part, TransferError> {
    let store = task.shared.blobs.store();
    let mut part = Part { named: true, ..Part::default() };
    let Stored { length, whole } = store.stored(content).await?.unwrap_or(Stored { length: 0, whole: false });
    let mut at = 0;
    while at < length {
        let end = length.min(at + WRITE);
        part.raw.extend_from_slice(&store.read(content, at..end).await?);
        at = end;
        if part.verify(task).is_err() {
            // It was not flushed before a crash, or is damaged; a whole content cannot be continued.
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
    /// Verifies what is complete of the bytes that came.
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

    /// Whether every byte of the blob is verified; anything behind it makes it another one.
    fn is_whole(&self) -> Result<bool, TransferError> {
        let whole = self.opener.as_ref().is_some_and(|opener| opener.next_sealed_len().is_none());
        if whole && self.raw.len() > self.verified { Err(TransferError::TooLong) } else { Ok(whole) }
    }

    /// Gives verified bytes to the store: as many as end where writes cost least, or all. While they are written, more may
    /// come; [`Self::written`] waits for it.
    async fn flush(&mut self, task: &Task, content: ContentId, all: bool) -> Result<(), TransferError> {
        let Some(total) = self.total() else { return Ok(()) };
        let start = self.length - self.verified as u64;
        let end = if all { self.length } else { self.length - self.length % WRITE };
        if end <= start {
            return Ok(());
        }
        // A part has to be named, or the next start takes it for an orphan. A blob that comes at once is named when it
        // is whole.
        if end < total && !self.named {
            let named = move |entry: &mut Option<BlobRecord>| Ok(BlobRecord::begin_part(entry, content));
            self.named = task.shared.blobs.index().change(task.address(), named).await?;
            if !self.named {
                // It is not wanted any more.
                return Err(TransferError::Stopped);
            }
        }
        self.written().await?;
        let length = (end - start) as usize;
        self.verified -= length;
        let bytes = self.raw.split_to(length).freeze();
        let shared = task.shared.clone();
        let writing = async move { shared.blobs.store().write(content, total, start, bytes).await };
        self.writing = Some(tokio::spawn(writing));
        Ok(())
    }

    /// Waits until the store has what was given to it.
    async fn written(&mut self) -> Result<(), TransferError> {
        match self.writing.take() {
            Some(writing) => Ok(writing.await.map_err(|_| TransferError::Stopped)??),
            None => Ok(()),
        }
    }
}

/// Fetches the rest and gives the lengths of the sealed blob and of its content. What arrived is kept if it breaks off.
async fn fetch(task: &Task, content: ContentId, mut part: Part) -> Result<(u64, u64), TransferError> {
    if !part.is_whole()? {
        let mut answer = ask(task, &mut part).await?;
        let received = receive(task, content, &mut part, &mut answer).await;
        let flushed = part.flush(task, content, true).await;
        // However it ended, nothing is being written any more when this returns.
        part.written().await?;
        // Where the store failed already, what it says of the rest is not the reason.
        if !matches!(received, Err(TransferError::Store(_))) {
            flushed?;
        }
        received?;
    }
    part.lengths()
}

async fn ask(task: &Task, part: &mut Part) -> Result<Response, TransferError> {
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
            Err(SyncError::Protocol("it sends another range than the one asked for".to_owned()).into())
        }
        Ok(answer) => {
            // All of it, from the start.
            *part = Part { named: part.named, ..Part::default() };
            Ok(answer)
        }
        // There is no such range: what is here is longer than what is there.
        Err(TransferError::Exchange(SyncError::Refused(problem))) if problem.status == 416 => {
            Err(TransferError::TooLong)
        }
        Err(error) => Err(error),
    }
}

async fn receive(task: &Task, content: ContentId, part: &mut Part, answer: &mut Response) -> Result<(), TransferError> {
    let begun = part.length;
    while let Some(piece) = task.network(async { answer.chunk().await.map_err(SyncError::from) }).await? {
        for step in piece.chunks(STEP) {
            task.throttle(step.len()).await?;
        }
        task.shared.progress.send_modify(|progress| progress.bytes_received += piece.len() as u64);
        part.raw.extend_from_slice(&piece);
        part.verify(task).map_err(TransferError::Unverified)?;
        part.is_whole()?;
        part.flush(task, content, false).await?;
        if part.length > begun {
            task.advance();
        }
        task.at(part.length, part.total());
    }
    if part.is_whole()? { Ok(()) } else { Err(TransferError::CutShort) }
}
