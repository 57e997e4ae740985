//! What stands under charts: the data as CSV, the drawing as an SVG file of its own.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;

use super::csv::Csv;
use crate::{
    history::{HistoryError, Reader},
    model::{Case, Metric, RunId, Trial},
    site::{
        http::{
            assets,
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        pages::{
            run,
            scenarios::{last_measured, newest_environment},
        },
        parts::{case_data::CaseData, graph::History, growth},
    },
};

/// Which series.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesAsked {
    scenario: String,
    metric: String,
    environment: Option<String>,
    last: Option<String>,
    /// Which of several graphs, where one does not hold all lines.
    part: Option<String>,
    /// Which revision; the newest unless named.
    at: Option<String>,
}

/// Which metric's samples.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StripAsked {
    metric: Option<String>,
}

/// Which trial's timelines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelinesAsked {
    trial: Option<String>,
}

/// A validated [`SeriesAsked`].
#[derive(Debug)]
pub(crate) struct SeriesChoice {
    scenario: String,
    metric: Metric,
    environment: Option<String>,
    span: usize,
    part: usize,
    at: Option<String>,
}

impl SeriesAsked {
    /// What was asked for, validated.
    pub(crate) fn validated(self) -> Result<SeriesChoice, PageError> {
        Ok(SeriesChoice {
            scenario: params::scenario(&self.scenario)?,
            metric: params::metric(&self.metric)?,
            environment: params::optional(self.environment.as_ref(), params::environment)?,
            span: params::optional(self.last.as_ref(), params::span)?.unwrap_or(usize::MAX),
            part: params::optional(self.part.as_ref(), params::part)?.unwrap_or(0),
            at: params::optional(self.at.as_ref(), params::revision)?,
        })
    }
}

impl SeriesChoice {
    /// The data; every revision unless fewer were asked for.
    pub(crate) fn read(&self, site: &Site) -> Result<History, PageError> {
        let reader = site.history()?;
        let environment = match &self.environment {
            Some(environment) => Some(environment.clone()),
            None => newest_environment(reader)?,
        };
        let environment = environment.ok_or_else(|| PageError::missing("nothing has been measured yet"))?;
        let history = History::read(reader, &self.scenario, self.metric, &environment, self.span)?;
        if history.series.is_empty() {
            let what =
                format!("{} has no {} on {environment}; /scenarios lists what there is", self.scenario, self.metric);
            return Err(PageError::missing(what));
        }
        Ok(history)
    }
}

/// Answers `/series.csv`.
pub(crate) async fn series_csv(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<SeriesAsked>, QueryRejection>,
) -> Result<Response, PageError> {
    let choice = params::query(query)?.validated()?;
    let name = format!("{}-{}.csv", choice.scenario.replace('/', "-"), choice.metric);
    let text = shared.read(move |site| Ok(series_rows(&choice.read(site)?))).await?;
    Ok(csv(&name, Body::from(text)))
}

fn series_rows(history: &History) -> String {
    let mut csv = Csv::new(&[
        "position", "revision", "run", "scenario", "case", "label", "metric", "unit", "estimate", "low", "high",
        "level", "trials", "samples", "grade",
    ]);
    for line in &history.series {
        let case = line.case.key();
        for point in &line.points {
            let Some(listing) = history.place(point).and_then(|place| history.axis.get(place)) else { continue };
            let end = |end: fn(&crate::model::Interval) -> f64| {
                point.interval.as_ref().map(|i| end(i).to_string()).unwrap_or_default()
            };
            csv.row(&[
                listing.run.revision.position.to_string(),
                listing.run.revision.id.clone(),
                point.run.to_string(),
                history.scenario.clone(),
                case.clone(),
                line.label.0.clone(),
                history.metric.to_string(),
                history.metric.unit().to_string(),
                point.estimate.to_string(),
                end(|interval| interval.low),
                end(|interval| interval.high),
                end(|interval| interval.level),
                point.trials.to_string(),
                point.samples.to_string(),
                point.grade.as_str().to_owned(),
            ]);
        }
    }
    csv.take()
}

/// Answers `/series.svg`.
pub(crate) async fn series_svg(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<SeriesAsked>, QueryRejection>,
) -> Result<Response, PageError> {
    let choice = params::query(query)?.validated()?;
    let drawing = move |site: &Site| {
        let history = choice.read(site)?.with_marks(site.history()?)?;
        let places = history.chart_places(site.history()?)?;
        let marked = choice.at.as_ref().and_then(|revision| history.place_of(revision));
        let pictures = history.pictures();
        let found = pictures.get(choice.part).ok_or_else(|| PageError::missing("there are fewer graphs than that"))?;
        let title = format!("{} {} {}", history.scenario, history.metric, found.0);
        history.svg(title.trim_end(), &found.1, &places, marked, false)
    };
    Ok(svg(&shared.read(drawing).await?))
}

/// Answers `/growth.svg`.
pub(crate) async fn growth_svg(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<SeriesAsked>, QueryRejection>,
) -> Result<Response, PageError> {
    let choice = params::query(query)?.validated()?;
    let drawing = move |site: &Site| {
        let history = choice.read(site)?;
        let place = match &choice.at {
            Some(revision) => history.place_of(revision),
            None => last_measured(&history),
        };
        let drawn = place.map(|place| growth::figure(&history, place)).transpose()?.flatten();
        Ok(drawn.ok_or_else(|| PageError::missing("this scenario has too few sizes for such a graph"))?.svg)
    };
    Ok(svg(&shared.read(drawing).await?))
}

/// Answers `/runs/{run}/samples.csv`: every sample of the run, a case at a time, so that no run is too large.
pub(crate) async fn run_samples(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let id = params::run(&params::path(path)?)?;
    let (reader, cases) = shared.read(move |site| cases_of(site, id)).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, HistoryError>>(4);
    tokio::task::spawn_blocking(move || {
        let mut csv = Csv::new(&SAMPLE_HEAD);
        for case in cases {
            let chunk = reader.trials(id, &case.key()).map(|trials| {
                trials.iter().for_each(|trial| sample_rows(&mut csv, trial));
                Bytes::from(csv.take())
            });
            let failed = chunk.is_err();
            // Whoever asked may be gone, and half a file must not look like a whole one.
            if sender.blocking_send(chunk).is_err() || failed {
                return;
            }
        }
    });
    Ok(csv(&format!("run-{id}-samples.csv"), Body::from_stream(ReceiverStream::new(receiver))))
}

fn cases_of(site: &Site, id: RunId) -> Result<(Reader, Vec<Case>), PageError> {
    let reader = site.history()?;
    run::listing(reader, id)?;
    let measurements = reader.measurements(id)?;
    let cases: std::collections::BTreeSet<Case> =
        measurements.into_iter().map(|measurement| measurement.case).collect();
    Ok((reader.clone(), cases.into_iter().collect()))
}

const SAMPLE_HEAD: [&str; 10] =
    ["case", "label", "trial", "order", "sample", "warmup", "iterations", "metric", "unit", "value"];

/// A row for each sample of each metric; values are totals over the iterations, as they were taken.
fn sample_rows(csv: &mut Csv, trial: &Trial) {
    let case = trial.case.key();
    for column in &trial.columns {
        for (index, value) in column.values.iter().enumerate() {
            csv.row(&[
                case.as_str(),
                &trial.label.0,
                &trial.index.saturating_add(1).to_string(),
                &trial.order.saturating_add(1).to_string(),
                &(index + 1).to_string(),
                if index < trial.warmup as usize { "yes" } else { "no" },
                &trial.iterations.to_string(),
                &column.metric.to_string(),
                column.metric.unit().as_str(),
                &value.to_string(),
            ]);
        }
    }
}

type CasePath = Result<Path<(String, String)>, PathRejection>;

/// Reads a case that a path names.
async fn case<T: Send + 'static>(
    shared: &Arc<Shared>,
    path: CasePath,
    work: impl FnOnce(&CaseData) -> Result<T, PageError> + Send + 'static,
) -> Result<T, PageError> {
    let (id, case) = params::path(path)?;
    let (id, case) = (params::run(&id)?, params::case(&case)?);
    shared.read(move |site| work(&CaseData::read(site.history()?, id, &case)?)).await
}

/// Answers `/runs/{run}/cases/{case}/samples.csv`.
pub(crate) async fn case_samples(State(shared): State<Arc<Shared>>, path: CasePath) -> Result<Response, PageError> {
    let text = case(&shared, path, |data| {
        let mut csv = Csv::new(&SAMPLE_HEAD);
        data.trials.iter().for_each(|trial| sample_rows(&mut csv, trial));
        Ok(csv.take())
    });
    Ok(csv("samples.csv", Body::from(text.await?)))
}

/// Answers `/runs/{run}/cases/{case}/samples.svg`.
pub(crate) async fn strip_svg(
    State(shared): State<Arc<Shared>>,
    path: CasePath,
    query: Result<Query<StripAsked>, QueryRejection>,
) -> Result<Response, PageError> {
    let asked = params::query(query)?;
    let metric = params::optional(asked.metric.as_ref(), params::metric)?.unwrap_or(Metric::WALL_TIME);
    let drawing = move |data: &CaseData| {
        let figure = data.strip(metric)?;
        Ok(figure.ok_or_else(|| PageError::missing(format!("this case has no samples of {metric}")))?.svg)
    };
    Ok(svg(&case(&shared, path, drawing).await?))
}

/// Answers `/runs/{run}/cases/{case}/timelines.svg`.
pub(crate) async fn timelines_svg(
    State(shared): State<Arc<Shared>>,
    path: CasePath,
    query: Result<Query<TimelinesAsked>, QueryRejection>,
) -> Result<Response, PageError> {
    let trial = params::optional(params::query(query)?.trial.as_ref(), params::trial)?.unwrap_or(0);
    let drawing = move |data: &CaseData| {
        let figure = data.timelines(trial)?;
        Ok(figure.ok_or_else(|| PageError::missing("this trial has no timelines"))?.svg)
    };
    Ok(svg(&case(&shared, path, drawing).await?))
}

/// Answers `/runs/{run}/cases/{case}/timelines.csv`.
pub(crate) async fn timelines_csv(
    State(shared): State<Arc<Shared>>,
    path: CasePath,
    query: Result<Query<TimelinesAsked>, QueryRejection>,
) -> Result<Response, PageError> {
    let trial = params::optional(params::query(query)?.trial.as_ref(), params::trial)?.unwrap_or(0);
    let text = case(&shared, path, move |data| {
        let trial = data.trials.get(trial).ok_or_else(|| PageError::missing("there are fewer trials than that"))?;
        Ok(timeline_rows(trial))
    });
    Ok(csv("timelines.csv", Body::from(text.await?)))
}

fn timeline_rows(trial: &Trial) -> String {
    let mut csv =
        Csv::new(&["role", "at_ns", "cpu_ns", "rss", "bytes_read", "bytes_written", "storage_written", "switches"]);
    for line in &trial.timelines {
        for point in &line.points {
            let values = [
                point.at_ns,
                point.cpu_ns,
                point.rss,
                point.bytes_read,
                point.bytes_written,
                point.storage_written,
                point.switches,
            ];
            let mut row = vec![line.role.as_str().to_owned()];
            row.extend(values.map(|value| value.to_string()));
            csv.row(&row);
        }
    }
    csv.take()
}

/// A CSV file. `name` is ours or validated, so that it needs no quoting.
pub(crate) fn csv(name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], body)
        .into_response()
}

/// An SVG file that carries its colours with it, light and dark. Its own policy allows that style and nothing else.
pub(crate) fn svg(drawing: &str) -> Response {
    let styled = drawing.replacen('>', &format!("><style>{}</style>", assets::CHART_STYLE), 1);
    let policy: (HeaderName, &str) =
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'");
    ([(header::CONTENT_TYPE, "image/svg+xml"), policy], styled).into_response()
}
