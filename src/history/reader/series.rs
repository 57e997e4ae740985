//! Reading series, for graphs and for the search for changes.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use crate::database::{Connection, Row, SqlError};
use crate::history::{
    error::Result,
    records::{Point, Series},
    row::{self, AXIS, all, word, word_at},
};
use crate::model::{Metric, RunId};

impl Reader {
    /// The names of all scenarios that were ever tried, in alphabetical order.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn scenarios(&self) -> Result<Vec<String>> {
        self.with_snapshot(scenarios)
    }

    /// The metrics that a scenario was ever measured in: wall time first, then role by role.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn metrics(&self, scenario: &str) -> Result<Vec<Metric>> {
        self.with_snapshot(|connection| metrics(connection, scenario))
    }

    /// The lines of a graph: one metric of every case of a scenario on one environment, ordered by case. Each is one scan
    /// of neighbouring rows.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn series(&self, scenario: &str, metric: Metric, environment: &str) -> Result<Vec<Series>> {
        self.with_snapshot(|connection| series(connection, scenario, metric, environment))
    }

    /// The lines of every case in each of `metrics` on one environment, ordered by case and metric: what changes are looked
    /// for in. Each is one scan of neighbouring rows.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn all_series(&self, environment: &str, metrics: &[Metric]) -> Result<Vec<Series>> {
        self.with_snapshot(|connection| all_series(connection, environment, metrics))
    }
}

pub(in crate::history) fn scenarios(connection: &Connection) -> Result<Vec<String>> {
    all(connection, "SELECT DISTINCT scenario FROM cases ORDER BY scenario", [], |row| Ok(row.get(0)?))
}

pub(in crate::history) fn metrics(connection: &Connection, scenario: &str) -> Result<Vec<Metric>> {
    let sql = "SELECT DISTINCT metric FROM series JOIN cases ON cases.id = case_id WHERE scenario = ?1";
    let mut metrics = all(connection, sql, [scenario], |row| word_at(row, "metric"))?;
    metrics.sort_unstable();
    Ok(metrics)
}

/// The lines of a graph, ordered by case. A line that only superseded runs know of is left out.
pub(in crate::history) fn series(
    connection: &Connection,
    scenario: &str,
    metric: Metric,
    environment: &str,
) -> Result<Vec<Series>> {
    let places = places(connection, environment)?;
    let sql = format!("{LINE} WHERE scenario = ?1 AND metric = ?2 AND environment_id = ?3");
    let mut lines = all(connection, &sql, [scenario, &metric.to_string(), environment], |row| {
        line(connection, row, metric, &places)
    })?;
    lines.retain(|line| !line.points.is_empty());
    lines.sort_by(|a, b| (&a.case, a.operation_version).cmp(&(&b.case, b.operation_version)));
    Ok(lines)
}

/// The lines of every case in each of `metrics`, ordered by case and metric. Lines without points are left out.
pub(in crate::history) fn all_series(
    connection: &Connection,
    environment: &str,
    metrics: &[Metric],
) -> Result<Vec<Series>> {
    let places = places(connection, environment)?;
    let sql = format!("{LINE} WHERE environment_id = ?1 AND metric = ?2");
    let mut lines = Vec::new();
    for metric in metrics.iter().collect::<BTreeSet<_>>() {
        lines.extend(all(connection, &sql, [environment, &metric.to_string()], |row| {
            line(connection, row, *metric, &places)
        })?);
    }
    lines.retain(|line| !line.points.is_empty());
    lines.sort_by(|a, b| (&a.case, a.operation_version, a.metric).cmp(&(&b.case, b.operation_version, b.metric)));
    Ok(lines)
}

/// What [`line()`] reads, to be continued with conditions.
const LINE: &str = "SELECT series.id AS series_id, operation_version, cases.* FROM series \
     JOIN cases ON cases.id = case_id";

fn line(connection: &Connection, row: &Row, metric: Metric, places: &BTreeMap<RunId, usize>) -> Result<Series> {
    let id = row.get("series_id")?;
    Ok(Series {
        id,
        case: row::case(row)?,
        label: row::label(row)?,
        operation_version: row.get("operation_version")?,
        metric,
        points: points(connection, id, places)?,
    })
}

/// The place of each run on the axis. Runs that were superseded, bases and calibrations have none.
pub(super) fn places(connection: &Connection, environment: &str) -> Result<BTreeMap<RunId, usize>> {
    let sql = format!("SELECT runs.id FROM runs JOIN revisions ON revisions.id = revision_id {AXIS}");
    let runs = all(connection, &sql, [environment], |row| Ok(RunId(row.get(0)?)))?;
    Ok(runs.into_iter().enumerate().map(|(place, run)| (run, place)).collect())
}

/// One line: neighbours in the table, read in one scan.
fn points(connection: &Connection, series_id: i64, places: &BTreeMap<RunId, usize>) -> Result<Vec<Point>> {
    let sql =
        "SELECT run_id, estimate, low, high, level, trials, samples, grade FROM measurements WHERE series_id = ?1";
    let mut placed = all(connection, sql, [series_id], |row| {
        let run = RunId(row.get(0)?);
        places.get(&run).map(|place| Ok((*place, point(run, row)?))).transpose()
    })?;
    placed.sort_unstable_by_key(|point| point.as_ref().map(|(place, _)| *place));
    Ok(placed.into_iter().flatten().map(|(_, point)| point).collect())
}

fn point(run: RunId, row: &Row) -> Result<Point> {
    Ok(Point {
        run,
        estimate: row.get(1)?,
        interval: row::interval(row)?,
        trials: row.get(5)?,
        samples: row.get(6)?,
        grade: word(row.get_ref(7)?.as_str().map_err(SqlError::from)?, "grade")?,
    })
}
