//! `GET` and `HEAD /v1/users/{user}/blobs/{namespace}/{id}`, and sending contents in general, complete or a
//! range. Only a few chunks are read ahead of the client, whatever the size of the content.

use std::ops::Range;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::backend::{BackendError, Content};
use super::blob_records::StoredContent;
use super::headers::{REPR_DIGEST, digest_field};
use super::range::{RequestedRange, requested_range};
use crate::server::Server;
use crate::server::caller::{Caller, PathBlob};
use crate::server::conditions::{Conditions, header};
use crate::server::refusal::{Missing, Refusal};

/// Chunks that are read ahead of the client.
const READ_AHEAD: usize = 2;

/// How long a client may take to read a chunk.
const TIMEOUT: Duration = Duration::from_secs(60);

/// `HEAD`.
pub(in crate::server) async fn head(
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let content = caller.store.blobs().find(&name).await?.ok_or(Refusal::NotFound(Missing::Blob))?.content();
    let not_modified = not_modified(&content, &headers)?;
    Ok(not_modified.unwrap_or_else(|| answer(StatusCode::OK, &content, content.length, Body::empty())))
}

/// `GET`.
pub(in crate::server) async fn get(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (blob, small) = caller.store.blobs().open(&name).await?.ok_or(Refusal::NotFound(Missing::Blob))?;
    send(&server, &blob.content(), small, &headers).await
}

/// The answer to a `GET` of a content with these headers. A `small` content is passed along.
pub(in crate::server) async fn send(
    server: &Server,
    content: &StoredContent,
    small: Option<Bytes>,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(response) = not_modified(content, headers)? {
        return Ok(response);
    }
    let length = content.length;
    // If the client expects another blob, the range is ignored (RFC 9110, section 13.1.5).
    let current = header(headers, IF_RANGE).is_none_or(|tag| tag == content.tag());
    let (status, range) = match requested_range(header(headers, RANGE).filter(|_| current), length) {
        RequestedRange::Whole => (StatusCode::OK, 0..length),
        RequestedRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        RequestedRange::Unsatisfiable => return Err(Refusal::RangeNotSatisfiable(length)),
    };
    let count = range.end - range.start;
    let body = match small {
        _ if count == 0 => Body::empty(),
        Some(bytes) => {
            server.metrics().add_sent(count as usize);
            Body::from(part(content, &bytes, &range)?)
        }
        None => stream(server, server.blobs().backend().read(content.object, range.clone()).await?, count).await?,
    };
    let mut response = answer(status, content, count, body);
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = format!("bytes {}-{}/{length}", range.start, range.end - 1).parse()
    {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

/// The bytes of a range of a content that is in memory.
fn part(content: &StoredContent, bytes: &Bytes, range: &Range<u64>) -> Result<Bytes, Refusal> {
    if bytes.len() as u64 == content.length {
        Ok(bytes.slice(range.start as usize..range.end as usize))
    } else {
        Err(BackendError::Absent(content.object).into())
    }
}

/// The answer 304, if the client has the content already.
///
/// # Errors
/// [`Refusal::PreconditionFailed`] if the content is not one that `If-Match` names.
fn not_modified(content: &StoredContent, headers: &HeaderMap) -> Result<Option<Response>, Refusal> {
    let conditions = Conditions::of(headers);
    let tag = content.tag();
    if !conditions.if_match(Some(&tag)) {
        return Err(Refusal::PreconditionFailed);
    }
    let modified = conditions.if_none_match(Some(&tag));
    Ok((!modified).then(|| (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()))
}

fn answer(status: StatusCode, content: &StoredContent, length: u64, body: Body) -> Response {
    let fields = [
        (ETAG.as_str(), content.tag()),
        (REPR_DIGEST, digest_field(content.digest)),
        (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
        (ACCEPT_RANGES.as_str(), "bytes".to_owned()),
    ];
    let mut response = (status, fields, body).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A body of `count` bytes. A single chunk is sent as it is; of several, the next are read while one is sent.
async fn stream(server: &Server, mut content: Content, count: u64) -> Result<Body, Refusal> {
    let first = content.try_next().await?.unwrap_or_default();
    server.metrics().add_sent(first.len());
    if first.len() as u64 == count {
        return Ok(Body::from(first));
    }
    let (chunks, body) = mpsc::channel(READ_AHEAD);
    let server = server.clone();
    tokio::spawn(async move {
        let sent = feed(&server, first, content, &chunks).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "a download failed");
            // The client receives fewer bytes than announced, and requests the rest.
            let _ = chunks.send(Err(std::io::Error::other("the download failed"))).await;
        }
    });
    Ok(Body::from_stream(ReceiverStream::new(body)))
}

async fn feed(
    server: &Server,
    first: Bytes,
    mut content: Content,
    chunks: &mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), BackendError> {
    let mut next = Some(first);
    while let Some(chunk) = next {
        let sent = tokio::time::timeout(TIMEOUT, chunks.send(Ok(chunk))).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::debug!("a client disconnected or does not read");
            return Ok(());
        }
        next = content.try_next().await?;
        server.metrics().add_sent(next.as_ref().map_or(0, Bytes::len));
    }
    Ok(())
}
