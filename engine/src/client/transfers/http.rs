//! The requests about blobs that are more than one line, and what their answers mean.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response};

use super::failure::TransferError;
use super::task::Task;
use crate::client::SyncError;
use crate::client::connection::{self, Connection, PATIENCE};
use crate::protocol::{BlobEntry, BlobList};
use crate::store::BlobAddress;

/// The longest that a server can make us wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Most bytes of a page of a list.
const PAGE_BYTES: usize = 4 << 20;

/// How many blobs a page of a list has.
const PAGE: &str = "1000";

/// Sends a request and lets nothing but a success through.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, TransferError> {
    let response = request.send().await.map_err(SyncError::from)?;
    let after = retry_after(response.headers());
    match connection::check(response).await {
        Err(SyncError::Refused(problem)) if matches!(problem.status, 429 | 503) => {
            Err(TransferError::Busy { after, problem })
        }
        outcome => Ok(outcome?),
    }
}

/// Deletes the blob at the server, or what an upload of it left there. That nothing is there is as good.
pub(super) async fn delete(task: &Task) -> Result<(), TransferError> {
    for path in [&task.path()[..], &task.upload_path()] {
        let request = task.shared.connection.request(Method::DELETE, path);
        match task.network(send(request)).await {
            Err(TransferError::Exchange(SyncError::Refused(problem))) if problem.status == 404 => {}
            outcome => return outcome.map(drop),
        }
    }
    Ok(())
}

/// The blobs of a namespace that the server has, those whose id comes after `after`, and whether there are more.
pub(in crate::client) async fn list(
    connection: &Connection,
    namespace: &str,
    after: &str,
) -> Result<(Vec<BlobEntry>, bool), SyncError> {
    let mut query = vec![("limit", PAGE)];
    if !after.is_empty() {
        query.push(("after", after));
    }
    let list = page(connection, namespace, &query).await?;
    // Whatever the server says, the next page begins behind this one: so there is an end.
    let follow =
        list.blobs.iter().map(|entry| entry.id.as_str()).try_fold(after, |before, id| (id > before).then_some(id));
    match follow {
        Some(_) => Ok((list.blobs, list.next.is_some())),
        None => Err(SyncError::Protocol("a list of blobs is not in order".to_owned())),
    }
}

/// What the server says of one blob: the first of those whose id begins with its id is the blob itself, if it is there.
pub(in crate::client) async fn find(
    connection: &Connection,
    address: &BlobAddress,
) -> Result<Option<BlobEntry>, SyncError> {
    let list = page(connection, address.namespace(), &[("limit", "1"), ("prefix", address.id())]).await?;
    Ok(list.blobs.into_iter().find(|entry| entry.id.as_str() == address.id()))
}

async fn page(connection: &Connection, namespace: &str, query: &[(&str, &str)]) -> Result<BlobList, SyncError> {
    let request = connection.request(Method::GET, &["blobs", namespace]).query(query).timeout(PATIENCE);
    let answer = connection::read_up_to(connection::send(request).await?, PAGE_BYTES).await?;
    serde_json::from_slice(&answer).map_err(|error| SyncError::Protocol(error.to_string()))
}

/// A SHA-256 as `Repr-Digest` has it (RFC 9530).
pub(super) fn digest_field(digest: &[u8; 32]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest))
}

/// The pause that the server asks for, in seconds; as a date it is not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}
