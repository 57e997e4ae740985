//! What every answer goes through: freshness, headers that keep browsers strict, and errors shown as pages.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use serde_json::json;

use super::{error::PageError, shared::Shared};
use crate::site::parts::layout;

/// Nothing but our own files; no inline script, no inline style, nobody else's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// Answers 304 where the browser's copy is still right, without making the page; else marks the answer.
pub(crate) async fn when_changed(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let tag = match shared.tag().await {
        Ok(tag) => tag,
        Err(error) => return error.into_response(),
    };
    let Ok(value) = HeaderValue::from_str(&tag) else { return next.run(request).await };
    let kept = [(header::ETAG, value), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if matches!(*request.method(), Method::GET | Method::HEAD) && holds(request.headers(), &tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let mut response = next.run(request).await;
    if response.status() == StatusCode::OK {
        response.headers_mut().extend(kept.map(|(name, value)| (Some(name), value)));
    }
    response
}

/// Whether `If-None-Match` names the tag. Weak comparison, as RFC 9110 §13.1.2 asks for.
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    let named = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|held| held.trim().trim_start_matches("W/") == strong)
}

/// Headers of every answer.
pub(crate) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let absent = !headers.contains_key(header::CONTENT_SECURITY_POLICY);
    if absent {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

/// No such address.
pub(crate) async fn no_page() -> PageError {
    PageError::missing("there is no page at this address")
}

/// An address that is only read.
pub(crate) async fn no_method() -> Response {
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Turns every error, ours or a layer's, into a page, or into JSON below `/api/`.
pub(crate) async fn explain_errors(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = response.extensions().get::<PageError>();
    let what = error.map_or_else(|| in_general(status).to_owned(), PageError::to_string);
    let mut explained = if api {
        (status, Json(json!({ "error": what }))).into_response()
    } else {
        match layout::error_page(&shared.state.title, status, &what) {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => (status, what).into_response(),
        }
    };
    if let Some(allow) = response.headers().get(header::ALLOW) {
        explained.headers_mut().insert(header::ALLOW, allow.clone());
    }
    explained.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    explained
}

/// What a status means where nobody said more.
fn in_general(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "the address is not one that this site understands",
        StatusCode::NOT_FOUND => "there is no page at this address",
        StatusCode::METHOD_NOT_ALLOWED => "this address can only be read: use GET or HEAD",
        StatusCode::SERVICE_UNAVAILABLE => "the page took too long; try again in a moment",
        StatusCode::PAYLOAD_TOO_LARGE => "the request is too large; this site reads no bodies",
        _ => "the page could not be made; the server's log says why",
    }
}
