//! Requests about blobs, and what their answers mean.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response};

use super::error::TransferError;
use super::task::Task;
use crate::client::SyncError;
use crate::client::connection::{self, Connection, TIMEOUT, parse};
use crate::protocol::{BlobEntry, BlobList};
use crate::store::BlobAddress;

/// The longest wait that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Most bytes of a page of a list.
const PAGE_BYTES: usize = 4 << 20;

/// How many blobs a page of a list has.
const PAGE: &str = "1000";

/// Sends a request; anything but a success is an error.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, TransferError> {
    let response = request.send().await.map_err(SyncError::from)?;
    let after = retry_after(response.headers());
    match connection::check(response).await {
        Err(SyncError::Rejected(problem)) if matches!(problem.status, 429 | 503) => {
            Err(TransferError::Busy { after, problem })
        }
        outcome => Ok(outcome?),
    }
}

/// Deletes the blob at the server, or an unfinished upload of it. Where there is neither, that is a success too.
pub(super) async fn delete(task: &Task) -> Result<(), TransferError> {
    for path in [&task.path()[..], &task.upload_path()] {
        let request = task.shared.connection.request(Method::DELETE, path);
        match task.network(send(request)).await {
            Err(TransferError::Exchange(SyncError::Rejected(problem))) if problem.status == 404 => {}
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
    // Ids must ascend, so that the paging always terminates.
    let ascending =
        list.blobs.iter().map(|entry| entry.id.as_str()).try_fold(after, |before, id| (id > before).then_some(id));
    match ascending {
        Some(_) => Ok((list.blobs, list.next.is_some())),
        None => Err(SyncError::Protocol("a list of blobs is not sorted".to_owned())),
    }
}

/// The server's entry for one blob. If the blob exists, it is the first of those whose id begins with its id.
pub(in crate::client) async fn find(
    connection: &Connection,
    address: &BlobAddress,
) -> Result<Option<BlobEntry>, SyncError> {
    let list = page(connection, address.namespace(), &[("limit", "1"), ("prefix", address.id())]).await?;
    Ok(list.blobs.into_iter().find(|entry| entry.id.as_str() == address.id()))
}

async fn page(connection: &Connection, namespace: &str, query: &[(&str, &str)]) -> Result<BlobList, SyncError> {
    let request = connection.request(Method::GET, &["blobs", namespace]).query(query).timeout(TIMEOUT);
    let answer = connection::read_up_to(connection::send(request).await?, PAGE_BYTES).await?;
    parse(&answer)
}

/// A SHA-256 digest as a `Repr-Digest` field (RFC 9530).
pub(super) fn digest_field(digest: &[u8; 32]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest))
}

/// The delay that the server asks for in seconds. A date is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}
