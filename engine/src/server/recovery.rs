//! `/v1/users/{user}/recovery`: a user's recovery document. A client must have seen the document to replace it.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::body;
use super::caller::Caller;
use super::conditions::{Replacement, etag, header, list_contains};
use super::refusal::{Missing, Refusal};
use crate::protocol::MAX_RECOVERY;

/// `GET`: the document and its ETag, or 304 if the client has it already.
pub(super) async fn get(caller: Caller, headers: HeaderMap) -> Result<Response, Refusal> {
    let document = caller.store.recovery().await?.ok_or(Refusal::NotFound(Missing::RecoveryDocument))?;
    let tag = etag(&document);
    if header(&headers, IF_NONE_MATCH).is_some_and(|known| list_contains(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag), (CONTENT_TYPE, "application/octet-stream".to_owned())], document).into_response())
}

/// `PUT`: 201 for the first document, 204 for a replacement.
pub(super) async fn put(caller: Caller, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let replacement = Replacement::of(&headers)?;
    let status = if replacement.is_first() { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    let document = body::read(body, MAX_RECOVERY, caller.body_timeout).await?;
    if document.is_empty() {
        return Err(Refusal::Malformed("the recovery document is empty".to_owned()));
    }
    let tag = etag(&document);
    caller.store.set_recovery(document.to_vec(), move |existing| replacement.allows(existing)).await?;
    Ok((status, [(ETAG, tag)]).into_response())
}
