//! The result of runs as one JSON object, and as a table.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    comparison::{Format, Report as Comparison},
    output::say,
    table::table,
    terminal::value,
};
use crate::{
    exchange::parameters,
    history::Reader,
    judge::{self, Crossing},
    model::{Check, Environment, Failure, Limit, Measurement, Metric, Revision, RunId},
    scenario::Plan,
};

/// Version of the object. History: 1, the first.
const SCHEMA: u32 = 1;

/// Everything that one run says.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    run: RunId,
    state: &'static str,
    revision: Revision,
    environment: Option<Environment>,
    measurements: Vec<Row>,
    failures: Vec<FailureRow>,
    /// Budgets that are exceeded.
    budgets: Vec<BudgetRow>,
    /// What the revision was measured against, and the verdicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
    #[serde(skip)]
    judged: Vec<Measurement>,
}

#[derive(Debug, Serialize)]
struct Row {
    scenario: String,
    version: u32,
    parameters: Map<String, Json>,
    metric: Metric,
    role: Option<&'static str>,
    unit: &'static str,
    direction: crate::model::Direction,
    estimate: f64,
    interval: Option<[f64; 2]>,
    level: Option<f64>,
    trials: u32,
    samples: u32,
    grade: &'static str,
    checks: Vec<Check>,
}

/// A budget that is exceeded.
#[derive(Debug, Serialize)]
pub(super) struct BudgetRow {
    scenario: String,
    parameters: Map<String, Json>,
    metric: Metric,
    found: f64,
    limit: Limit,
    pub(super) message: String,
}

impl BudgetRow {
    pub(super) fn of(crossing: &Crossing) -> BudgetRow {
        let Crossing { case, label, metric, found, limit } = crossing;
        let (found_text, limit_text) = match limit {
            Limit::Value(value) => (metric.unit().format(*found), metric.unit().format(*value)),
            Limit::OfAnchor(factor) => (format!("{found:.3} × the anchor"), format!("{factor} ×")),
        };
        BudgetRow {
            scenario: case.scenario.clone(),
            parameters: parameters(&case.parameters),
            metric: *metric,
            found: *found,
            limit: *limit,
            message: format!(
                "over budget: {metric} of {} {} is {found_text}, and {limit_text} is the limit",
                case.scenario, label.0
            ),
        }
    }
}

#[derive(Debug, Serialize)]
struct FailureRow {
    scenario: Option<String>,
    parameters: Map<String, Json>,
    trial: Option<u32>,
    kind: &'static str,
    message: String,
    log: String,
}

impl Report {
    /// Reads a run from the history.
    pub(super) fn read(reader: &Reader, run: RunId, plan: &Plan) -> anyhow::Result<Report> {
        let listing = reader.run(run)?.with_context(|| format!("there is no run {run}"))?;
        let judged = reader.measurements(run)?;
        Ok(Report {
            schema: SCHEMA,
            run,
            state: listing.run.state.as_str(),
            revision: listing.run.revision,
            environment: reader.environment(run)?,
            measurements: judged.iter().map(row).collect(),
            failures: reader.failures(run)?.into_iter().map(failure_row).collect(),
            comparison: comparison(reader, run, plan)?,
            budgets: judge::crossed(&judged, |case| plan.rules(case)).iter().map(BudgetRow::of).collect(),
            judged,
        })
    }

    /// Wall time, CPU time and peak memory of every case, as a table.
    pub(super) fn table(&self) -> String {
        let shown = |m: &&Measurement| matches!(m.metric.quantity.as_str(), "wall_time" | "cpu_time" | "rss_peak");
        let mut rows = vec![["scenario", "case", "metric", "estimate", "grade"].map(str::to_owned).to_vec()];
        rows.extend(self.judged.iter().filter(shown).map(|m| {
            vec![
                m.case.scenario.clone(),
                m.label.0.clone(),
                m.metric.to_string(),
                value(m),
                m.grade.as_str().to_owned(),
            ]
        }));
        table(&rows, &[false, false, false, true, false])
    }

    /// The verdicts, where the revision was measured against another.
    pub(super) fn verdicts(&self) -> anyhow::Result<Option<String>> {
        self.comparison.as_ref().map(|comparison| comparison.text(Format::Table)).transpose()
    }

    /// The budgets that are exceeded, a line each.
    pub(super) fn budgets(&self) -> impl Iterator<Item = &str> {
        self.budgets.iter().map(|row| row.message.as_str())
    }

    /// One line that says how it went.
    pub(super) fn summary(&self) -> String {
        let count = |grade: &str| self.measurements.iter().filter(|row| row.grade == grade).count();
        format!(
            "run {} of {}: {} measurements ({} sound, {} noisy, {} unusable), {} failures",
            self.run,
            self.revision.short(),
            self.measurements.len(),
            count("sound"),
            count("noisy"),
            count("unusable"),
            self.failures.len(),
        )
    }
}

/// Writes the report of one run, or an object that holds those of several, whole or not at all.
pub(super) fn write_json(path: &Path, reports: &[Report]) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Several<'a> {
        schema: u32,
        runs: &'a [Report],
    }
    let text = match reports {
        [one] => serde_json::to_string_pretty(one)?,
        several => serde_json::to_string_pretty(&Several { schema: SCHEMA, runs: several })?,
    };
    write_text(path, &text)
}

/// Writes a text, whole or not at all; `-` is standard output.
pub(super) fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    if path == Path::new("-") {
        say(format_args!("{text}"));
        return Ok(());
    }
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        writeln!(file, "{text}")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

fn comparison(reader: &Reader, run: RunId, plan: &Plan) -> anyhow::Result<Option<Comparison>> {
    let Some(comparison) = reader.comparison_of_run(run)? else { return Ok(None) };
    Comparison::read(reader, comparison, plan).map(Some)
}

fn row(measurement: &Measurement) -> Row {
    let summary = &measurement.summary;
    Row {
        scenario: measurement.case.scenario.clone(),
        version: measurement.case.version,
        parameters: parameters(&measurement.case.parameters),
        metric: measurement.metric,
        role: measurement.metric.role.map(crate::model::Role::as_str),
        unit: measurement.metric.unit().as_str(),
        direction: measurement.metric.direction(),
        estimate: summary.estimate,
        interval: summary.interval.map(|interval| [interval.low, interval.high]),
        level: summary.interval.map(|interval| interval.level),
        trials: summary.trials,
        samples: summary.samples,
        grade: measurement.grade.as_str(),
        checks: measurement.checks.clone(),
    }
}

fn failure_row(failure: Failure) -> FailureRow {
    FailureRow {
        scenario: failure.case.as_ref().map(|case| case.scenario.clone()),
        parameters: failure.case.map(|case| parameters(&case.parameters)).unwrap_or_default(),
        trial: failure.trial,
        kind: failure.kind.as_str(),
        message: failure.message,
        log: failure.log,
    }
}
