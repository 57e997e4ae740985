//! Runs: begun, continued, ended; their failures, and what is being measured now.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::{groups::recount, known};
use crate::history::{
    OpenRun, Progress, Result, RunStart, intern, read,
    row::{all, first},
};
use crate::model::{Environment, Failure, RunId, RunState, UnixMillis};

/// Clears what a killed writer left, and lets the serial leap to the clock: past whatever a power cut undid, and past any
/// serial of an older file of the same name, so that no serial ever stands for two states.
pub(in crate::history) fn start_over(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM progress", [])?;
    connection.execute("UPDATE state SET serial = max(serial, CAST(unixepoch('subsec') * 1000 AS INTEGER))", [])?;
    Ok(())
}

pub(in crate::history) fn open_run(connection: &Connection, start: &RunStart) -> Result<OpenRun> {
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

pub(in crate::history) fn finish_run(
    connection: &Connection,
    run: RunId,
    state: RunState,
    at: UnixMillis,
) -> Result<()> {
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

pub(in crate::history) fn failure(connection: &Connection, run: RunId, failure: &Failure) -> Result<()> {
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

pub(in crate::history) fn progress(connection: &Connection, progress: Option<&Progress>) -> Result<()> {
    let Some(progress) = progress else {
        connection.prepare_cached("DELETE FROM progress")?.execute([])?;
        return Ok(());
    };
    read::environment_of(connection, progress.run)?;
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
pub(in crate::history) fn newest(
    connection: &Connection,
    start: &RunStart,
    states: [RunState; 2],
) -> Result<Option<RunId>> {
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
    let known = read::annotations(connection, run)?;
    let new = environment.annotations.iter().filter(|annotation| !known.contains(annotation));
    for (place, annotation) in (known.len()..).zip(new) {
        connection.execute(
            "INSERT INTO annotations (run_id, place, name, value) VALUES (?1, ?2, ?3, ?4)",
            params![run.0, place as i64, annotation.name, annotation.value],
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
