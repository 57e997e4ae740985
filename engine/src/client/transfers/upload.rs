//! Sends a blob: the sealed bytes as they are in the store, never sealed again. A small blob is sent in one request. Of a
//! larger one the server keeps what arrived, and the next try resumes from there.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Body, Method, RequestBuilder};
use tokio::task::JoinHandle;

use super::error::TransferError;
use super::http::{digest_field, send};
use super::task::Task;
use crate::client::SyncError;
use crate::protocol::PARTIAL_UPLOAD;
use crate::store::{BlobRecord, BlobStoreError, Content, ContentId, WRITE_SIZE};

/// Up to this many bytes, sending a blob again costs less than asking how much of it arrived.
const SMALL: u64 = 256 << 10;

/// Bytes sent at once: after each step a more urgent transfer may preempt this one.
const STEP: usize = 64 << 10;

/// Sends the blob.
pub(super) async fn upload(task: &Task) -> Result<(), TransferError> {
    let source = task.record.content.clone().and_then(Source::new);
    let source = source.ok_or_else(|| BlobStoreError::Absent(task.address().clone()))?;
    if source.total <= SMALL {
        task.network(send(source.request(task, Method::PUT, &task.path(), 0))).await?;
    } else {
        send_rest(task, &source).await?;
    }
    let id = source.content.id;
    let sent = move |entry: &mut Option<BlobRecord>| {
        BlobRecord::uploaded(entry, id);
        Ok(())
    };
    Ok(task.shared.blobs.index().change(task.address(), sent).await?)
}

/// What is sent. It stays the same over all tries.
struct Source {
    content: Content,
    total: u64,
    digest: [u8; 32],
}

/// How much of a blob the server has.
enum ServerCopy {
    None,
    Part(u64),
    Whole,
}

async fn send_rest(task: &Task, source: &Source) -> Result<(), TransferError> {
    let request = match request_offset(task, source).await? {
        ServerCopy::Whole => return Ok(()),
        ServerCopy::None => source.request(task, Method::PUT, &task.path(), 0).header("upload-complete", "?1"),
        ServerCopy::Part(offset) => source
            .request(task, Method::PATCH, &task.upload_path(), offset)
            .header("upload-complete", "?1")
            .header("upload-offset", offset)
            .header(CONTENT_TYPE, PARTIAL_UPLOAD),
    };
    match task.network(send(request)).await {
        // The unfinished upload expired since the last request.
        Err(TransferError::Exchange(SyncError::Rejected(problem))) if problem.status == 404 => {
            Err(TransferError::CutShort)
        }
        outcome => outcome.map(drop),
    }
}

/// Asks how much the server has. The request also ends a write of an earlier connection.
async fn request_offset(task: &Task, source: &Source) -> Result<ServerCopy, TransferError> {
    let request = task.shared.connection.request(Method::HEAD, &task.upload_path());
    let answer = match task.network(send(request)).await {
        Err(TransferError::Exchange(SyncError::Rejected(problem))) if problem.status == 404 => {
            return Ok(ServerCopy::None);
        }
        answer => answer?,
    };
    let headers = answer.headers();
    let same = text(headers, "repr-digest") == Some(&digest_field(&source.digest));
    match (text(headers, "upload-complete"), number(headers, "upload-offset")) {
        // It is of other content: this one replaces it, or the server gives the reason why it cannot.
        _ if !same => Ok(ServerCopy::None),
        (Some("?1"), _) => Ok(ServerCopy::Whole),
        (Some("?0"), Some(offset)) if offset <= source.total => Ok(ServerCopy::Part(offset)),
        _ => Err(SyncError::Protocol("it did not report how much of a blob it has".to_owned()).into()),
    }
}

impl Source {
    fn new(content: Content) -> Option<Self> {
        Some(Self { total: content.sealed_length?, digest: content.digest?, content })
    }

    /// A request whose body is the blob from `offset` on.
    fn request(&self, task: &Task, method: Method, path: &[&str], offset: u64) -> RequestBuilder {
        task.shared
            .connection
            .request(method, path)
            .header("repr-digest", digest_field(&self.digest))
            .header("upload-length", self.total)
            .header(CONTENT_LENGTH, self.total - offset)
            .body(self.body(task, offset))
    }

    fn body(&self, task: &Task, offset: u64) -> Body {
        let read = Bytes::new();
        let task = Arc::new(task.clone());
        let start = BodyStream { task, content: self.content.id, total: self.total, at: offset, read, ahead: None };
        Body::wrap_stream(stream::try_unfold(start, BodyStream::next))
    }
}

/// A body that is being sent.
struct BodyStream {
    task: Arc<Task>,
    content: ContentId,
    total: u64,
    /// Bytes of the blob that were sent.
    at: u64,
    /// Bytes that were read and are sent next.
    read: Bytes,
    /// The read of the bytes after these, in progress.
    ahead: Option<JoinHandle<Result<Bytes, BlobStoreError>>>,
}

impl BodyStream {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, TransferError> {
        if self.at >= self.total {
            return Ok(None);
        }
        if self.read.is_empty() {
            self.read = match self.ahead.take() {
                Some(read) => read.await.map_err(|_| TransferError::Stopped)??,
                None => self.read_from(self.at).await?,
            };
            let end = self.at + self.read.len() as u64;
            self.ahead = (end < self.total).then(|| tokio::spawn(self.read_from(end)));
        }
        let step = self.read.split_to(self.read.len().min(STEP));
        self.task.throttle(step.len()).await?;
        self.at += step.len() as u64;
        self.task.shared.progress.send_modify(|progress| progress.bytes_sent += step.len() as u64);
        self.task.report_progress(self.at, Some(self.total));
        Ok(Some((step, self)))
    }

    /// Reads up to the next multiple of the efficient size.
    fn read_from(&self, at: u64) -> impl Future<Output = Result<Bytes, BlobStoreError>> + Send + use<> {
        let end = self.total.min((at / WRITE_SIZE + 1) * WRITE_SIZE);
        let (task, content) = (self.task.clone(), self.content);
        async move { task.shared.blobs.store().read(content, at..end).await }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}
