//! `/v1/users/{user}/peers/{replica}`: what the store and a replica know of each other.

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
use crate::protocol::{Note, SyncInfo};

/// Most bytes of a note.
const NOTE_LIMIT: usize = 4 << 10;

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
