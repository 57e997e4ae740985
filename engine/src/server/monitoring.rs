//! `GET /healthz` and `GET /metrics`, for monitoring systems. Neither needs a token, and neither reveals anything about users.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::state::Server;

/// The answer to `GET /healthz`.
#[derive(Serialize)]
struct HealthReport {
    state: ServerState,
    database: bool,
    storage: bool,
}

/// The state of a server process.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ServerState {
    /// It serves requests.
    Ready,
    /// The database or the storage does not respond.
    Failing,
    /// It is shutting down.
    Stopping,
}

/// `GET /healthz`: 200 if this process can serve requests, else 503.
pub(super) async fn health(State(server): State<Server>) -> Response {
    let checks = server.health().check(server.accounts(), server.blobs()).await;
    let state = match (server.is_stopping(), checks.database && checks.storage) {
        (true, _) => ServerState::Stopping,
        (false, true) => ServerState::Ready,
        (false, false) => ServerState::Failing,
    };
    let report = Json(HealthReport { state, database: checks.database, storage: checks.storage });
    let no_store = [(CACHE_CONTROL, "no-store")];
    if state == ServerState::Ready {
        return (StatusCode::OK, no_store, report).into_response();
    }
    let retry = [(RETRY_AFTER, HeaderValue::from(1))];
    (StatusCode::SERVICE_UNAVAILABLE, no_store, retry, report).into_response()
}

/// `GET /metrics`: the counters, in the text format of Prometheus.
pub(super) async fn metrics(State(server): State<Server>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        server.metrics().text(server.stores().open_databases(), server.connections().open()),
    )
}
