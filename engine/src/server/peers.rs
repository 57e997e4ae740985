//! `/v1/users/{user}/peers`: how far the store and the user's replicas have synchronised, and purging of tombstones.

use axum::Json;
use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::Deserialize;

use super::body;
use super::caller::{Caller, PathReplica, malformed};
use super::refusal::{Missing, Refusal};
use crate::document::{Generation, Position, TransactionId};
use crate::protocol::{KnownReplicas, Note, PURGE_LIMIT, PurgeAnswer, PurgeRequest, SyncInfo};

/// Most bytes of a `PUT`.
const NOTE_LIMIT: usize = 4 << 10;

/// Most bytes of a request to purge.
const PURGE_BYTES: usize = 1 << 20;

/// The position in the store's history that a replica has seen, in a query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeenQuery {
    generation: Generation,
    transaction: TransactionId,
}

/// The position in a query, validated.
pub(super) fn seen(query: Result<Query<SeenQuery>, QueryRejection>) -> Result<Position, Refusal> {
    let Query(SeenQuery { generation, transaction }) = query.map_err(malformed)?;
    position(generation, transaction)
}

/// A position from untrusted input, validated.
pub(super) fn position(generation: Generation, transaction: TransactionId) -> Result<Position, Refusal> {
    if generation < 0 {
        return Err(Refusal::Malformed("a generation must not be negative".to_owned()));
    }
    Ok(Position { generation, transaction })
}

/// `GET`: what a replica needs to know before a synchronisation.
pub(super) async fn get(
    caller: Caller,
    PathReplica(replica): PathReplica,
    query: Result<Query<SeenQuery>, QueryRejection>,
) -> Result<Json<SyncInfo>, Refusal> {
    Ok(Json(caller.store.sync_info(replica, seen(query)?).await?))
}

/// `PUT`: records the positions of a replica after a synchronisation.
pub(super) async fn put(caller: Caller, PathReplica(replica): PathReplica, body: Body) -> Result<StatusCode, Refusal> {
    let note: Note =
        serde_json::from_slice(&body::read(body, NOTE_LIMIT, caller.body_timeout).await?).map_err(malformed)?;
    caller.store.record_positions(replica, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET …/peers`: the replicas that purging waits for.
pub(super) async fn list(caller: Caller) -> Result<Json<KnownReplicas>, Refusal> {
    Ok(Json(KnownReplicas { replicas: caller.store.replicas().await? }))
}

/// `DELETE`: forgets a replica that will not synchronise again.
pub(super) async fn delete(caller: Caller, PathReplica(replica): PathReplica) -> Result<StatusCode, Refusal> {
    let forgotten = caller.store.forget(replica).await?;
    if forgotten { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::NotFound(Missing::Replica)) }
}

/// `POST …/tombstones`: purges the tombstones that every replica has seen.
pub(super) async fn purge(
    caller: Caller,
    PathReplica(replica): PathReplica,
    body: Body,
) -> Result<Json<PurgeAnswer>, Refusal> {
    let request: PurgeRequest =
        serde_json::from_slice(&body::read(body, PURGE_BYTES, caller.body_timeout).await?).map_err(malformed)?;
    if request.tombstones.len() > PURGE_LIMIT {
        return Err(Refusal::TooLarge(format!("one request may name at most {PURGE_LIMIT} tombstones")));
    }
    Ok(Json(caller.store.purge(replica, request).await?))
}
