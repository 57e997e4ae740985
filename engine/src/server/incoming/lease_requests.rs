//! `/v1/users/{user}/incoming/…` for clients that process messages: take leases, renew them, report the outcome of a message,
//! delete it. Every request but the first names the fence of its lease; only the database decides whether it is current.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::leases::{LeaseGrant, LeaseTerms};
use crate::protocol::{Lease, LeaseList, MAX_LEASES, MessageState, Outcome, SetState};
use crate::server::Server;
use crate::server::body;
use crate::server::caller::{Caller, PathMessage, malformed};
use crate::server::clock::now;
use crate::server::refusal::Refusal;

/// Leases that a request takes by default.
const DEFAULT_LEASES: usize = 10;

/// Most bytes of a request that sets the state.
const STATE_LIMIT: usize = 4 << 10;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ReserveQuery {
    limit: usize,
}

impl Default for ReserveQuery {
    fn default() -> Self {
        Self { limit: DEFAULT_LEASES }
    }
}

/// The lease that a request is made under.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FenceQuery {
    fence: Option<u64>,
}

/// The fence, which is required here.
pub(super) fn fence(query: Result<Query<FenceQuery>, QueryRejection>) -> Result<u64, Refusal> {
    let Query(FenceQuery { fence }) = query.map_err(malformed)?;
    fence.ok_or_else(|| Refusal::Malformed("name the lease: send `?fence=` with its number".to_owned()))
}

/// `POST …/leases`.
pub(super) async fn reserve(
    State(server): State<Server>,
    caller: Caller,
    query: Result<Query<ReserveQuery>, QueryRejection>,
) -> Result<Json<LeaseList>, Refusal> {
    let Query(ReserveQuery { limit }) = query.map_err(malformed)?;
    if !(1..=MAX_LEASES).contains(&limit) {
        return Err(Refusal::Malformed(format!("limit must be 1 to {MAX_LEASES}")));
    }
    let LeaseGrant { leases, failed, obsolete } = caller.store.mailbox().reserve(limit, terms(&server)).await?;
    server.metrics().add_messages(MessageState::Reserved, leases.len());
    server.metrics().add_messages(MessageState::Failed, failed);
    for object in obsolete {
        server.blobs().remove(object).await;
    }
    Ok(Json(LeaseList { leases }))
}

/// `POST …/{message}/lease`.
pub(super) async fn renew(
    State(server): State<Server>,
    caller: Caller,
    PathMessage(id): PathMessage,
    query: Result<Query<FenceQuery>, QueryRejection>,
) -> Result<Json<Lease>, Refusal> {
    Ok(Json(caller.store.mailbox().renew(id, fence(query)?, terms(&server)).await?))
}

/// `PUT …/{message}/state`.
pub(super) async fn set_state(
    State(server): State<Server>,
    caller: Caller,
    PathMessage(id): PathMessage,
    query: Result<Query<FenceQuery>, QueryRejection>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let bytes = body::read(body, STATE_LIMIT, caller.body_timeout).await?;
    let SetState { state } = serde_json::from_slice(&bytes).map_err(malformed)?;
    let mailbox = caller.store.mailbox();
    match (&query, state) {
        (Ok(Query(FenceQuery { fence: None })), Outcome::Pending) => mailbox.retry_failed(id).await?,
        _ => mailbox.set_outcome(id, fence(query)?, state).await?,
    }
    let state = match state {
        Outcome::Processed => MessageState::Processed,
        Outcome::Failed => MessageState::Failed,
        Outcome::Pending => MessageState::Pending,
    };
    server.metrics().add_messages(state, 1);
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE …/{message}`. The content has a name that no later message can have, so removing it cannot hit another.
pub(super) async fn delete(
    State(server): State<Server>,
    caller: Caller,
    PathMessage(id): PathMessage,
    query: Result<Query<FenceQuery>, QueryRejection>,
) -> Result<StatusCode, Refusal> {
    let object = caller.store.mailbox().delete(id, fence(query)?).await?;
    server.blobs().remove(object).await;
    Ok(StatusCode::NO_CONTENT)
}

fn terms(server: &Server) -> LeaseTerms {
    let config = &server.config().incoming;
    LeaseTerms { now: now(), seconds: config.lease_seconds.into(), tries: config.max_tries.get() }
}
