//! Reading the results of a run: its measurements with their checks, and its failures.

use std::collections::BTreeMap;

use super::Reader;
use crate::database::{Connection, Row};
use crate::history::{
    error::Result,
    row::{self, all, word_at},
};
use crate::model::{CaseLabel, Check, Failure, Measurement, RunId, Summary, UnixMillis};

impl Reader {
    /// The measurements of a run, with their checks, ordered by case and metric.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn measurements(&self, run: RunId) -> Result<Vec<Measurement>> {
        self.with_snapshot(|connection| measurements(connection, run))
    }

    /// The failures of a run, in the order in which they happened.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn failures(&self, run: RunId) -> Result<Vec<Failure>> {
        self.with_snapshot(|connection| failures(connection, run))
    }
}

/// The measurements of a run, ordered by case and metric.
pub(in crate::history) fn measurements(connection: &Connection, run: RunId) -> Result<Vec<Measurement>> {
    let mut checks = checks(connection, run)?;
    let sql = "SELECT series_id, operation_version, metric, cases.*, measurements.* FROM measurements
               JOIN series ON series.id = series_id
               JOIN cases ON cases.id = case_id
               WHERE run_id = ?1";
    let mut measurements = all(connection, sql, [run.0], |row| {
        let checks = checks.remove(&row.get("series_id")?).unwrap_or_default();
        Ok(Measurement {
            case: row::case(row)?,
            label: row::label(row)?,
            operation_version: row.get("operation_version")?,
            metric: word_at(row, "metric")?,
            summary: summary(row)?,
            checks,
            grade: word_at(row, "grade")?,
        })
    })?;
    measurements
        .sort_by(|a, b| (&a.case, a.operation_version, a.metric).cmp(&(&b.case, b.operation_version, b.metric)));
    Ok(measurements)
}

fn summary(row: &Row) -> Result<Summary> {
    Ok(Summary {
        estimate: row.get("estimate")?,
        interval: row::interval(row)?,
        trials: row.get("trials")?,
        samples: row.get("samples")?,
        minimum: row.get("minimum")?,
        lower_quartile: row.get("lower_quartile")?,
        upper_quartile: row.get("upper_quartile")?,
        p99: row.get("p99")?,
        between: row.get("spread_between")?,
        within: row.get("spread_within")?,
    })
}

/// The checks of all measurements of a run, by series.
fn checks(connection: &Connection, run: RunId) -> Result<BTreeMap<i64, Vec<Check>>> {
    // The series are named first, as a join would do, because checks are keyed by them.
    let sql = "SELECT checks.*, coalesce(text, '') AS advice FROM measurements JOIN checks USING (series_id, run_id)
               LEFT JOIN advice ON advice.id = advice_id
               WHERE run_id = ?1 ORDER BY series_id, ordinal";
    let rows = all(connection, sql, [run.0], |row| {
        let check = Check {
            name: word_at(row, "name")?,
            status: word_at(row, "status")?,
            figure: number(row, "figure")?,
            limit: number(row, "threshold")?,
            advice: row.get("advice")?,
        };
        Ok((row.get("series_id")?, check))
    })?;
    let mut checks = BTreeMap::<i64, Vec<Check>>::new();
    for (series_id, check) in rows {
        checks.entry(series_id).or_default().push(check);
    }
    Ok(checks)
}

/// A number that may be none: SQLite keeps NaN as NULL.
fn number(row: &Row, column: &str) -> Result<f64> {
    Ok(row.get::<_, Option<f64>>(column)?.unwrap_or(f64::NAN))
}

/// The failures of a run, in the order in which they happened.
pub(in crate::history) fn failures(connection: &Connection, run: RunId) -> Result<Vec<Failure>> {
    let sql = "SELECT scenario, version, operation, parameters, configuration, failures.* FROM failures
               LEFT JOIN cases ON cases.id = failures.case_id
               WHERE run_id = ?1 ORDER BY failures.id";
    all(connection, sql, [run.0], |row| {
        let case_id: Option<i64> = row.get("case_id")?;
        Ok(Failure {
            case: case_id.map(|_| row::case(row)).transpose()?,
            label: row.get::<_, Option<String>>("label")?.map(CaseLabel),
            trial: row.get("trial_index")?,
            kind: word_at(row, "kind")?,
            message: row.get("message")?,
            log: row.get("log")?,
            at: UnixMillis(row.get("at")?),
        })
    })
}
