//! The read-only API of what was decided: comparisons, findings and calibrations, beside their pages.

use std::sync::Arc;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    history::{ComparisonListing, Reader},
    model::{ComparisonId, RunState, Tally, UnixMillis},
    report::{CalibrationReport, ComparisonReport, FindingReport, FindingsReport, VerdictReport},
    site::{
        api::reports,
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        pages::{
            findings,
            series::{Asked, Choice, SeriesPath},
        },
        parts::effects::BlockEffect,
    },
};

/// Comparisons listed at most.
const MOST_COMPARISONS: u32 = 500;

/// Which comparisons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComparisonsAsked {
    limit: Option<u32>,
    before: Option<String>,
}

/// Which findings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindingsAsked {
    state: Option<String>,
    environment: Option<String>,
}

/// Which calibrations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalibrationsAsked {
    environment: Option<String>,
}

/// The newest comparisons.
#[derive(Debug, Serialize)]
pub(crate) struct Comparisons {
    comparisons: Vec<Listed>,
}

/// A comparison with the figures of its list entry.
#[derive(Debug, Serialize)]
struct Listed {
    comparison: ComparisonId,
    purpose: &'static str,
    state: RunState,
    base: String,
    head: String,
    environment: String,
    identical: bool,
    started_at: UnixMillis,
    finished_at: Option<UnixMillis>,
    summary: Tally,
}

/// One series of a comparison with its blocks.
#[derive(Debug, Serialize)]
pub(crate) struct WholeSeries {
    comparison: ComparisonId,
    verdict: VerdictReport,
    blocks: Vec<BlockEffect>,
}

/// Calibrations, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct Calibrations {
    calibrations: Vec<CalibrationReport>,
}

impl From<ComparisonListing> for Listed {
    fn from(listing: ComparisonListing) -> Listed {
        let summary = listing.summary();
        let ComparisonListing { comparison, base, head, .. } = listing;
        Listed {
            comparison: comparison.id,
            purpose: comparison.purpose.as_str(),
            state: comparison.state,
            base: base.run.revision.id,
            environment: head.run.environment,
            head: head.run.revision.id,
            identical: comparison.identical,
            started_at: comparison.started_at,
            finished_at: comparison.finished_at,
            summary,
        }
    }
}

/// Answers `/api/v1/comparisons`.
pub(crate) async fn comparisons(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<ComparisonsAsked>, QueryRejection>,
) -> Result<Json<Comparisons>, PageError> {
    let asked = params::query(query)?;
    let limit = asked.limit.unwrap_or(50);
    if !(1..=MOST_COMPARISONS).contains(&limit) {
        return Err(PageError::Bad(format!("limit is between 1 and {MOST_COMPARISONS}")));
    }
    let before = params::optional(asked.before.as_ref(), params::comparison)?;
    let listed = move |reader: &Reader| match before {
        Some(before) => reader.comparisons_before(before, limit),
        None => reader.comparisons(limit),
    };
    let comparisons = shared.read(move |site| of_history(site, |reader| Ok(listed(reader)?))).await?;
    Ok(Json(Comparisons { comparisons: comparisons.into_iter().map(Listed::from).collect() }))
}

/// Answers `/api/v1/comparisons/{comparison}`: what `benchline compare --format json` prints.
pub(crate) async fn comparison(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ComparisonReport>, PageError> {
    let id = params::comparison(&params::path(path)?)?;
    Ok(Json(shared.read(move |site| reports::comparison(site, id)).await?))
}

/// Answers `/api/v1/comparisons/{comparison}/series`.
pub(crate) async fn series(
    State(shared): State<Arc<Shared>>,
    path: SeriesPath,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<WholeSeries>, PageError> {
    let choice = Choice::of(path, query)?;
    let whole = shared.read(move |site| {
        let data = choice.read(site.history()?)?;
        let verdict = VerdictReport::from(&data.verdict);
        Ok(WholeSeries { comparison: choice.comparison, verdict, blocks: data.effects.blocks })
    });
    Ok(Json(whole.await?))
}

/// Answers `/api/v1/findings`: what `benchline findings list --json` prints.
pub(crate) async fn findings(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<FindingsAsked>, QueryRejection>,
) -> Result<Json<FindingsReport>, PageError> {
    let asked = params::query(query)?;
    let environment = params::optional(asked.environment.as_ref(), params::environment)?;
    let states = findings::states(asked.state.as_deref())?;
    let read = move |reader: &Reader| Ok(reader.findings(environment.as_deref(), states)?);
    Ok(Json(FindingsReport { findings: shared.read(move |site| of_history(site, read)).await? }))
}

/// Answers `/api/v1/findings/{id}`.
pub(crate) async fn finding(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<FindingReport>, PageError> {
    let id = params::finding(&params::path(path)?)?;
    let finding = shared.read(move |site| findings::read(site.history()?, id)).await?;
    Ok(Json(FindingReport::from(&finding)))
}

/// Answers `/api/v1/calibrations`.
pub(crate) async fn calibrations(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<CalibrationsAsked>, QueryRejection>,
) -> Result<Json<Calibrations>, PageError> {
    let asked = params::query(query)?;
    let environment = params::optional(asked.environment.as_ref(), params::environment)?;
    let read = move |reader: &Reader| Ok(reader.calibrations(environment.as_deref())?);
    let calibrations = shared.read(move |site| of_history(site, read)).await?;
    Ok(Json(Calibrations { calibrations: calibrations.into_iter().map(CalibrationReport::from).collect() }))
}

/// Answers `/api/v1/calibrations/{id}`: what `benchline calibrate --json` prints.
pub(crate) async fn calibration(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<CalibrationReport>, PageError> {
    let id = params::calibration(&params::path(path)?)?;
    let missing = move || PageError::missing(format!("there is no calibration {id}; /api/v1/calibrations lists them"));
    let found = shared.read(move |site| site.history()?.calibration(id)?.ok_or_else(missing)).await?;
    Ok(Json(CalibrationReport::from(found)))
}

/// A list from the history; empty where there is none yet.
fn of_history<T>(site: &Site, read: impl FnOnce(&Reader) -> Result<Vec<T>, PageError>) -> Result<Vec<T>, PageError> {
    site.reader().map_or_else(|| Ok(Vec::new()), read)
}
