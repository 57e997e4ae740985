//! `/v1/users/{user}/openpgp-key`: the public key that messages are encrypted to. A client must have seen a key to replace it,
//! and only a usable key is stored.

use axum::Json;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::crypto::PublicKey;
use crate::protocol::{MAX_OPENPGP_KEY, RegisteredKey};
use crate::server::blocking::spawn_blocking;
use crate::server::body;
use crate::server::caller::{Caller, malformed};
use crate::server::conditions::{Replacement, etag, header, list_contains};
use crate::server::refusal::{Missing, Refusal};

/// `GET`: the key as it was registered and its ETag, or 304 if the client has it already.
pub(super) async fn get(caller: Caller, headers: HeaderMap) -> Result<Response, Refusal> {
    let key = caller.store.mailbox().key().await?.ok_or(Refusal::NotFound(Missing::Key))?;
    let tag = etag(&key);
    if header(&headers, IF_NONE_MATCH).is_some_and(|known| list_contains(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag), (CONTENT_TYPE, "application/octet-stream".to_owned())], key).into_response())
}

/// `PUT`: 201 for the first key, 200 for a replacement. The answer has the fingerprint, for people to compare.
pub(super) async fn put(caller: Caller, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let replacement = Replacement::of(&headers)?;
    let status = if replacement.is_first() { StatusCode::CREATED } else { StatusCode::OK };
    let key = body::read(body, MAX_OPENPGP_KEY, caller.body_timeout).await?;
    let tag = etag(&key);
    let parsed = key.clone();
    let fingerprint = spawn_blocking(move || {
        PublicKey::from_bytes(&parsed).map(|key| key.fingerprint().to_string()).map_err(malformed)
    });
    let fingerprint = fingerprint.await?;
    caller.store.mailbox().set_key(key.to_vec(), move |existing| replacement.allows(existing)).await?;
    Ok((status, [(ETAG, tag)], Json(RegisteredKey { fingerprint })).into_response())
}
