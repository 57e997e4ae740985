//! The routes of the main listener. Unknown paths and methods are answered with problem details, too.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, head, post};

use super::blobs::{bundle, change, download, list, put, upload};
use super::incoming;
use super::refusal::{Missing, Refusal};
use super::state::Server;
use super::{contents, monitoring, peers, pull, push, recovery, request_log};

/// The routes of the main listener, as one service.
pub fn app(server: Server) -> Router {
    Router::new()
        .route("/healthz", get(monitoring::health))
        .route("/metrics", get(monitoring::metrics))
        .route("/v1/users/{user}/peers", get(peers::list))
        .route("/v1/users/{user}/peers/{replica}", get(peers::get).put(peers::put).delete(peers::delete))
        .route("/v1/users/{user}/peers/{replica}/tombstones", post(peers::purge))
        .route("/v1/users/{user}/peers/{replica}/documents", get(pull::get).post(push::post))
        .route("/v1/users/{user}/contents", post(contents::post))
        .route("/v1/users/{user}/recovery", get(recovery::get).put(recovery::put))
        .route("/v1/users/{user}/blobs", get(list::usage))
        .route("/v1/users/{user}/blob-counts/{namespace}", get(list::count))
        .route("/v1/users/{user}/blobs/{namespace}", get(list::list))
        .route("/v1/users/{user}/bundles/{namespace}", post(bundle::post).put(bundle::put))
        .route(
            "/v1/users/{user}/blobs/{namespace}/{id}",
            get(download::get).head(download::head).put(put::put).delete(change::delete),
        )
        .route("/v1/users/{user}/blobs/{namespace}/{id}/flags", get(change::flags).put(change::set_flags))
        .route(
            "/v1/users/{user}/blobs/{namespace}/{id}/upload",
            head(upload::head).patch(upload::patch).delete(upload::delete),
        )
        .merge(incoming::client_routes())
        .fallback(|| async { Refusal::NotFound(Missing::Route) })
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .layer(from_fn_with_state(server.clone(), request_log::log_request))
        .with_state(server)
}
