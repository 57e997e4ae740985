//! `GET /healthz`: whether this process answers requests, and whether what it needs for that answers it. It tells strangers
//! nothing else, and however often they ask, the database and the storage are asked at most once a second.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;

use super::state::Server;

/// How long an answer counts.
const LIFETIME: Duration = Duration::from_secs(1);

/// How long the database and the storage may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found out last, and when.
#[derive(Default)]
pub(super) struct Health {
    last: Mutex<Option<(Instant, Found)>>,
}

/// Whether what requests need answers.
#[derive(Debug, Clone, Copy)]
struct Found {
    database: bool,
    storage: bool,
}

/// The answer, as JSON.
#[derive(Serialize)]
struct Told {
    state: &'static str,
    database: bool,
    storage: bool,
}

/// `GET`.
pub(super) async fn get(State(server): State<Server>) -> Response {
    let Found { database, storage } = found(&server).await;
    let state = match (server.is_stopping(), database && storage) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "failing",
    };
    let status = if state == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, [(CACHE_CONTROL, "no-store")], Json(Told { state, database, storage })).into_response();
    if state != "ready" {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(1));
    }
    response
}

async fn found(server: &Server) -> Found {
    // Held while it is found out, so that all who ask meanwhile share one answer.
    let mut last = server.health().last.lock().await;
    if let Some((when, found)) = *last
        && when.elapsed() < LIFETIME
    {
        return found;
    }
    let database = tokio::time::timeout(PATIENCE, server.accounts().check());
    let storage = tokio::time::timeout(PATIENCE, server.blobs().check());
    let (database, storage) = tokio::join!(database, storage);
    let found = Found { database: says("database", database), storage: says("storage", storage) };
    *last = Some((Instant::now(), found));
    found
}

/// Whether it answered; if not, the log says why.
fn says<E: std::fmt::Display>(what: &str, answer: Result<Result<(), E>, tokio::time::error::Elapsed>) -> bool {
    match answer {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => tracing::error!(%error, "the {what} does not answer"),
        Err(_) => tracing::error!("the {what} does not answer within {PATIENCE:?}"),
    }
    false
}
