//! Downloads of a run and of its cases: every sample and timeline as CSV, and the figures of a case as SVG files.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::Response,
};
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;

use super::{csv::Csv, file};
use crate::{
    history::{HistoryError, Reader},
    model::{Case, Metric, RunId, Trial},
    site::{
        http::{
            address::{Address, Params},
            choices::TrialIndex,
            error::PageError,
            names::{CaseId, RunNumber},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{case_data::CaseData, run_facts::find_run},
    },
};

/// Which metric's samples; those of the wall time unless named.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StripParams {
    metric: Optional<Metric>,
}

/// Which trial's timelines; those of the first unless named.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimelinesParams {
    trial: Optional<TrialIndex>,
}

impl TimelinesParams {
    fn index(&self) -> usize {
        self.trial.0.map_or(0, |TrialIndex(index)| index)
    }
}

/// Answers `/runs/{run}/samples.csv`: every sample of the run, a case at a time, so that no run is too large.
pub(crate) async fn run_samples(
    State(shared): State<Arc<Shared>>,
    Address(RunNumber(id)): Address<RunNumber>,
) -> Result<Response, PageError> {
    let (reader, cases) = shared.read(move |site| read_cases(site, id)).await?;
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
    Ok(file::csv(&format!("run-{id}-samples.csv"), Body::from_stream(ReceiverStream::new(receiver))))
}

fn read_cases(site: &Site, id: RunId) -> Result<(Reader, Vec<Case>), PageError> {
    let reader = site.history()?;
    find_run(reader, id)?;
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

/// Reads a case that a path names.
async fn read_case<T: Send + 'static>(
    shared: &Arc<Shared>,
    (RunNumber(run), case): (RunNumber, CaseId),
    work: impl FnOnce(&CaseData) -> Result<T, PageError> + Send + 'static,
) -> Result<T, PageError> {
    shared.read(move |site| work(&CaseData::read(site.history()?, run, &case)?)).await
}

/// Answers `/runs/{run}/cases/{case}/samples.csv`.
pub(crate) async fn case_samples(
    State(shared): State<Arc<Shared>>,
    Address(path): Address<(RunNumber, CaseId)>,
) -> Result<Response, PageError> {
    let text = read_case(&shared, path, |data| {
        let mut csv = Csv::new(&SAMPLE_HEAD);
        data.trials.iter().for_each(|trial| sample_rows(&mut csv, trial));
        Ok(csv.take())
    });
    Ok(file::csv("samples.csv", Body::from(text.await?)))
}

/// Answers `/runs/{run}/cases/{case}/samples.svg`.
pub(crate) async fn strip_svg(
    State(shared): State<Arc<Shared>>,
    Address(path): Address<(RunNumber, CaseId)>,
    Params(params): Params<StripParams>,
) -> Result<Response, PageError> {
    let metric = params.metric.0.unwrap_or(Metric::WALL_TIME);
    let drawing = move |data: &CaseData| {
        let figure = data.strip(metric)?;
        Ok(figure.ok_or_else(|| PageError::missing(format!("this case has no samples of {metric}")))?.svg)
    };
    Ok(file::svg(&read_case(&shared, path, drawing).await?))
}

/// Answers `/runs/{run}/cases/{case}/timelines.svg`.
pub(crate) async fn timelines_svg(
    State(shared): State<Arc<Shared>>,
    Address(path): Address<(RunNumber, CaseId)>,
    Params(params): Params<TimelinesParams>,
) -> Result<Response, PageError> {
    let trial = params.index();
    let drawing = move |data: &CaseData| {
        let figure = data.timelines(trial)?;
        Ok(figure.ok_or_else(|| PageError::missing("this trial has no timelines"))?.svg)
    };
    Ok(file::svg(&read_case(&shared, path, drawing).await?))
}

/// Answers `/runs/{run}/cases/{case}/timelines.csv`.
pub(crate) async fn timelines_csv(
    State(shared): State<Arc<Shared>>,
    Address(path): Address<(RunNumber, CaseId)>,
    Params(params): Params<TimelinesParams>,
) -> Result<Response, PageError> {
    let trial = params.index();
    let text = read_case(&shared, path, move |data| {
        let trial = data.trials.get(trial).ok_or_else(|| PageError::missing("there are fewer trials than that"))?;
        Ok(timeline_rows(trial))
    });
    Ok(file::csv("timelines.csv", Body::from(text.await?)))
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
