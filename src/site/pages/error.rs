//! What every error becomes, ours or a layer's: a page, or JSON below `/api/`.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use serde_json::json;

use crate::site::{
    http::{error::PageError, shared::Shared},
    parts::layout::{Layout, Section},
};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    layout: Layout,
    status: u16,
    headline: &'a str,
    what: String,
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
        match render(&shared, status, &what) {
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
        StatusCode::BAD_REQUEST => "the address is not valid",
        StatusCode::NOT_FOUND => "there is no page at this address",
        StatusCode::METHOD_NOT_ALLOWED => "use GET or HEAD: this address is read-only",
        StatusCode::SERVICE_UNAVAILABLE => "the page took too long; try again in a moment",
        StatusCode::PAYLOAD_TOO_LARGE => "the request is too large; this site reads no bodies",
        _ => "the server failed to render the page; see its log",
    }
}

/// An error in the look of all pages.
fn render(shared: &Shared, status: StatusCode, what: &str) -> askama::Result<String> {
    let headline = match status {
        StatusCode::NOT_FOUND => "Page not found",
        StatusCode::BAD_REQUEST => "Invalid address",
        StatusCode::METHOD_NOT_ALLOWED => "This address is read-only",
        StatusCode::SERVICE_UNAVAILABLE => "Temporarily unavailable",
        _ => "Internal error",
    };
    let mut what = what.to_owned();
    if let Some(first) = what.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    let layout = Layout {
        title: headline.to_owned(),
        site: shared.state.title.clone(),
        build: shared.build.clone(),
        serial: String::new(),
        here: Section::Unlisted,
    };
    ErrorPage { layout, status: status.as_u16(), headline, what }.render()
}
