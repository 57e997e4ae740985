//! Reading trials as they were recorded.

use std::collections::BTreeMap;

use super::Reader;
use crate::database::{Connection, Row, SqlError, params, unsigned};
use crate::history::{
    error::{HistoryError, Result},
    packing::{PackingError, unpack},
    row::{self, all, first, unsigned_at, word_at},
};
use crate::model::{
    Canary, CanaryReading, Conditions, LatencyHistogram, RunId, SampleColumn, Timeline, TimelinePoint, Trial,
    TrialTotal, Unavailable, UnixMillis,
};

impl Reader {
    /// What the trials of a run could not measure, each metric and reason once.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn unavailable(&self, run: RunId) -> Result<Vec<Unavailable>> {
        self.with_snapshot(|connection| unavailable_in(connection, run))
    }

    /// Every trial of a case in a run, raw, in the order of their index. `case_key` is [`crate::model::Case::key`].
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn trials(&self, run: RunId, case_key: &str) -> Result<Vec<Trial>> {
        self.with_snapshot(|connection| trials(connection, run, case_key))
    }

    /// How long a trial of each case took on average, in nanoseconds, by the case's key: in the newest run that measured
    /// it, on one environment or on any.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn trial_durations(&self, environment: Option<&str>) -> Result<BTreeMap<String, f64>> {
        self.with_snapshot(|connection| trial_durations(connection, environment))
    }
}

/// Every trial of a case in a run, in the order of their index.
pub(in crate::history) fn trials(connection: &Connection, run: RunId, case_key: &str) -> Result<Vec<Trial>> {
    let sql = "SELECT trials.id AS trial_id, trials.*, cases.* FROM trials JOIN cases ON cases.id = case_id
               WHERE run_id = ?1 AND key = ?2 ORDER BY trial_index";
    all(connection, sql, params![run.0, case_key], |row| trial(connection, row))
}

/// How many runs are looked at for durations, the newest.
const RUNS_LOOKED_AT: u32 = 40;

/// The mean duration of a trial of each case, by the case's key, from the newest run that has any. With an environment, of
/// the runs on it alone.
pub(in crate::history) fn trial_durations(
    connection: &Connection,
    environment: Option<&str>,
) -> Result<BTreeMap<String, f64>> {
    let sql = "SELECT key, avg(duration_ns) AS mean FROM trials JOIN cases ON cases.id = case_id
               WHERE run_id IN (SELECT id FROM runs WHERE ?1 IS NULL OR environment_id = ?1 ORDER BY id DESC LIMIT ?2)
               GROUP BY case_id, run_id ORDER BY run_id";
    let rows = all(connection, sql, params![environment, RUNS_LOOKED_AT], |row| {
        Ok((row.get::<_, String>("key")?, row.get::<_, f64>("mean")?))
    })?;
    // The newest comes last, and stays.
    Ok(rows.into_iter().collect())
}

fn trial(connection: &Connection, row: &Row) -> Result<Trial> {
    let id: i64 = row.get("trial_id")?;
    let starts: Vec<u8> = row.get("starts")?;
    let [starts_ns] = unpack(&starts).map_err(|error| damaged(id, "the starts", &error))?;
    Ok(Trial {
        case: row::case(row)?,
        label: row::label(row)?,
        operation_version: row.get("operation_version")?,
        index: row.get("trial_index")?,
        order: row.get("run_order")?,
        started_at: UnixMillis(row.get("started_at")?),
        duration_ns: unsigned_at(row, "duration_ns")?,
        iterations: unsigned_at(row, "iterations")?,
        warmup: row.get("warmup")?,
        columns: columns(connection, id, starts_ns.len())?,
        starts_ns,
        totals: totals(connection, id)?,
        histograms: histograms(connection, id)?,
        timelines: timelines(connection, id)?,
        conditions: Conditions {
            pressure_ppm: row.get::<_, Option<i64>>("pressure_ppm")?.map(unsigned),
            steal_ppm: row.get::<_, Option<i64>>("steal_ppm")?.map(unsigned),
            others_ppm: row.get::<_, Option<i64>>("others_ppm")?.map(unsigned),
            sampler_ppm: unsigned_at(row, "sampler_ppm")?,
            clock_step_ns: unsigned_at(row, "clock_step_ns")?,
        },
        canary: canary(connection, id)?,
        unavailable: unavailable(connection, id)?,
    })
}

/// The samples of a trial, each column checked to be `samples` long.
pub(in crate::history) fn columns(connection: &Connection, trial_id: i64, samples: usize) -> Result<Vec<SampleColumn>> {
    let sql = "SELECT metric, packed FROM sample_columns WHERE trial_id = ?1 ORDER BY ordinal";
    all(connection, sql, [trial_id], |row| {
        let metric = word_at(row, "metric")?;
        let [values] = unpack_at(row, trial_id, "a sample column")?;
        if values.len() == samples {
            return Ok(SampleColumn { metric, values });
        }
        let found = values.len();
        Err(HistoryError::damaged(format!("trial {trial_id} has {found} values of {metric} for {samples} samples")))
    })
}

pub(in crate::history) fn totals(connection: &Connection, trial_id: i64) -> Result<Vec<TrialTotal>> {
    let sql = "SELECT metric, value FROM trial_totals WHERE trial_id = ?1 ORDER BY ordinal";
    all(connection, sql, [trial_id], |row| {
        Ok(TrialTotal { metric: word_at(row, "metric")?, value: unsigned_at(row, "value")? })
    })
}

pub(in crate::history) fn histograms(connection: &Connection, trial_id: i64) -> Result<Vec<LatencyHistogram>> {
    let sql = "SELECT role, kind, packed FROM latency_histograms WHERE trial_id = ?1 ORDER BY ordinal";
    all(connection, sql, [trial_id], |row| {
        let [nanoseconds, counts] = unpack_at(row, trial_id, "a latency histogram")?;
        let counts = nanoseconds.into_iter().zip(counts).collect();
        Ok(LatencyHistogram { role: word_at(row, "role")?, kind: word_at(row, "kind")?, counts })
    })
}

pub(in crate::history) fn unavailable(connection: &Connection, trial_id: i64) -> Result<Vec<Unavailable>> {
    let sql = "SELECT metric, reason FROM unavailable_metrics WHERE trial_id = ?1 ORDER BY ordinal";
    all(connection, sql, [trial_id], |row| {
        Ok(Unavailable { metric: word_at(row, "metric")?, reason: row.get("reason")? })
    })
}

/// What the trials of a run could not measure, each metric and reason once.
pub(in crate::history) fn unavailable_in(connection: &Connection, run: RunId) -> Result<Vec<Unavailable>> {
    let sql = "SELECT DISTINCT metric, reason FROM unavailable_metrics JOIN trials ON trials.id = trial_id
               WHERE run_id = ?1 ORDER BY metric, reason";
    all(connection, sql, [run.0], |row| Ok(Unavailable { metric: word_at(row, "metric")?, reason: row.get("reason")? }))
}

pub(in crate::history) fn timelines(connection: &Connection, trial_id: i64) -> Result<Vec<Timeline>> {
    let sql = "SELECT role, packed FROM timelines WHERE trial_id = ?1 ORDER BY ordinal";
    all(connection, sql, [trial_id], |row| {
        let columns: [Vec<u64>; 7] = unpack_at(row, trial_id, "a timeline")?;
        // Invariant of `unpack`: the columns are equally long.
        let points = (0..columns[0].len()).map(|at| point(columns.each_ref().map(|column| column[at]))).collect();
        Ok(Timeline { role: word_at(row, "role")?, points })
    })
}

pub(in crate::history) fn canary(connection: &Connection, trial_id: i64) -> Result<Option<Canary>> {
    let sql = "SELECT * FROM canaries WHERE trial_id = ?1";
    first(connection, sql, [trial_id], |row| {
        let reading = |wall: &str, cpu: &str| -> Result<CanaryReading> {
            Ok(CanaryReading { wall_ns: unsigned_at(row, wall)?, cpu_ns: unsigned_at(row, cpu)? })
        };
        Ok(Canary {
            workload: row.get("workload")?,
            before: reading("before_wall_ns", "before_cpu_ns")?,
            after: reading("after_wall_ns", "after_cpu_ns")?,
        })
    })
}

const fn point([at_ns, cpu_ns, rss, bytes_read, bytes_written, storage_written, switches]: [u64; 7]) -> TimelinePoint {
    TimelinePoint { at_ns, cpu_ns, rss, bytes_read, bytes_written, storage_written, switches }
}

fn unpack_at<const N: usize>(row: &Row, trial_id: i64, what: &str) -> Result<[Vec<u64>; N]> {
    let blob = row.get_ref("packed")?.as_blob().map_err(SqlError::from)?;
    unpack(blob).map_err(|error| damaged(trial_id, what, &error))
}

fn damaged(trial_id: i64, what: &str, error: &PackingError) -> HistoryError {
    HistoryError::damaged(format!("{what} of trial {trial_id} cannot be unpacked: {error}"))
}
