//! The requests about incoming messages. Each that changes one names the fence of its lease, so that a device whose lease
//! went to another can change nothing.

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::{Method, RequestBuilder};

use crate::client::SyncError;
use crate::client::connection::{self, Connection};
use crate::protocol::{Lease, LeaseList, Outcome, ProblemKind, SetState};

/// Most bytes that are read of an answer about leases.
const ANSWER_LIMIT: usize = 1 << 20;

/// What a request on a lease met.
#[derive(Debug)]
pub(super) enum OnLease<T> {
    Done(T),
    /// Another device has the message, or it is gone.
    Lost,
}

/// Reserves at most `limit` messages.
pub(super) async fn reserve(connection: &Connection, limit: usize) -> Result<Vec<Lease>, SyncError> {
    let request = connection.request(Method::POST, &["incoming", "leases"]).query(&[("limit", limit)]);
    let answer = connection::read_up_to(connection::send(request).await?, ANSWER_LIMIT).await?;
    let leases: LeaseList = parse(&answer)?;
    if leases.leases.len() > limit {
        return Err(SyncError::Protocol("more messages are reserved than were asked for".to_owned()));
    }
    Ok(leases.leases)
}

/// Asks for more time.
pub(super) async fn renew(connection: &Connection, lease: &Lease) -> Result<OnLease<()>, SyncError> {
    let request = connection.request(Method::POST, &["incoming", lease.id.as_str(), "lease"]);
    on_lease(request, lease).await.map(|answer| match answer {
        OnLease::Done(_) => OnLease::Done(()),
        OnLease::Lost => OnLease::Lost,
    })
}

/// The message's bytes as they are stored, which are those that the lease announced.
pub(super) async fn fetch(connection: &Connection, lease: &Lease) -> Result<OnLease<Vec<u8>>, SyncError> {
    let request = connection.request(Method::GET, &["incoming", lease.id.as_str()]);
    let OnLease::Done(answer) = on_lease(request, lease).await? else { return Ok(OnLease::Lost) };
    let limit = usize::try_from(lease.length).unwrap_or(usize::MAX);
    let bytes = connection::read_up_to(answer, limit).await?;
    if bytes.len() != limit || digest(&SHA256, &bytes).as_ref() != lease.digest.0 {
        return Err(SyncError::Protocol("a message is not the one that was announced".to_owned()));
    }
    Ok(OnLease::Done(bytes))
}

/// Says what became of the message.
pub(super) async fn set_state(
    connection: &Connection,
    lease: &Lease,
    state: Outcome,
) -> Result<OnLease<()>, SyncError> {
    let request = connection.request(Method::PUT, &["incoming", lease.id.as_str(), "state"]);
    Ok(match on_lease(request.json(&SetState { state }), lease).await? {
        OnLease::Done(_) => OnLease::Done(()),
        OnLease::Lost => OnLease::Lost,
    })
}

/// Deletes a processed message. That it is gone already is as good.
pub(super) async fn delete(connection: &Connection, lease: &Lease) -> Result<(), SyncError> {
    on_lease(connection.request(Method::DELETE, &["incoming", lease.id.as_str()]), lease).await.map(drop)
}

async fn on_lease(request: RequestBuilder, lease: &Lease) -> Result<OnLease<reqwest::Response>, SyncError> {
    match connection::send(request.query(&[("fence", lease.fence)])).await {
        Err(SyncError::Refused(problem))
            if matches!(problem.kind(), ProblemKind::LeaseLost | ProblemKind::NotFound) =>
        {
            Ok(OnLease::Lost)
        }
        outcome => outcome.map(OnLease::Done),
    }
}

fn parse<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, SyncError> {
    serde_json::from_slice(answer).map_err(|error| SyncError::Protocol(error.to_string()))
}
