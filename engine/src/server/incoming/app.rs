//! The routes of incoming messages: those of users' clients, which are part of the server's, and those of mail services,
//! which are all that their listener knows.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};

use super::{deliver, key, messages, work};
use crate::server::Server;
use crate::server::refusal::Refusal;
use crate::server::{health, requests};

/// What mail services may do, as one service. No token of a user opens any of it.
pub fn app(server: Server) -> Router {
    Router::new()
        .route("/healthz", get(health::get))
        .route("/v1/incoming/{user}/{message}", put(deliver::put))
        .fallback(|| async { Refusal::NotFound("this path leads nowhere") })
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .layer(from_fn_with_state(server.clone(), requests::note))
        .with_state(server)
}

/// What clients may do. No token of a service opens any of it.
pub(in crate::server) fn client_routes() -> Router<Server> {
    Router::new()
        .route("/v1/users/{user}/openpgp-key", get(key::get).put(key::put))
        .route("/v1/users/{user}/incoming", get(messages::list))
        .route("/v1/users/{user}/incoming/leases", post(work::reserve))
        .route("/v1/users/{user}/incoming/{message}", get(messages::get).delete(work::delete))
        .route("/v1/users/{user}/incoming/{message}/lease", post(work::renew))
        .route("/v1/users/{user}/incoming/{message}/state", put(work::set_state))
}
