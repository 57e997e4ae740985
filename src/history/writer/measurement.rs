//! Writing measurements. They are derived from trials, so they may be replaced.

use super::{Writer, groups::recount};
use crate::database::{Connection, params};
use crate::history::{
    error::{HistoryError, Result},
    intern, reader,
    row::status_word,
};
use crate::model::{Check, Grade, Measurement, RunId, Summary};

impl Writer {
    /// Stores measurements that were derived from a run's trials. Those of the same series from the same run are replaced.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`], [`HistoryError::Invalid`] where a figure is not a finite number, [`HistoryError::Clash`].
    pub fn record_measurements(&mut self, run: RunId, measurements: &[Measurement]) -> Result<()> {
        self.change(|connection| record_measurements(connection, run, measurements))
    }
}

fn record_measurements(connection: &Connection, run: RunId, measurements: &[Measurement]) -> Result<()> {
    let environment = reader::runs::environment_of(connection, run)?;
    for measurement in measurements {
        check(measurement)?;
        let Measurement { case, label, operation_version, metric, .. } = measurement;
        let case_id = intern::case(connection, case, Some(label))?;
        let series_id = intern::series(connection, case_id, *operation_version, *metric, &environment)?;
        // Its checks go with it.
        connection
            .prepare_cached("DELETE FROM measurements WHERE series_id = ?1 AND run_id = ?2")?
            .execute([series_id, run.0])?;
        insert(connection, series_id, run, measurement)?;
        for (ordinal, check) in measurement.checks.iter().enumerate() {
            insert_check(connection, series_id, run, ordinal, check)?;
        }
    }
    count_grades(connection, run)?;
    recount(connection, run)
}

/// Refuses figures that are none, which SQLite would give back as missing.
fn check(measurement: &Measurement) -> Result<()> {
    let summary = &measurement.summary;
    let Summary { estimate, minimum, lower_quartile, upper_quartile, p99, .. } = *summary;
    let figures = [estimate, minimum, lower_quartile, upper_quartile, p99];
    let ends = summary.interval.map(|interval| [interval.low, interval.high, interval.level]);
    let spreads = [summary.between, summary.within];
    let all = figures.into_iter().chain(ends.into_iter().flatten()).chain(spreads.into_iter().flatten());
    if all.into_iter().all(f64::is_finite) {
        return Ok(());
    }
    Err(HistoryError::Invalid {
        what: format!("the measurement of {} of {}", measurement.metric, measurement.case.key()),
        why: "a figure is not a finite number".to_owned(),
    })
}

fn insert(connection: &Connection, series_id: i64, run: RunId, measurement: &Measurement) -> Result<()> {
    let summary = &measurement.summary;
    let interval = summary.interval;
    connection
        .prepare_cached(
            "INSERT INTO measurements (series_id, run_id, estimate, low, high, level, trials, samples, grade,
                                       minimum, lower_quartile, upper_quartile, p99, spread_between, spread_within)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            series_id,
            run.0,
            summary.estimate,
            interval.map(|interval| interval.low),
            interval.map(|interval| interval.high),
            interval.map(|interval| interval.level),
            summary.trials,
            summary.samples,
            measurement.grade.as_str(),
            summary.minimum,
            summary.lower_quartile,
            summary.upper_quartile,
            summary.p99,
            summary.between,
            summary.within,
        ])?;
    Ok(())
}

fn insert_check(connection: &Connection, series_id: i64, run: RunId, ordinal: usize, check: &Check) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO checks (series_id, run_id, name, ordinal, status, figure, threshold, advice_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            series_id,
            run.0,
            check.name.as_str(),
            ordinal as i64,
            status_word(check.status),
            check.figure,
            check.limit,
            intern::advice(connection, &check.advice)?,
        ])?;
    Ok(())
}

fn count_grades(connection: &Connection, run: RunId) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE runs SET (sound, noisy, unusable) = (
                 SELECT count(*) FILTER (WHERE grade = ?2), count(*) FILTER (WHERE grade = ?3),
                        count(*) FILTER (WHERE grade = ?4)
                 FROM measurements WHERE run_id = ?1)
             WHERE id = ?1",
        )?
        .execute(params![run.0, Grade::Sound.as_str(), Grade::Noisy.as_str(), Grade::Unusable.as_str()])?;
    Ok(())
}
