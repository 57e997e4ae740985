//! Sends a blob: the sealed bytes as they lie in the store, never sealed again. Small ones go in one request; of larger
//! ones the server keeps what arrived, and the next try goes on from there.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Body, Method, RequestBuilder};
use tokio::task::JoinHandle;

use super::failure::TransferError;
use super::http::{digest_field, send};
use super::task::Task;
use crate::client::SyncError;
use crate::client::blobs::WRITE;
use crate::protocol::PARTIAL_UPLOAD;
use crate::store::{BlobRecord, BlobStoreError, Content, ContentId};

/// Up to this many bytes it costs less to send a blob again than to ask how much of it arrived.
const SMALL: u64 = 256 << 10;

/// Bytes that are handed over at once: after each, a more urgent transfer may take the place of this one.
const STEP: usize = 64 << 10;

/// Sends the blob.
pub(super) async fn upload(task: &Task) -> Result<(), TransferError> {
    let frozen = task.record.content.clone().and_then(Frozen::of);
    let frozen = frozen.ok_or_else(|| BlobStoreError::Absent(task.address().clone()))?;
    if frozen.total <= SMALL {
        task.network(send(frozen.request(task, Method::PUT, &task.path(), 0))).await?;
    } else {
        send_rest(task, &frozen).await?;
    }
    let id = frozen.content.id;
    let sent = move |entry: &mut Option<BlobRecord>| {
        BlobRecord::uploaded(entry, id);
        Ok(())
    };
    Ok(task.shared.blobs.index().change(task.address(), sent).await?)
}

/// What is sent, whatever happens in between.
struct Frozen {
    content: Content,
    total: u64,
    digest: [u8; 32],
}

/// How much of a blob the server has.
enum There {
    Nothing,
    Part(u64),
    Whole,
}

async fn send_rest(task: &Task, frozen: &Frozen) -> Result<(), TransferError> {
    let request = match ask(task, frozen).await? {
        There::Whole => return Ok(()),
        There::Nothing => frozen.request(task, Method::PUT, &task.path(), 0).header("upload-complete", "?1"),
        There::Part(offset) => frozen
            .request(task, Method::PATCH, &task.upload_path(), offset)
            .header("upload-complete", "?1")
            .header("upload-offset", offset)
            .header(CONTENT_TYPE, PARTIAL_UPLOAD),
    };
    match task.network(send(request)).await {
        // What the server had of it expired since it was asked.
        Err(TransferError::Exchange(SyncError::Refused(problem))) if problem.status == 404 => {
            Err(TransferError::CutShort)
        }
        outcome => outcome.map(drop),
    }
}

/// Asks how much the server has. That also ends what an earlier connection may still be writing there.
async fn ask(task: &Task, frozen: &Frozen) -> Result<There, TransferError> {
    let request = task.shared.connection.request(Method::HEAD, &task.upload_path());
    let answer = match task.network(send(request)).await {
        Err(TransferError::Exchange(SyncError::Refused(problem))) if problem.status == 404 => {
            return Ok(There::Nothing);
        }
        answer => answer?,
    };
    let headers = answer.headers();
    let same = text(headers, "repr-digest") == Some(&digest_field(&frozen.digest));
    match (text(headers, "upload-complete"), number(headers, "upload-offset")) {
        // Of something else: sending this one takes its place, or the server says why it cannot.
        _ if !same => Ok(There::Nothing),
        (Some("?1"), _) => Ok(There::Whole),
        (Some("?0"), Some(offset)) if offset <= frozen.total => Ok(There::Part(offset)),
        _ => Err(SyncError::Protocol("it does not say how much of a blob it has".to_owned()).into()),
    }
}

impl Frozen {
    fn of(content: Content) -> Option<Self> {
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
        let start = Sending { task, content: self.content.id, total: self.total, at: offset, read, ahead: None };
        Body::wrap_stream(stream::try_unfold(start, Sending::next))
    }
}

/// A body under way.
struct Sending {
    task: Arc<Task>,
    content: ContentId,
    total: u64,
    /// Bytes of the blob that were handed over.
    at: u64,
    /// What was read and comes next.
    read: Bytes,
    /// What comes after that, while it is being read.
    ahead: Option<JoinHandle<Result<Bytes, BlobStoreError>>>,
}

impl Sending {
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
        self.task.at(self.at, Some(self.total));
        Ok(Some((step, self)))
    }

    /// Reads up to a place where reading costs least.
    fn read_from(&self, at: u64) -> impl Future<Output = Result<Bytes, BlobStoreError>> + Send + use<> {
        let end = self.total.min((at / WRITE + 1) * WRITE);
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
