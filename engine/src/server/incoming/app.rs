//! The routes of incoming messages: those for users' clients, which are part of the main listener, and those for mail
//! services, which have a listener of their own.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};

use super::{delivery, key, lease_requests, messages};
use crate::server::Server;
use crate::server::refusal::{Missing, Refusal};
use crate::server::{monitoring, request_log};

/// The routes for mail services. They accept no token of a user.
pub fn app(server: Server) -> Router {
    Router::new()
        .route("/healthz", get(monitoring::health))
        .route("/v1/incoming/{user}/{message}", put(delivery::put))
        .fallback(|| async { Refusal::NotFound(Missing::Route) })
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .layer(from_fn_with_state(server.clone(), request_log::log_request))
        .with_state(server)
}

/// The routes for clients. They accept no token of a service.
pub(in crate::server) fn client_routes() -> Router<Server> {
    Router::new()
        .route("/v1/users/{user}/openpgp-key", get(key::get).put(key::put))
        .route("/v1/users/{user}/incoming", get(messages::list))
        .route("/v1/users/{user}/incoming/leases", post(lease_requests::reserve))
        .route("/v1/users/{user}/incoming/{message}", get(messages::get).delete(lease_requests::delete))
        .route("/v1/users/{user}/incoming/{message}/lease", post(lease_requests::renew))
        .route("/v1/users/{user}/incoming/{message}/state", put(lease_requests::set_state))
}
