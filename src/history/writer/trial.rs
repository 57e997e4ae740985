//! Writing trials, with all raw data in them.

use std::{collections::BTreeSet, fmt::Display};

use super::{Writer, run::known};
use crate::database::{Connection, params, signed};
use crate::history::{
    error::{HistoryError, Result},
    intern, limits,
    packing::{PackingError, pack},
    reader,
};
use crate::model::{Canary, LatencyHistogram, RunId, SampleColumn, Timeline, Trial, TrialTotal, Unavailable};

impl Writer {
    /// Stores a trial.
    ///
    /// # Errors
    /// [`HistoryError::DuplicateTrial`] where the run has that trial of that case already, [`HistoryError::UnknownRun`],
    /// [`HistoryError::Invalid`] where the trial breaks its invariants or has more than a million values in one column,
    /// [`HistoryError::Clash`].
    pub fn record_trial(&mut self, run: RunId, trial: &Trial) -> Result<()> {
        self.change(|connection| record_trial(connection, run, trial))
    }

    /// Every trial of a case in a run, raw, in the order of their index. See [`crate::history::Reader::trials`].
    ///
    /// # Errors
    /// [`HistoryError::Damaged`].
    pub fn trials(&self, run: RunId, case_key: &str) -> Result<Vec<Trial>> {
        reader::trials::trials(self.connection(), run, case_key)
    }
}

pub(in crate::history) fn record_trial(connection: &Connection, run: RunId, trial: &Trial) -> Result<()> {
    check(trial)?;
    let changed = connection.prepare_cached("UPDATE runs SET trials = trials + 1 WHERE id = ?1")?.execute([run.0])?;
    known(run, changed)?;
    let case_id = intern::case(connection, &trial.case, Some(&trial.label))?;
    let trial_id = insert_trial(connection, run, case_id, trial)?;
    let too_large = |error: PackingError| invalid(trial, error.to_string());
    for (ordinal, SampleColumn { metric, values }) in trial.columns.iter().enumerate() {
        let packed = pack(&[values]).map_err(too_large)?;
        connection
            .prepare_cached("INSERT INTO sample_columns (trial_id, metric, ordinal, packed) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![trial_id, metric.to_string(), ordinal as i64, packed])?;
    }
    for (ordinal, TrialTotal { metric, value }) in trial.totals.iter().enumerate() {
        connection
            .prepare_cached("INSERT INTO trial_totals (trial_id, metric, ordinal, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![trial_id, metric.to_string(), ordinal as i64, signed(*value)])?;
    }
    for (ordinal, LatencyHistogram { role, kind, counts }) in trial.histograms.iter().enumerate() {
        let (nanoseconds, counts): (Vec<u64>, Vec<u64>) = counts.iter().copied().unzip();
        let packed = pack(&[&nanoseconds, &counts]).map_err(too_large)?;
        connection
            .prepare_cached(
                "INSERT INTO latency_histograms (trial_id, role, kind, ordinal, packed) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![trial_id, role.as_str(), kind.as_str(), ordinal as i64, packed])?;
    }
    for (ordinal, timeline) in trial.timelines.iter().enumerate() {
        let packed = pack_timeline(timeline).map_err(too_large)?;
        connection
            .prepare_cached("INSERT INTO timelines (trial_id, role, ordinal, packed) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![trial_id, timeline.role.as_str(), ordinal as i64, packed])?;
    }
    for (ordinal, Unavailable { metric, reason }) in trial.unavailable.iter().enumerate() {
        connection
            .prepare_cached(
                "INSERT INTO unavailable_metrics (trial_id, metric, ordinal, reason) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![trial_id, metric.to_string(), ordinal as i64, reason])?;
    }
    trial.canary.as_ref().map_or(Ok(()), |canary| insert_canary(connection, trial_id, canary))
}

/// Refuses a trial that could not be read back as it is.
fn check(trial: &Trial) -> Result<()> {
    if let Some(column) = trial.columns.iter().find(|column| column.values.len() != trial.starts_ns.len()) {
        let (found, expected) = (column.values.len(), trial.starts_ns.len());
        return Err(invalid(trial, format!("{} has {found} values for {expected} samples", column.metric)));
    }
    distinct(trial, trial.columns.iter().map(|column| column.metric))?;
    distinct(trial, trial.totals.iter().map(|total| total.metric))?;
    let histograms = trial.histograms.iter().map(|of| format!("{}'s {} latencies", of.role.as_str(), of.kind.as_str()));
    distinct(trial, histograms)?;
    distinct(trial, trial.timelines.iter().map(|timeline| timeline.role.as_str()))?;
    distinct(trial, trial.unavailable.iter().map(|missing| missing.metric))?;
    trial.canary.as_ref().map_or(Ok(()), limits::canary).map_err(|why| invalid(trial, why))
}

fn distinct<T: Ord + Display>(trial: &Trial, names: impl Iterator<Item = T>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if let Some(twice) = seen.replace(name) {
            return Err(invalid(trial, format!("it has {twice} twice")));
        }
    }
    Ok(())
}

fn insert_trial(connection: &Connection, run: RunId, case_id: i64, trial: &Trial) -> Result<i64> {
    let starts = pack(&[&trial.starts_ns]).map_err(|error| invalid(trial, error.to_string()))?;
    let conditions = &trial.conditions;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO trials (run_id, case_id, trial_index, run_order, operation_version, started_at, duration_ns,
                                 iterations, warmup, samples, starts,
                                 pressure_ppm, steal_ppm, others_ppm, sampler_ppm, clock_step_ns)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT (run_id, case_id, trial_index) DO NOTHING",
        )?
        .execute(params![
            run.0,
            case_id,
            trial.index,
            trial.order,
            trial.operation_version,
            trial.started_at.0,
            signed(trial.duration_ns),
            signed(trial.iterations),
            trial.warmup,
            trial.starts_ns.len() as i64,
            starts,
            conditions.pressure_ppm.map(signed),
            conditions.steal_ppm.map(signed),
            conditions.others_ppm.map(signed),
            signed(conditions.sampler_ppm),
            signed(conditions.clock_step_ns),
        ])?;
    if inserted == 0 {
        return Err(HistoryError::DuplicateTrial { run, case: trial.case.key(), index: trial.index });
    }
    Ok(connection.last_insert_rowid())
}

fn insert_canary(connection: &Connection, trial_id: i64, canary: &Canary) -> Result<()> {
    let Canary { workload, before, after } = canary;
    connection
        .prepare_cached(
            "INSERT INTO canaries (trial_id, workload, before_wall_ns, before_cpu_ns, after_wall_ns, after_cpu_ns)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            trial_id,
            workload,
            signed(before.wall_ns),
            signed(before.cpu_ns),
            signed(after.wall_ns),
            signed(after.cpu_ns),
        ])?;
    Ok(())
}

/// Seven columns in the order of the fields of [`crate::model::TimelinePoint`].
fn pack_timeline(timeline: &Timeline) -> Result<Vec<u8>, PackingError> {
    let mut columns = [const { Vec::new() }; 7];
    for point in &timeline.points {
        let fields = [
            point.at_ns,
            point.cpu_ns,
            point.rss,
            point.bytes_read,
            point.bytes_written,
            point.storage_written,
            point.switches,
        ];
        for (column, field) in columns.iter_mut().zip(fields) {
            column.push(field);
        }
    }
    pack(&columns.each_ref().map(Vec::as_slice))
}

fn invalid(trial: &Trial, why: String) -> HistoryError {
    HistoryError::Invalid { what: format!("trial {} of {}", trial.index, trial.case.key()), why }
}
