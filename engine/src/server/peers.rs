//! `/v1/users/{user}/peers`: what the store and the user's replicas know of each other, and what can therefore be purged.

use axum::Json;
use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::Deserialize;

use super::body;
use super::caller::{Caller, PathReplica, malformed};
use super::refusal::Refusal;
use crate::document::{Generation, Position, TransactionId};
use crate::protocol::{KnownReplicas, Note, PURGE_LIMIT, PurgeAnswer, PurgeRequest, SyncInfo};

/// Most bytes of a note.
const NOTE_LIMIT: usize = 4 << 10;

/// Most bytes of a request to purge.
const PURGE_BYTES: usize = 1 << 20;

/// The place in the store's history that a replica has seen, in a query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeenQuery {
    generation: Generation,
    transaction: TransactionId,
}

/// The place in a query, checked.
pub(super) fn seen(query: Result<Query<SeenQuery>, QueryRejection>) -> Result<Position, Refusal> {
    let Query(SeenQuery { generation, transaction }) = query.map_err(malformed)?;
    position(generation, transaction)
}

/// A place that came from outside.
pub(super) fn position(generation: Generation, transaction: TransactionId) -> Result<Position, Refusal> {
    if generation < 0 {
        return Err(Refusal::Malformed("a generation is never negative".to_owned()));
    }
    Ok(Position { generation, transaction })
}

/// `GET`: what a replica must know before an exchange.
pub(super) async fn get(
    caller: Caller,
    PathReplica(replica): PathReplica,
    query: Result<Query<SeenQuery>, QueryRejection>,
) -> Result<Json<SyncInfo>, Refusal> {
    Ok(Json(caller.store.info(replica, seen(query)?).await?))
}

/// `PUT`: where a replica stands after an exchange.
pub(super) async fn put(caller: Caller, PathReplica(replica): PathReplica, body: Body) -> Result<StatusCode, Refusal> {
    let note: Note =
        serde_json::from_slice(&body::read(body, NOTE_LIMIT, caller.patience).await?).map_err(malformed)?;
    caller.store.note(replica, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET …/peers`: the replicas that purging waits for.
pub(super) async fn list(caller: Caller) -> Result<Json<KnownReplicas>, Refusal> {
    Ok(Json(KnownReplicas { replicas: caller.store.replicas().await? }))
}

/// `DELETE`: forgets a replica that will not come back.
pub(super) async fn delete(caller: Caller, PathReplica(replica): PathReplica) -> Result<StatusCode, Refusal> {
    let forgotten = caller.store.forget(replica).await?;
    if forgotten { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::NotFound("no such replica is known")) }
}

/// `POST …/tombstones`: purges what every replica has seen.
pub(super) async fn purge(
    caller: Caller,
    PathReplica(replica): PathReplica,
    body: Body,
) -> Result<Json<PurgeAnswer>, Refusal> {
    let request: PurgeRequest =
        serde_json::from_slice(&body::read(body, PURGE_BYTES, caller.patience).await?).map_err(malformed)?;
    if request.tombstones.len() > PURGE_LIMIT {
        return Err(Refusal::TooLarge(format!("a request may name {PURGE_LIMIT} tombstones")));
    }
    Ok(Json(caller.store.purge(replica, request).await?))
}
