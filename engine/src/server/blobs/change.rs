//! What a request can change of a blob: its flags, and whether it exists. Its content never changes.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::store::remove_uploads;
use crate::protocol::FlagSet;
use crate::server::Server;
use crate::server::body;
use crate::server::caller::{Caller, PathBlob, malformed};
use crate::server::conditions::Conditions;
use crate::server::refusal::{Missing, Refusal};

/// Most bytes of a set of flags.
const FLAGS_LIMIT: usize = 4 << 10;

/// `DELETE /v1/users/{user}/blobs/{namespace}/{id}`. No upload under this name that began before the answer becomes a blob.
/// The content has a name that no later blob can have, so removing it cannot hit another.
pub(in crate::server) async fn delete(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let removal = caller.store.blobs().remove(name, Conditions::of(&headers)).await?;
    remove_uploads(&server, &caller, removal.contents).await;
    if removal.existed { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::NotFound(Missing::Blob)) }
}

/// `GET …/flags`.
pub(in crate::server) async fn flags(caller: Caller, PathBlob(name): PathBlob) -> Result<Json<FlagSet>, Refusal> {
    let blob = caller.store.blobs().find(&name).await?.ok_or(Refusal::NotFound(Missing::Blob))?;
    Ok(Json(FlagSet { flags: blob.entry.flags }))
}

/// `PUT …/flags`.
pub(in crate::server) async fn set_flags(
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let bytes = body::read(body, FLAGS_LIMIT, caller.body_timeout).await?;
    let FlagSet { flags } = serde_json::from_slice(&bytes).map_err(malformed)?;
    caller.store.blobs().set_flags(name, flags, Conditions::of(&headers)).await?;
    Ok(StatusCode::NO_CONTENT)
}
