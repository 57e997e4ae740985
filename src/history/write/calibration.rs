//! Calibrations: begun, continued, ended; their variants and rates.

use rusqlite::{Connection, params};

use crate::history::{
    CalibrationStart, HistoryError, OpenCalibration, Result, intern,
    limits::{self, invalid},
    read,
    row::{arm_columns, first},
};
use crate::model::{Part, Rate, RunId, RunState, UnixMillis, VariantKind};

pub(in crate::history) fn open_calibration(
    connection: &Connection,
    start: &CalibrationStart,
) -> Result<OpenCalibration> {
    limits::design(&start.design).map_err(|why| invalid("a calibration", why))?;
    intern::environment(connection, &start.environment)?;
    match newest(connection, start)? {
        Some(id) => {
            set_state(connection, id, RunState::Running, None)?;
            Ok(OpenCalibration { id, resumed: true, variants: read::variants(connection, id)? })
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

pub(in crate::history) fn finish_calibration(
    connection: &Connection,
    calibration: i64,
    state: RunState,
    at: UnixMillis,
) -> Result<()> {
    set_state(connection, calibration, state, (state != RunState::Running).then_some(at.0))
}

fn set_state(connection: &Connection, calibration: i64, state: RunState, finished_at: Option<i64>) -> Result<()> {
    let changed = connection.execute(
        "UPDATE calibrations SET state = ?2, finished_at = ?3 WHERE id = ?1",
        params![calibration, state.as_str(), finished_at],
    )?;
    if changed == 0 { Err(HistoryError::UnknownCalibration { calibration }) } else { Ok(()) }
}

pub(in crate::history) fn variant(
    connection: &Connection,
    calibration: i64,
    variant: VariantKind,
    run: RunId,
) -> Result<()> {
    let refused = |why: String| Err(invalid(format!("run {run} as a variant of calibration {calibration}"), why));
    let environment = environment(connection, calibration)?;
    let found = read::listing(connection, run)?.ok_or(HistoryError::UnknownRun { run })?.run;
    if found.part != Part::Calibration {
        return refused(format!("it was opened with the part `{}`", found.part.as_str()));
    }
    if found.environment != environment {
        return refused(format!("it was measured on {}, and the calibration is of {environment}", found.environment));
    }
    let (word, amount) = arm_columns(variant);
    connection.execute(
        "INSERT INTO calibration_variants (calibration_id, variant, amount, run_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        params![calibration, word, amount, run.0],
    )?;
    // What was there already is either this very row, or one that keeps it out.
    if read::variants(connection, calibration)?.contains(&(variant, run)) {
        return Ok(());
    }
    refused(
        "the variant has another run, or the run stands for another variant; let the plan of each run name its variant"
            .to_owned(),
    )
}

pub(in crate::history) fn rates(connection: &Connection, calibration: i64, rates: &[Rate]) -> Result<()> {
    environment(connection, calibration)?;
    connection.execute("DELETE FROM rates WHERE calibration_id = ?1", [calibration])?;
    for (place, rate) in rates.iter().enumerate() {
        limits::rate(rate).map_err(|why| invalid(format!("rate {place} of calibration {calibration}"), why))?;
        insert_rate(connection, calibration, place, rate)?;
    }
    Ok(())
}

fn insert_rate(connection: &Connection, calibration: i64, place: usize, rate: &Rate) -> Result<()> {
    let (word, amount) = arm_columns(rate.variant);
    let series = rate.series.as_ref();
    let case_id = series.map(|series| intern::case(connection, &series.case, Some(&series.label))).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO rates (calibration_id, place, variant, amount, case_id, metric, pairs, independent, flagged, spread,
                                resolution)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            calibration,
            place as i64,
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
