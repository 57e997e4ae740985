//! Writing calibrations, their variants and rates.

use super::Writer;
use crate::database::{Connection, params};
use crate::history::{
    error::{HistoryError, Result},
    intern,
    limits::{self, invalid},
    reader,
    records::{CalibrationStart, OpenCalibration},
    row::{first, variant_columns},
};
use crate::model::{Part, Rate, RunId, RunState, UnixMillis, VariantKind};

impl Writer {
    /// Opens a calibration: continues the newest one in the state `running` or `interrupted` that has the same environment,
    /// build (inputs and binary), plan, blocks and design, or else begins a new one. Its trials go into a run for each variant,
    /// which [`Writer::open_run`] opens with the part `calibration` and [`Writer::calibration_variant`] names.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where the design's levels are not between 0 and 1,
    /// `HistoryError::Clash` where the environment's id belongs to another machine.
    pub fn open_calibration(&mut self, start: &CalibrationStart) -> Result<OpenCalibration> {
        self.change(|connection| open_calibration(connection, start))
    }

    /// Assigns a run to a variant of a calibration. Assigning it again changes nothing.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where the run has another part or environment or belongs to another variant, or
    /// the variant has another run; `HistoryError::UnknownCalibration`,
    /// `HistoryError::UnknownRun`.
    pub fn calibration_variant(&mut self, calibration: i64, variant: VariantKind, run: RunId) -> Result<()> {
        self.change(|connection| record_variant(connection, calibration, variant, run))
    }

    /// Replaces the rates of a calibration.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where a figure is not finite, negative, or counts more than there are;
    /// `HistoryError::UnknownCalibration`, `HistoryError::Clash`.
    pub fn record_rates(&mut self, calibration: i64, rates: &[Rate]) -> Result<()> {
        self.change(|connection| record_rates(connection, calibration, rates))
    }

    /// Sets the state of a calibration. Its variants' runs have states of their own.
    ///
    /// # Errors
    /// `HistoryError::UnknownCalibration`.
    pub fn finish_calibration(&mut self, calibration: i64, state: RunState, at: UnixMillis) -> Result<()> {
        self.change(|connection| finish_calibration(connection, calibration, state, at))
    }
}

fn open_calibration(connection: &Connection, start: &CalibrationStart) -> Result<OpenCalibration> {
    limits::design(&start.design).map_err(|why| invalid("a calibration", why))?;
    intern::environment(connection, &start.environment)?;
    match newest(connection, start)? {
        Some(id) => {
            set_state(connection, id, RunState::Running, None)?;
            Ok(OpenCalibration { id, resumed: true, variants: reader::calibration::variants(connection, id)? })
        }
        None => Ok(OpenCalibration { id: begin(connection, start)?, resumed: false, variants: Vec::new() }),
    }
}

/// The newest calibration that was cut off and measures the very same.
fn newest(connection: &Connection, start: &CalibrationStart) -> Result<Option<i64>> {
    let design = &start.design;
    first(
        connection,
        "SELECT id FROM calibrations
         WHERE environment_id = ?1 AND build_sha256 = ?2 AND build_inputs = ?3 AND plan = ?4 AND blocks = ?5
             AND (first_blocks, second_blocks, first_alpha, second_alpha, budget, gate_series) = (?6, ?7, ?8, ?9, ?10, ?11)
             AND state IN (?12, ?13)
         ORDER BY id DESC LIMIT 1",
        params![
            start.environment.id,
            start.build.sha256,
            start.build.inputs,
            start.plan,
            start.blocks,
            design.first_blocks,
            design.second_blocks,
            design.first_alpha,
            design.second_alpha,
            design.budget,
            design.gate_series,
            RunState::Running.as_str(),
            RunState::Interrupted.as_str(),
        ],
        |row| Ok(row.get(0)?),
    )
}

fn begin(connection: &Connection, start: &CalibrationStart) -> Result<i64> {
    let design = &start.design;
    connection.execute(
        "INSERT INTO calibrations (environment_id, build_sha256, build_inputs, build_toolchain, plan, blocks,
                                   first_blocks, second_blocks, first_alpha, second_alpha, budget, gate_series,
                                   state, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            start.environment.id,
            start.build.sha256,
            start.build.inputs,
            start.build.toolchain,
            start.plan,
            start.blocks,
            design.first_blocks,
            design.second_blocks,
            design.first_alpha,
            design.second_alpha,
            design.budget,
            design.gate_series,
            RunState::Running.as_str(),
            start.at.0,
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

fn finish_calibration(connection: &Connection, calibration: i64, state: RunState, at: UnixMillis) -> Result<()> {
    set_state(connection, calibration, state, (state != RunState::Running).then_some(at.0))
}

fn set_state(connection: &Connection, calibration: i64, state: RunState, finished_at: Option<i64>) -> Result<()> {
    let changed = connection.execute(
        "UPDATE calibrations SET state = ?2, finished_at = ?3 WHERE id = ?1",
        params![calibration, state.as_str(), finished_at],
    )?;
    if changed == 0 { Err(HistoryError::UnknownCalibration { calibration }) } else { Ok(()) }
}

fn record_variant(connection: &Connection, calibration: i64, variant: VariantKind, run: RunId) -> Result<()> {
    let refused = |why: String| Err(invalid(format!("run {run} as a variant of calibration {calibration}"), why));
    let environment = environment(connection, calibration)?;
    let found = reader::runs::listing(connection, run)?.ok_or(HistoryError::UnknownRun { run })?.run;
    if found.part != Part::Calibration {
        return refused(format!("it was opened with the part `{}`", found.part.as_str()));
    }
    if found.environment != environment {
        return refused(format!("it was measured on {}, and the calibration is of {environment}", found.environment));
    }
    let (word, amount) = variant_columns(variant);
    connection.execute(
        "INSERT INTO calibration_variants (calibration_id, variant, amount, run_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        params![calibration, word, amount, run.0],
    )?;
    // What was there already is either this very row, or one that keeps it out.
    if reader::calibration::variants(connection, calibration)?.contains(&(variant, run)) {
        return Ok(());
    }
    refused(
        "the variant has another run, or the run belongs to another variant; let the plan of each run name its variant"
            .to_owned(),
    )
}

fn record_rates(connection: &Connection, calibration: i64, rates: &[Rate]) -> Result<()> {
    environment(connection, calibration)?;
    connection.execute("DELETE FROM calibration_rates WHERE calibration_id = ?1", [calibration])?;
    for (ordinal, rate) in rates.iter().enumerate() {
        limits::rate(rate).map_err(|why| invalid(format!("rate {ordinal} of calibration {calibration}"), why))?;
        insert_rate(connection, calibration, ordinal, rate)?;
    }
    Ok(())
}

fn insert_rate(connection: &Connection, calibration: i64, ordinal: usize, rate: &Rate) -> Result<()> {
    let (word, amount) = variant_columns(rate.variant);
    let series = rate.series.as_ref();
    let case_id = series.map(|series| intern::case(connection, &series.case, Some(&series.label))).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO calibration_rates (calibration_id, ordinal, variant, amount, case_id, metric, pairs, independent, flagged, spread,
                                resolution)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            calibration,
            ordinal as i64,
            word,
            amount,
            case_id,
            series.map(|series| series.metric.to_string()),
            rate.pairs,
            rate.independent,
            rate.flagged,
            rate.spread,
            rate.resolution,
        ])?;
    Ok(())
}

/// The environment of a calibration.
fn environment(connection: &Connection, calibration: i64) -> Result<String> {
    let sql = "SELECT environment_id FROM calibrations WHERE id = ?1";
    first(connection, sql, [calibration], |row| Ok(row.get(0)?))?
        .ok_or(HistoryError::UnknownCalibration { calibration })
}
