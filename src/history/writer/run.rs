//! Writing runs, their failures, and what is being measured now.

use std::collections::BTreeSet;

use super::{Writer, groups::recount};
use crate::database::{Connection, params};
use crate::history::{
    error::{HistoryError, Result},
    intern, reader,
    records::{OpenRun, Progress, RunStart},
    row::{all, first},
};
use crate::model::{Environment, Failure, RunId, RunState, UnixMillis};

impl Writer {
    /// Opens a run: continues the newest one in the state `running` or `interrupted` that has the same revision,
    /// environment, profile, plan and build (inputs and binary), or else begins a new one.
    ///
    /// # Errors
    /// [`HistoryError::Clash`] where the environment's id belongs to another machine.
    pub fn open_run(&mut self, start: &RunStart) -> Result<OpenRun> {
        self.change(|connection| open_run(connection, start))
    }

    /// The newest finished run that has the same revision, environment, profile, plan and build as `start`: what
    /// [`Writer::open_run`] would measure once more.
    ///
    /// # Errors
    /// [`HistoryError::Database`].
    pub fn finished_run(&self, start: &RunStart) -> Result<Option<RunId>> {
        newest(self.connection(), start, [RunState::Finished; 2])
    }

    /// Stores a failure.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`], [`HistoryError::Clash`].
    pub fn record_failure(&mut self, run: RunId, failure: &Failure) -> Result<()> {
        self.change(|connection| record_failure(connection, run, failure))
    }

    /// Sets what is being measured now, or that nothing is. Readers see it at once, but it does not wait for the disk: after
    /// a power cut there is no progress anyway.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`], [`HistoryError::Clash`].
    pub fn set_progress(&mut self, progress: Option<&Progress>) -> Result<()> {
        self.0.change_unflushed(|connection| set_progress(connection, progress))
    }

    /// Sets the state of a run. Every state but `running` also sets when it ended, and clears its progress.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`].
    pub fn finish_run(&mut self, run: RunId, state: RunState, at: UnixMillis) -> Result<()> {
        self.change(|connection| finish_run(connection, run, state, at))
    }
}

fn open_run(connection: &Connection, start: &RunStart) -> Result<OpenRun> {
    intern::environment(connection, &start.environment)?;
    let revision_id = intern::revision(connection, &start.revision)?;
    let resumed = newest(connection, start, [RunState::Running, RunState::Interrupted])?;
    let id = match resumed {
        Some(id) => {
            connection.execute(
                "UPDATE runs SET state = ?2, finished_at = NULL WHERE id = ?1",
                params![id.0, RunState::Running.as_str()],
            )?;
            id
        }
        None => insert_run(connection, start, revision_id)?,
    };
    annotate(connection, id, &start.environment)?;
    Ok(OpenRun {
        id,
        resumed: resumed.is_some(),
        done: done(connection, id)?,
        failed: failed(connection, id)?,
        next_order: next_order(connection, id)?,
    })
}

fn finish_run(connection: &Connection, run: RunId, state: RunState, at: UnixMillis) -> Result<()> {
    let finished_at = (state != RunState::Running).then_some(at.0);
    let changed = connection.execute(
        "UPDATE runs SET state = ?2, finished_at = ?3 WHERE id = ?1",
        params![run.0, state.as_str(), finished_at],
    )?;
    known(run, changed)?;
    if finished_at.is_some() {
        connection.execute("DELETE FROM progress WHERE run_id = ?1", [run.0])?;
    }
    Ok(())
}

fn record_failure(connection: &Connection, run: RunId, failure: &Failure) -> Result<()> {
    known(run, connection.execute("UPDATE runs SET failures = failures + 1 WHERE id = ?1", [run.0])?)?;
    let case_id =
        failure.case.as_ref().map(|case| intern::case(connection, case, failure.label.as_ref())).transpose()?;
    connection.execute(
        "INSERT INTO failures (run_id, case_id, label, trial_index, kind, message, log, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            run.0,
            case_id,
            failure.label.as_ref().map(|label| &label.0),
            failure.trial,
            failure.kind.as_str(),
            failure.message,
            failure.log,
            failure.at.0,
        ],
    )?;
    recount(connection, run)
}

fn set_progress(connection: &Connection, progress: Option<&Progress>) -> Result<()> {
    let Some(progress) = progress else {
        connection.prepare_cached("DELETE FROM progress")?.execute([])?;
        return Ok(());
    };
    reader::runs::environment_of(connection, progress.run)?;
    let case_id = intern::case(connection, &progress.case, Some(&progress.label))?;
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO progress
             (id, run_id, case_id, label, trial, trials, done_trials, planned_trials, at)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    statement.execute(params![
        progress.run.0,
        case_id,
        progress.label.0,
        progress.trial,
        progress.trials,
        progress.done_trials,
        progress.planned_trials,
        progress.at.0,
    ])?;
    Ok(())
}

/// The newest run in one of `states` that measures the very same: revision, environment, profile, plan and build.
fn newest(connection: &Connection, start: &RunStart, states: [RunState; 2]) -> Result<Option<RunId>> {
    let build = start.build.as_ref();
    first(
        connection,
        "SELECT id FROM runs
         WHERE revision_id = (SELECT id FROM revisions WHERE name = ?1) AND environment_id = ?2
             AND profile = ?3 AND plan = ?4 AND build_inputs IS ?5 AND build_sha256 IS ?6 AND state IN (?7, ?8)
             AND part = ?9
         ORDER BY id DESC LIMIT 1",
        params![
            start.revision.id,
            start.environment.id,
            start.profile.as_str(),
            start.plan,
            build.map(|build| &build.inputs),
            build.map(|build| &build.sha256),
            states[0].as_str(),
            states[1].as_str(),
            start.part.as_str(),
        ],
        |row| Ok(RunId(row.get(0)?)),
    )
}

fn insert_run(connection: &Connection, start: &RunStart, revision_id: i64) -> Result<RunId> {
    let build = start.build.as_ref();
    connection.execute(
        "INSERT INTO runs (revision_id, environment_id, profile, part, plan, planned_trials, state,
                           build_sha256, build_inputs, build_toolchain, started_at, reproduce)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            revision_id,
            start.environment.id,
            start.profile.as_str(),
            start.part.as_str(),
            start.plan,
            start.planned_trials,
            RunState::Running.as_str(),
            build.map(|build| &build.sha256),
            build.map(|build| &build.inputs),
            build.map(|build| &build.toolchain),
            start.at.0,
            start.reproduce,
        ],
    )?;
    Ok(RunId(connection.last_insert_rowid()))
}

/// Adds the annotations that the run lacks. A run that was resumed after an update shows both kernels: that is the truth.
fn annotate(connection: &Connection, run: RunId, environment: &Environment) -> Result<()> {
    let known = reader::runs::annotations(connection, run)?;
    let new = environment.annotations.iter().filter(|annotation| !known.contains(annotation));
    for (ordinal, annotation) in (known.len()..).zip(new) {
        connection.execute(
            "INSERT INTO annotations (run_id, ordinal, name, value) VALUES (?1, ?2, ?3, ?4)",
            params![run.0, ordinal as i64, annotation.name, annotation.value],
        )?;
    }
    Ok(())
}

fn done(connection: &Connection, run: RunId) -> Result<BTreeSet<(String, u32)>> {
    let rows = all(
        connection,
        "SELECT key, trial_index FROM trials JOIN cases ON cases.id = case_id WHERE run_id = ?1",
        [run.0],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

fn failed(connection: &Connection, run: RunId) -> Result<BTreeSet<(String, Option<u32>)>> {
    let rows = all(
        connection,
        "SELECT key, trial_index FROM failures JOIN cases ON cases.id = case_id WHERE run_id = ?1",
        [run.0],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

fn next_order(connection: &Connection, run: RunId) -> Result<u32> {
    let next = first(connection, "SELECT max(run_order) + 1 FROM trials WHERE run_id = ?1", [run.0], |row| {
        Ok(row.get::<_, Option<u32>>(0)?)
    })?;
    Ok(next.flatten().unwrap_or(0))
}

/// Refuses a run of which no row was changed.
pub(super) fn known(run: RunId, changed: usize) -> Result<()> {
    if changed == 0 { Err(HistoryError::UnknownRun { run }) } else { Ok(()) }
}
