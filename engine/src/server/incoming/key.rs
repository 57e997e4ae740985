//! `/v1/users/{user}/openpgp-key`: the public key that messages are encrypted to. Nobody can replace one that they have
//! not seen, and nothing that is no usable key is kept.

use axum::Json;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::deliver::off_the_reactor;
use crate::crypto::PublicKey;
use crate::protocol::{MAX_OPENPGP_KEY, RegisteredKey};
use crate::server::body;
use crate::server::caller::{Caller, malformed};
use crate::server::conditions::{Replaces, etag, header, names};
use crate::server::refusal::Refusal;

/// `GET`: the key as it was registered and its ETag, or 304 to who has it already.
pub(super) async fn get(caller: Caller, headers: HeaderMap) -> Result<Response, Refusal> {
    let key = caller.store.mailbox().key().await?.ok_or(Refusal::NotFound("no key is registered yet"))?;
    let tag = etag(&key);
    if header(&headers, IF_NONE_MATCH).is_some_and(|known| names(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag), (CONTENT_TYPE, "application/octet-stream".to_owned())], key).into_response())
}

/// `PUT`: 201 for the first key, 200 for a replacement. The fingerprint is for people to compare.
pub(super) async fn put(caller: Caller, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let replaces = Replaces::of(&headers)?;
    let status = if replaces.is_first() { StatusCode::CREATED } else { StatusCode::OK };
    let key = body::read(body, MAX_OPENPGP_KEY, caller.patience).await?;
    let tag = etag(&key);
    let parsed = key.clone();
    let fingerprint = off_the_reactor(move || {
        PublicKey::from_bytes(&parsed).map(|key| key.fingerprint().to_string()).map_err(malformed)
    });
    let fingerprint = fingerprint.await?;
    caller.store.mailbox().set_key(key.to_vec(), move |present| replaces.allows(present)).await?;
    Ok((status, [(ETAG, tag)], Json(RegisteredKey { fingerprint })).into_response())
}
