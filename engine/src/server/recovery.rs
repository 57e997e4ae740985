//! `/v1/users/{user}/recovery`: the one slot of a user's recovery document. Nobody can replace what they have not seen.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::body;
use super::caller::Caller;
use super::refusal::Refusal;
use super::user_store::Expected;
use crate::protocol::MAX_RECOVERY;

/// `GET`: the document and its ETag, or 304 to who has it already.
pub(super) async fn get(caller: Caller, headers: HeaderMap) -> Result<Response, Refusal> {
    let document = caller.store.recovery().await?.ok_or(Refusal::NotFound("no recovery document is stored yet"))?;
    let tag = etag(&document);
    if header(&headers, IF_NONE_MATCH).is_some_and(|known| names(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag), (CONTENT_TYPE, "application/octet-stream".to_owned())], document).into_response())
}

/// `PUT`: 201 for the first document, 204 for a replacement.
pub(super) async fn put(caller: Caller, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let (expected, status) = match (header(&headers, IF_NONE_MATCH), header(&headers, IF_MATCH)) {
        (Some("*"), None) => (Expected::Absent, StatusCode::CREATED),
        (None, Some(tags)) => {
            let tags = tags.to_owned();
            (Expected::Matching(Box::new(move |present| names(&tags, &etag(present)))), StatusCode::NO_CONTENT)
        }
        _ => return Err(Refusal::PreconditionRequired),
    };
    let document = body::read(body, MAX_RECOVERY).await?;
    if document.is_empty() {
        return Err(Refusal::Malformed("a recovery document is not empty".to_owned()));
    }
    let tag = etag(&document);
    caller.store.set_recovery(document.to_vec(), expected).await?;
    Ok((status, [(ETAG, tag)]).into_response())
}

fn header(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a list of entity tags (RFC 9110, section 8.8.3) names this one. All of ours are strong.
fn names(list: &str, tag: &str) -> bool {
    list.trim() == "*" || list.split(',').any(|entry| entry.trim() == tag)
}

fn etag(document: &[u8]) -> String {
    let hash = digest(&SHA256, document);
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags_are_read() {
        assert!(names("*", "\"a\"") && names("\"a\"", "\"a\"") && names("\"b\" , \"a\"", "\"a\""));
        assert!(!names("\"b\"", "\"a\"") && !names("a", "\"a\"") && !names("W/\"a\"", "\"a\""));
    }
}
