//! The website: pages, downloads, a read-only API and a live stream over the history. The only room that knows status
//! codes. It must never write: every answer is a function of the history and the address, so that an ETag made of the
//! data's serial number is the whole truth about freshness.
//!
//! [`app`] lists every address. `pages` has a file for each page, with its template in `templates/`; `api` answers JSON,
//! `downloads` CSV and SVG; `parts` is what several of them show; `http` is what every request goes through.

mod api;
mod downloads;
mod http;
mod pages;
mod parts;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::SizeAbove},
    timeout::TimeoutLayer,
};

use crate::model::{Rules, Values};
use api::{decisions, reports, results};
use downloads::files;
use http::{assets, live, respond, shared::Shared};
use parts::effects;

/// What the site shows.
#[derive(Debug, Clone)]
pub struct SiteState {
    /// The history's database. It need not exist yet: pages say so, and pick it up when it appears.
    pub history: PathBuf,
    /// The scenarios as their files explain them, in the order of their names.
    pub scenarios: Arc<[ScenarioText]>,
    /// The name of what is measured, for titles.
    pub title: String,
}

/// A scenario's file, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioText {
    /// `group/name`.
    pub name: String,
    /// Version of the file.
    pub version: u32,
    /// How its series are compared, and its budgets.
    pub rules: Rules,
    /// The question it answers.
    pub question: String,
    /// How to read the answer.
    pub reading: String,
    /// The whole file.
    pub source: String,
    /// The settings that its cases with other settings are held against, where it has such.
    pub baseline: Option<Values>,
    /// Where the file lies, from the root of the repository.
    pub path: String,
}

/// How long a request may take before it is given up.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Bodies are never read; whoever sends one is refused beyond this many bytes.
const BODY_LIMIT: usize = 1024;

/// Answers below this many bytes are not worth compressing.
const COMPRESS_FROM: u64 = 860;

/// Every address of the site.
pub fn app(state: SiteState) -> Router {
    router(Arc::new(Shared::new(state)))
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(pages::overview::page))
        .route("/commits/{revision}", get(pages::commit::page))
        .route("/runs/{run}", get(pages::run::page))
        .route("/runs/{run}/samples.csv", get(files::run_samples))
        .route("/runs/{run}/cases/{case}", get(pages::case::page))
        .route("/runs/{run}/cases/{case}/samples.csv", get(files::case_samples))
        .route("/runs/{run}/cases/{case}/samples.svg", get(files::strip_svg))
        .route("/runs/{run}/cases/{case}/timelines.csv", get(files::timelines_csv))
        .route("/runs/{run}/cases/{case}/timelines.svg", get(files::timelines_svg))
        .route("/comparisons", get(pages::comparisons::page))
        .route("/comparison/{comparison}", get(pages::comparison::page))
        .route("/comparison/{comparison}/series", get(pages::series::page))
        .route("/comparison/{comparison}/series.csv", get(effects::csv))
        .route("/comparison/{comparison}/series.svg", get(effects::svg))
        .route("/findings", get(pages::findings::page))
        .route("/finding/{id}", get(pages::finding::page))
        .route("/calibration", get(pages::calibration::page))
        .route("/scenarios", get(pages::scenarios::list))
        .route("/scenarios/{group}/{name}", get(pages::scenarios::page))
        .route("/environments", get(pages::environments::page))
        .route("/about", get(pages::about::page))
        .route("/series.csv", get(files::series_csv))
        .route("/series.svg", get(files::series_svg))
        .route("/growth.svg", get(files::growth_svg))
        .route("/api/v1/runs", get(results::runs))
        .route("/api/v1/runs/{run}", get(results::run))
        .route("/api/v1/runs/{run}/cases/{case}", get(results::case))
        .route("/api/v1/series", get(results::series))
        .route("/api/v1/comparisons", get(decisions::comparisons))
        .route("/api/v1/comparisons/{comparison}", get(decisions::comparison))
        .route("/api/v1/comparisons/{comparison}/series", get(decisions::series))
        .route("/api/v1/findings", get(decisions::findings))
        .route("/api/v1/findings/{id}", get(decisions::finding))
        .route("/api/v1/calibrations", get(decisions::calibrations))
        .route("/api/v1/calibrations/{id}", get(decisions::calibration))
        .route("/api/v1/schemas/{file}", get(reports::schema))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), respond::when_changed))
        .route("/live", get(live::stream))
        .route("/static/{file}", get(assets::file))
        .route("/healthz", get(async || "ok\n"))
        .fallback(respond::no_page)
        .method_not_allowed_fallback(respond::no_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), respond::explain_errors))
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESS_FROM))),
        )
        .layer(middleware::map_response(respond::harden))
        .with_state(shared)
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
    let shared = Arc::new(Shared::new(state));
    let router = router(Arc::clone(&shared));
    let ending = async move {
        shutdown.await;
        // A live stream has no end of its own, and would keep the server waiting.
        shared.live.close();
    };
    axum::serve(listener, router).with_graceful_shutdown(ending).await
}
