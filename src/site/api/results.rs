//! The read-only API: the model's records as JSON, under the names that the database and the pages use.

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
    history::RunListing,
    model::{Direction, Grade, Interval, Metric, Revision, Run, RunId, RunState, Trial, Unit},
    report::{CaseReport, MeasurementReport, RunReport},
    site::{
        api::reports,
        downloads::files::SeriesAsked,
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            case_data::CaseData,
            environment_changes::{self, Shift},
            graph::History,
        },
    },
};

/// Runs listed at most.
const MOST_RUNS: u32 = 500;

/// How many runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsAsked {
    limit: Option<u32>,
}

/// A run with the figures of its list entry.
#[derive(Debug, Serialize)]
struct Listed {
    run: Run,
    sound: u32,
    noisy: u32,
    unusable: u32,
    failures: u32,
    trials: u32,
    planned_trials: u32,
}

/// The newest runs.
#[derive(Debug, Serialize)]
pub(crate) struct Runs {
    runs: Vec<Listed>,
}

/// One case of a run with everything raw.
#[derive(Debug, Serialize)]
pub(crate) struct WholeCase {
    run: RunId,
    case: CaseReport,
    measurements: Vec<MeasurementReport>,
    trials: Vec<Trial>,
}

/// One metric of one scenario over revisions.
#[derive(Debug, Serialize)]
pub(crate) struct WholeSeries {
    scenario: String,
    metric: Metric,
    unit: Unit,
    direction: Direction,
    environment: String,
    /// Oldest first.
    revisions: Vec<OnAxis>,
    /// What changed around the runs without splitting the series: kernel, toolchain, governor.
    shifts: Vec<Shift>,
    series: Vec<Line>,
}

/// A revision on the axis.
#[derive(Debug, Serialize)]
struct OnAxis {
    revision: Revision,
    run: RunId,
    state: RunState,
}

/// One case's points, in the order of the axis.
#[derive(Debug, Serialize)]
struct Line {
    id: i64,
    case: CaseReport,
    operation_version: u32,
    points: Vec<OnLine>,
}

/// One point. Revisions without one were not measured.
#[derive(Debug, Serialize)]
struct OnLine {
    run: RunId,
    estimate: f64,
    interval: Option<Interval>,
    trials: u32,
    samples: u32,
    grade: Grade,
}

impl From<RunListing> for Listed {
    fn from(listing: RunListing) -> Listed {
        let RunListing { run, sound, noisy, unusable, failures, trials, planned_trials } = listing;
        Listed { run, sound, noisy, unusable, failures, trials, planned_trials }
    }
}

impl WholeSeries {
    fn of(history: History, shifts: Vec<Shift>) -> WholeSeries {
        let revisions = history.axis.into_iter().map(|listing| listing.run);
        let lines = history.series.into_iter().map(|series| Line {
            id: series.id,
            case: CaseReport::new(&series.case, &series.label),
            operation_version: series.operation_version,
            points: series
                .points
                .into_iter()
                .map(|point| OnLine {
                    run: point.run,
                    estimate: point.estimate,
                    interval: point.interval,
                    trials: point.trials,
                    samples: point.samples,
                    grade: point.grade,
                })
                .collect(),
        });
        WholeSeries {
            unit: history.metric.unit(),
            direction: history.metric.direction(),
            scenario: history.scenario,
            metric: history.metric,
            environment: history.environment,
            revisions: revisions.map(|run| OnAxis { revision: run.revision, run: run.id, state: run.state }).collect(),
            shifts,
            series: lines.collect(),
        }
    }
}

/// Answers `/api/v1/runs`.
pub(crate) async fn runs(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<RunsAsked>, QueryRejection>,
) -> Result<Json<Runs>, PageError> {
    let limit = params::query(query)?.limit.unwrap_or(50);
    if !(1..=MOST_RUNS).contains(&limit) {
        return Err(PageError::Bad(format!("limit is between 1 and {MOST_RUNS}")));
    }
    let listed = move |site: &crate::site::http::shared::Site| match site.reader() {
        Some(reader) => Ok(reader.runs(limit)?.into_iter().map(Listed::from).collect()),
        None => Ok(Vec::new()),
    };
    Ok(Json(Runs { runs: shared.read(listed).await? }))
}

/// Answers `/api/v1/runs/{run}`: what `benchline run --json` writes.
pub(crate) async fn run(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<RunReport>, PageError> {
    let id = params::run(&params::path(path)?)?;
    Ok(Json(shared.read(move |site| reports::run(site, id)).await?))
}

/// Answers `/api/v1/runs/{run}/cases/{case}`.
pub(crate) async fn case(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<WholeCase>, PageError> {
    let (run, case) = params::path(path)?;
    let (run, case) = (params::run(&run)?, params::case(&case)?);
    let whole = shared.read(move |site| {
        let CaseData { case, label, measurements, trials, .. } = CaseData::read(site.history()?, run, &case)?;
        let measurements = measurements.iter().map(MeasurementReport::from).collect();
        Ok(WholeCase { run, case: CaseReport::new(&case, &label), measurements, trials })
    });
    Ok(Json(whole.await?))
}

/// Answers `/api/v1/series`.
pub(crate) async fn series(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<SeriesAsked>, QueryRejection>,
) -> Result<Json<WholeSeries>, PageError> {
    let choice = params::query(query)?.validated()?;
    let read = move |site: &Site| {
        let history = choice.read(site)?;
        let shifts = environment_changes::shifts(site.history()?, &history)?;
        Ok(WholeSeries::of(history, shifts))
    };
    Ok(Json(shared.read(read).await?))
}
