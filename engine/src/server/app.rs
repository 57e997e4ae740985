//! The routes. Every other path and method gets a problem too.

use axum::Router;
use axum::routing::get;

use super::refusal::Refusal;
use super::state::Server;
use super::{peers, pull, push, recovery};

/// The whole server as one service.
pub fn app(server: Server) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/v1/users/{user}/peers/{replica}", get(peers::get).put(peers::put))
        .route("/v1/users/{user}/peers/{replica}/documents", get(pull::get).post(push::post))
        .route("/v1/users/{user}/recovery", get(recovery::get).put(recovery::put))
        .fallback(|| async { Refusal::NotFound("this path leads nowhere") })
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .with_state(server)
}
