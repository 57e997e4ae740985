//! What can be changed of a blob: its flags, and whether it is there. Its content never.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::shelf::NO_BLOB;
use crate::protocol::FlagSet;
use crate::server::Server;
use crate::server::body;
use crate::server::caller::{Caller, PathBlob, malformed};
use crate::server::conditions::Conditions;
use crate::server::refusal::Refusal;

/// Most bytes of a set of flags.
const FLAGS_LIMIT: usize = 4 << 10;

/// `DELETE /v1/users/{user}/blobs/{namespace}/{id}`: whatever began to come under this name before the answer will not be a
/// blob. The content goes under its own name, which no later blob can have.
pub(in crate::server) async fn delete(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let shelf = caller.store.shelf();
    let removed = shelf.remove(name, Conditions::of(&headers)).await?;
    for object in removed.contents {
        shelf.turns().interrupt(object).await;
        server.blobs().remove(object).await;
    }
    if removed.was_there { Ok(StatusCode::NO_CONTENT) } else { Err(NO_BLOB) }
}

/// `GET …/flags`.
pub(in crate::server) async fn flags(caller: Caller, PathBlob(name): PathBlob) -> Result<Json<FlagSet>, Refusal> {
    let record = caller.store.shelf().find(&name).await?.ok_or(NO_BLOB)?;
    Ok(Json(FlagSet { flags: record.entry.flags }))
}

/// `PUT …/flags`.
pub(in crate::server) async fn set_flags(
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let bytes = body::read(body, FLAGS_LIMIT, caller.patience).await?;
    let FlagSet { flags } = serde_json::from_slice(&bytes).map_err(malformed)?;
    caller.store.shelf().set_flags(name, flags, Conditions::of(&headers)).await?;
    Ok(StatusCode::NO_CONTENT)
}
