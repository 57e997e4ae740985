//! Requests about incoming messages. Each request that changes a message carries the fencing token of its lease, so that a
//! device whose lease moved to another device cannot change anything.

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::{Method, RequestBuilder};

use crate::client::SyncError;
use crate::client::connection::{self, Connection, parse};
use crate::protocol::{Lease, LeaseList, Outcome, ProblemKind, SetState};

/// Most bytes of an answer about leases.
const ANSWER_LIMIT: usize = 1 << 20;

/// The result of a request under a lease.
#[derive(Debug)]
pub(super) enum LeaseResult<T> {
    Done(T),
    /// Another device has the message, or the message no longer exists.
    Lost,
}

/// Leases at most `limit` messages.
pub(super) async fn reserve(connection: &Connection, limit: usize) -> Result<Vec<Lease>, SyncError> {
    let request = connection.request(Method::POST, &["incoming", "leases"]).query(&[("limit", limit)]);
    let answer = connection::read_up_to(connection::send(request).await?, ANSWER_LIMIT).await?;
    let leases: LeaseList = parse(&answer)?;
    if leases.leases.len() > limit {
        return Err(SyncError::Protocol("more messages were leased than requested".to_owned()));
    }
    Ok(leases.leases)
}

/// Extends the lease.
pub(super) async fn renew(connection: &Connection, lease: &Lease) -> Result<LeaseResult<()>, SyncError> {
    let request = connection.request(Method::POST, &["incoming", lease.id.as_str(), "lease"]);
    send_under_lease(request, lease).await.map(|answer| match answer {
        LeaseResult::Done(_) => LeaseResult::Done(()),
        LeaseResult::Lost => LeaseResult::Lost,
    })
}

/// The message's bytes as stored; they must be those that the lease announced.
pub(super) async fn fetch(connection: &Connection, lease: &Lease) -> Result<LeaseResult<Vec<u8>>, SyncError> {
    let request = connection.request(Method::GET, &["incoming", lease.id.as_str()]);
    let LeaseResult::Done(answer) = send_under_lease(request, lease).await? else { return Ok(LeaseResult::Lost) };
    let limit = usize::try_from(lease.length).unwrap_or(usize::MAX);
    let bytes = connection::read_up_to(answer, limit).await?;
    if bytes.len() != limit || digest(&SHA256, &bytes).as_ref() != lease.digest.0 {
        return Err(SyncError::Protocol("a message differs from the one that was announced".to_owned()));
    }
    Ok(LeaseResult::Done(bytes))
}

/// Reports the outcome of the message.
pub(super) async fn set_state(
    connection: &Connection,
    lease: &Lease,
    state: Outcome,
) -> Result<LeaseResult<()>, SyncError> {
    let request = connection.request(Method::PUT, &["incoming", lease.id.as_str(), "state"]);
    Ok(match send_under_lease(request.json(&SetState { state }), lease).await? {
        LeaseResult::Done(_) => LeaseResult::Done(()),
        LeaseResult::Lost => LeaseResult::Lost,
    })
}

/// Deletes a processed message. One that no longer exists counts as deleted.
pub(super) async fn delete(connection: &Connection, lease: &Lease) -> Result<(), SyncError> {
    send_under_lease(connection.request(Method::DELETE, &["incoming", lease.id.as_str()]), lease).await.map(drop)
}

async fn send_under_lease(request: RequestBuilder, lease: &Lease) -> Result<LeaseResult<reqwest::Response>, SyncError> {
    match connection::send(request.query(&[("fence", lease.fence)])).await {
        Err(SyncError::Rejected(problem))
            if matches!(problem.kind(), ProblemKind::LeaseLost | ProblemKind::NotFound) =>
        {
            Ok(LeaseResult::Lost)
        }
        outcome => outcome.map(LeaseResult::Done),
    }
}
