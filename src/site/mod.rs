//! The website: pages, downloads, a read-only API and a live stream over the history. The only room that knows status
//! codes. It must never write: every answer is a function of the history, the scenarios' files, the program itself and the
//! address, and the ETag is made of the first three.
//!
//! [`app`] lists every address. `pages` has a file for each page, with its template in `templates/`; `api` answers JSON,
//! `downloads` CSV and SVG; `parts` is what several of them show; `http` is what every request goes through.

mod api;
mod downloads;
mod http;
mod pages;
mod parts;
mod state;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::SizeAbove},
    timeout::TimeoutLayer,
};

use api::{decisions, reports, results};
use downloads::{blocks, samples, series};
use http::{
    assets, freshness, headers,
    live::{self, Live},
    shared::Shared,
};
pub use state::{ScenarioText, SiteState};

/// How long a request may take before it is given up.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Bodies are never read; a larger one is rejected.
const BODY_LIMIT: usize = 1024;

/// Answers below this many bytes are not worth compressing.
const COMPRESS_FROM: u64 = 860;

/// Every address of the site.
pub fn app(state: SiteState) -> Router {
    let shared = Arc::new(Shared::new(state, http::build::digest()));
    router(&shared, &Arc::new(Live::new(Arc::clone(&shared))))
}

fn router(shared: &Arc<Shared>, live: &Arc<Live>) -> Router {
    Router::new()
        .route("/", get(pages::overview::show))
        .route("/commits/{revision}", get(pages::commit::show))
        .route("/runs/{run}", get(pages::run::show))
        .route("/runs/{run}/samples.csv", get(samples::run_samples))
        .route("/runs/{run}/cases/{case}", get(pages::case::show))
        .route("/runs/{run}/cases/{case}/samples.csv", get(samples::case_samples))
        .route("/runs/{run}/cases/{case}/samples.svg", get(samples::strip_svg))
        .route("/runs/{run}/cases/{case}/timelines.csv", get(samples::timelines_csv))
        .route("/runs/{run}/cases/{case}/timelines.svg", get(samples::timelines_svg))
        .route("/comparisons", get(pages::comparisons::show))
        .route("/comparisons/{comparison}", get(pages::comparison::show))
        .route("/comparisons/{comparison}/series", get(pages::series::show))
        .route("/comparisons/{comparison}/series.csv", get(blocks::csv))
        .route("/comparisons/{comparison}/series.svg", get(blocks::svg))
        .route("/findings", get(pages::findings::show))
        .route("/findings/{finding}", get(pages::finding::show))
        .route("/calibration", get(pages::calibration::show))
        .route("/scenarios", get(pages::scenarios::show))
        .route("/scenarios/{group}/{name}", get(pages::scenario::show))
        .route("/environments", get(pages::environments::show))
        .route("/about", get(pages::about::show))
        .route("/series.csv", get(series::series_csv))
        .route("/series.svg", get(series::series_svg))
        .route("/growth.svg", get(series::growth_svg))
        .route("/api/v1/runs", get(results::runs))
        .route("/api/v1/runs/{run}", get(results::run))
        .route("/api/v1/runs/{run}/cases/{case}", get(results::case))
        .route("/api/v1/series", get(results::series))
        .route("/api/v1/comparisons", get(decisions::comparisons))
        .route("/api/v1/comparisons/{comparison}", get(decisions::comparison))
        .route("/api/v1/comparisons/{comparison}/series", get(decisions::series))
        .route("/api/v1/findings", get(decisions::findings))
        .route("/api/v1/findings/{finding}", get(decisions::finding))
        .route("/api/v1/calibrations", get(decisions::calibrations))
        .route("/api/v1/calibrations/{calibration}", get(decisions::calibration))
        .route("/api/v1/schemas/{file}", get(reports::schema))
        .layer(middleware::from_fn_with_state(Arc::clone(shared), freshness::answer_unchanged))
        .route("/live", get(live::stream).with_state(Arc::clone(live)))
        .route("/static/{file}", get(assets::file))
        .route("/healthz", get(async || "ok\n"))
        .fallback(pages::error::no_page)
        .method_not_allowed_fallback(pages::error::no_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(shared), pages::error::explain_errors))
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESS_FROM))),
        )
        .layer(middleware::map_response(headers::harden))
        .with_state(Arc::clone(shared))
}

/// Serves the site until `shutdown` ends; then listeners to the live stream are let go and answers under way finish.
///
/// # Errors
/// Where the listener fails.
pub async fn run(
    listener: tokio::net::TcpListener,
    state: SiteState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let shared = Arc::new(Shared::new(state, http::build::digest()));
    let live = Arc::new(Live::new(Arc::clone(&shared)));
    let router = router(&shared, &live);
    let ending = async move {
        shutdown.await;
        // A live stream has no end of its own, and would keep the server waiting.
        live.close();
    };
    axum::serve(listener, router).with_graceful_shutdown(ending).await
}
