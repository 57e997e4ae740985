//! Whether the copy that a browser holds is still right.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::shared::Shared;

/// Answers 304 where the browser's copy is still right, without making the page; else marks the answer.
pub(crate) async fn answer_unchanged(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
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
