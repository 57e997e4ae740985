//! The routes. Every other path and method gets a problem too.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, head};

use super::blobs::{change, download, list, put, resume};
use super::incoming;
use super::refusal::Refusal;
use super::state::Server;
use super::{health, metrics, peers, pull, push, recovery, requests};

/// The whole server as one service.
pub fn app(server: Server) -> Router {
    Router::new()
        .route("/healthz", get(health::get))
        .route("/metrics", get(metrics::get))
        .route("/v1/users/{user}/peers/{replica}", get(peers::get).put(peers::put))
        .route("/v1/users/{user}/peers/{replica}/documents", get(pull::get).post(push::post))
        .route("/v1/users/{user}/recovery", get(recovery::get).put(recovery::put))
        .route("/v1/users/{user}/blobs", get(list::usage))
        .route("/v1/users/{user}/blob-counts/{namespace}", get(list::count))
        .route("/v1/users/{user}/blobs/{namespace}", get(list::list))
        .route(
            "/v1/users/{user}/blobs/{namespace}/{id}",
            get(download::get).head(download::head).put(put::put).delete(change::delete),
        )
        .route("/v1/users/{user}/blobs/{namespace}/{id}/flags", get(change::flags).put(change::set_flags))
        .route(
            "/v1/users/{user}/blobs/{namespace}/{id}/upload",
            head(resume::head).patch(resume::patch).delete(resume::delete),
        )
        .merge(incoming::client_routes())
        .fallback(|| async { Refusal::NotFound("this path leads nowhere") })
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .layer(from_fn_with_state(server.clone(), requests::note))
        .with_state(server)
}
