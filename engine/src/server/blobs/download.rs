//! `GET` and `HEAD /v1/users/{user}/blobs/{namespace}/{id}`, and whatever else sends a content: it goes out, whole or a range of it. A few pieces are
//! read ahead of the client and no more, whatever the blob's size.

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
use super::fields::{REPR_DIGEST, digest_field};
use super::range::{Wanted, wanted};
use super::records::{Name, Stored};
use crate::server::Server;
use crate::server::caller::{Caller, PathBlob};
use crate::server::conditions::{Conditions, header};
use crate::server::refusal::Refusal;

/// Pieces that are read ahead of the client.
const AHEAD: usize = 2;

/// How long a client may take over a piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// `HEAD`.
pub(in crate::server) async fn head(
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let stored = find(&caller, &name).await?;
    let unchanged = unchanged(&stored, &headers)?;
    Ok(unchanged.unwrap_or_else(|| answer(StatusCode::OK, &stored, stored.length, Body::empty())))
}

/// `GET`.
pub(in crate::server) async fn get(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    send(&server, &find(&caller, &name).await?, &headers).await
}

async fn find(caller: &Caller, name: &Name) -> Result<Stored, Refusal> {
    let record = caller.store.shelf().find(name).await?.ok_or(Refusal::NotFound("there is no such blob"))?;
    Ok(record.stored())
}

/// What a `GET` with these headers gets of a content.
pub(in crate::server) async fn send(
    server: &Server,
    stored: &Stored,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(response) = unchanged(stored, headers)? {
        return Ok(response);
    }
    let length = stored.length;
    // A range of another blob than the client thinks is of no use (RFC 9110, section 13.1.5).
    let current = header(headers, IF_RANGE).is_none_or(|tag| tag == stored.tag());
    let (status, range) = match wanted(header(headers, RANGE).filter(|_| current), length) {
        Wanted::Whole => (StatusCode::OK, 0..length),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Unsatisfiable => return Err(Refusal::RangeNotSatisfiable(length)),
    };
    let count = range.end - range.start;
    let body = match count {
        0 => Body::empty(),
        _ => stream(server, server.blobs().backend().read(stored.object, range.clone()).await?, count).await?,
    };
    let mut response = answer(status, stored, count, body);
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = format!("bytes {}-{}/{length}", range.start, range.end - 1).parse()
    {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

/// The answer to who has the content already, if the conditions allow one at all.
fn unchanged(stored: &Stored, headers: &HeaderMap) -> Result<Option<Response>, Refusal> {
    let conditions = Conditions::of(headers);
    let tag = stored.tag();
    if !conditions.matches(Some(&tag)) {
        return Err(Refusal::PreconditionFailed);
    }
    let news = conditions.is_news(Some(&tag));
    Ok((!news).then(|| (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()))
}

fn answer(status: StatusCode, stored: &Stored, length: u64, body: Body) -> Response {
    let fields = [
        (ETAG.as_str(), stored.tag()),
        (REPR_DIGEST, digest_field(stored.digest)),
        (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
        (ACCEPT_RANGES.as_str(), "bytes".to_owned()),
    ];
    let mut response = (status, fields, body).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A body of `count` bytes. What fits into one piece is sent as it is; more is read while it is sent.
async fn stream(server: &Server, mut content: Content, count: u64) -> Result<Body, Refusal> {
    let first = content.try_next().await?.unwrap_or_default();
    server.metrics().sent(first.len());
    if first.len() as u64 == count {
        return Ok(Body::from(first));
    }
    let (pieces, body) = mpsc::channel(AHEAD);
    let server = server.clone();
    tokio::spawn(async move {
        let sent = feed(&server, first, content, &pieces).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "a download was broken off");
            // The client sees fewer bytes than announced, and asks for the rest.
            let _ = pieces.send(Err(std::io::Error::other("broken off"))).await;
        }
    });
    Ok(Body::from_stream(ReceiverStream::new(body)))
}

async fn feed(
    server: &Server,
    first: Bytes,
    mut content: Content,
    pieces: &mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), BackendError> {
    let mut next = Some(first);
    while let Some(piece) = next {
        let taken = tokio::time::timeout(PATIENCE, pieces.send(Ok(piece))).await;
        if !matches!(taken, Ok(Ok(()))) {
            tracing::debug!("a client went away, or does not read");
            return Ok(());
        }
        next = content.try_next().await?;
        server.metrics().sent(next.as_ref().map_or(0, Bytes::len));
    }
    Ok(())
}
