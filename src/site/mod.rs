//! The website: pages, downloads, a read-only API and a live stream over the history. The only room that knows status
//! codes. It must never write: every answer is a function of the history and the address, so that an ETag made of the
//! data's serial number is the whole truth about freshness.
//!
//! [`app`] lists every address. Each page is a file here and a template in `templates/`; [`Shared`] is what they read.

mod about;
mod api;
mod api_deciding;
mod assets;
mod beside;
mod calibration;
mod case;
mod case_data;
mod cases;
mod commit;
mod comparison;
mod comparisons;
mod csv;
mod download;
mod effects;
mod environments;
mod error;
mod figure;
mod finding;
mod findings;
mod graph;
mod growth;
mod home;
mod judged;
mod layout;
mod live;
mod marks;
mod now;
mod params;
mod reports;
mod respond;
mod run;
mod scenarios;
mod series;
mod settings;
mod shared;
mod surroundings;
mod verdict_table;

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
use shared::Shared;

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
        .route("/", get(home::page))
        .route("/commits/{revision}", get(commit::page))
        .route("/runs/{run}", get(run::page))
        .route("/runs/{run}/samples.csv", get(download::run_samples))
        .route("/runs/{run}/cases/{case}", get(case::page))
        .route("/runs/{run}/cases/{case}/samples.csv", get(download::case_samples))
        .route("/runs/{run}/cases/{case}/samples.svg", get(download::strip_svg))
        .route("/runs/{run}/cases/{case}/timelines.csv", get(download::timelines_csv))
        .route("/runs/{run}/cases/{case}/timelines.svg", get(download::timelines_svg))
        .route("/comparisons", get(comparisons::page))
        .route("/comparison/{comparison}", get(comparison::page))
        .route("/comparison/{comparison}/series", get(series::page))
        .route("/comparison/{comparison}/series.csv", get(effects::csv))
        .route("/comparison/{comparison}/series.svg", get(effects::svg))
        .route("/findings", get(findings::page))
        .route("/finding/{id}", get(finding::page))
        .route("/calibration", get(calibration::page))
        .route("/scenarios", get(scenarios::list))
        .route("/scenarios/{group}/{name}", get(scenarios::page))
        .route("/environments", get(environments::page))
        .route("/about", get(about::page))
        .route("/series.csv", get(download::series_csv))
        .route("/series.svg", get(download::series_svg))
        .route("/growth.svg", get(download::growth_svg))
        .route("/api/v1/runs", get(api::runs))
        .route("/api/v1/runs/{run}", get(api::run))
        .route("/api/v1/runs/{run}/cases/{case}", get(api::case))
        .route("/api/v1/series", get(api::series))
        .route("/api/v1/comparisons", get(api_deciding::comparisons))
        .route("/api/v1/comparisons/{comparison}", get(api_deciding::comparison))
        .route("/api/v1/comparisons/{comparison}/series", get(api_deciding::series))
        .route("/api/v1/findings", get(api_deciding::findings))
        .route("/api/v1/findings/{id}", get(api_deciding::finding))
        .route("/api/v1/calibrations", get(api_deciding::calibrations))
        .route("/api/v1/calibrations/{id}", get(api_deciding::calibration))
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
