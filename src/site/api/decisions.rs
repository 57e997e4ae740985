//! The read-only API of decisions: comparisons, findings and calibrations.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};

use crate::{
    history::{ComparisonListing, Reader},
    model::{ComparisonId, RunState, Tally, UnixMillis},
    report::{CalibrationReport, ComparisonReport, FindingReport, FindingsReport, VerdictReport},
    site::{
        api::reports,
        http::{
            address::{Address, Params},
            choices::{FindingFilter, Limit},
            error::PageError,
            names::{CalibrationNumber, ComparisonNumber, EnvironmentId, FindingNumber},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            block_series::{BlockSeries, BlockSeriesParams},
            effects::BlockEffect,
            finding_text::find_finding,
        },
    },
};

/// Which comparisons; the newest 50 unless named.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ComparisonListParams {
    limit: Optional<Limit>,
    before: Optional<ComparisonNumber>,
}

/// Which findings; the open ones of every machine unless named.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FindingListParams {
    state: Optional<FindingFilter>,
    environment: Optional<EnvironmentId>,
}

/// Which calibrations; those of every machine unless named.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CalibrationListParams {
    environment: Optional<EnvironmentId>,
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
    Params(params): Params<ComparisonListParams>,
) -> Result<Json<Comparisons>, PageError> {
    let Limit(limit) = params.limit.0.unwrap_or(Limit::DEFAULT);
    let listed = move |reader: &Reader| match params.before.0 {
        Some(ComparisonNumber(before)) => reader.comparisons_before(before, limit),
        None => reader.comparisons(limit),
    };
    let comparisons = shared.read(move |site| of_history(site, |reader| Ok(listed(reader)?))).await?;
    Ok(Json(Comparisons { comparisons: comparisons.into_iter().map(Listed::from).collect() }))
}

/// Answers `/api/v1/comparisons/{comparison}`: what `benchline compare --format json` prints.
pub(crate) async fn comparison(
    State(shared): State<Arc<Shared>>,
    Address(ComparisonNumber(id)): Address<ComparisonNumber>,
) -> Result<Json<ComparisonReport>, PageError> {
    Ok(Json(shared.read(move |site| reports::comparison(site, id)).await?))
}

/// Answers `/api/v1/comparisons/{comparison}/series`.
pub(crate) async fn series(
    State(shared): State<Arc<Shared>>,
    Address(ComparisonNumber(id)): Address<ComparisonNumber>,
    Params(params): Params<BlockSeriesParams>,
) -> Result<Json<WholeSeries>, PageError> {
    let whole = shared.read(move |site| {
        let data = BlockSeries::read(site.history()?, id, &params)?;
        let verdict = VerdictReport::from(&data.verdict);
        Ok(WholeSeries { comparison: id, verdict, blocks: data.effects.blocks })
    });
    Ok(Json(whole.await?))
}

/// Answers `/api/v1/findings`: what `benchline findings list --json` prints.
pub(crate) async fn findings(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<FindingListParams>,
) -> Result<Json<FindingsReport>, PageError> {
    let states = params.state.0.unwrap_or_default().states();
    let environment = params.environment.0.map(|EnvironmentId(environment)| environment);
    let read = move |reader: &Reader| Ok(reader.findings(environment.as_deref(), &states)?);
    Ok(Json(FindingsReport { findings: shared.read(move |site| of_history(site, read)).await? }))
}

/// Answers `/api/v1/findings/{id}`.
pub(crate) async fn finding(
    State(shared): State<Arc<Shared>>,
    Address(FindingNumber(id)): Address<FindingNumber>,
) -> Result<Json<FindingReport>, PageError> {
    let finding = shared.read(move |site| find_finding(site.history()?, id)).await?;
    Ok(Json(FindingReport::from(&finding)))
}

/// Answers `/api/v1/calibrations`.
pub(crate) async fn calibrations(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<CalibrationListParams>,
) -> Result<Json<Calibrations>, PageError> {
    let environment = params.environment.0.map(|EnvironmentId(environment)| environment);
    let read = move |reader: &Reader| Ok(reader.calibrations(environment.as_deref())?);
    let calibrations = shared.read(move |site| of_history(site, read)).await?;
    Ok(Json(Calibrations { calibrations: calibrations.into_iter().map(CalibrationReport::from).collect() }))
}

/// Answers `/api/v1/calibrations/{calibration}`: what `benchline calibrate --json` prints.
pub(crate) async fn calibration(
    State(shared): State<Arc<Shared>>,
    Address(CalibrationNumber(id)): Address<CalibrationNumber>,
) -> Result<Json<CalibrationReport>, PageError> {
    let missing = move || PageError::missing(format!("there is no calibration {id}; /api/v1/calibrations lists them"));
    let found = shared.read(move |site| site.history()?.calibration(id)?.ok_or_else(missing)).await?;
    Ok(Json(CalibrationReport::from(found)))
}

/// A list from the history; empty where there is none yet.
fn of_history<T>(site: &Site, read: impl FnOnce(&Reader) -> Result<Vec<T>, PageError>) -> Result<Vec<T>, PageError> {
    site.reader().map_or_else(|| Ok(Vec::new()), read)
}
