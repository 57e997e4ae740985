//! Looking for damage. Reads everything, changes nothing, and goes on after the first problem.

mod deciding;

use rusqlite::Connection;

use super::{
    HistoryError, Result, limits,
    packing::unpack,
    read,
    row::{all, first},
};
use crate::model::RunId;

/// After so many problems, more of them tell nothing new.
const LIMIT: usize = 100;

/// Every problem found, in plain English.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = structure(connection)?;
    if problems.is_empty() {
        // What follows reads rows, and would only repeat in other words that they cannot be read.
        problems.extend(links(connection)?);
        problems.extend(trials(connection)?);
        problems.extend(runs(connection)?);
        problems.extend(counts(connection)?);
        problems.extend(deciding::problems(connection)?);
    }
    problems.truncate(LIMIT);
    Ok(problems)
}

/// SQLite's own look at its pages, indexes and constraints.
fn structure(connection: &Connection) -> Result<Vec<String>> {
    match all(connection, "PRAGMA integrity_check", [], |row| Ok(row.get::<_, String>(0)?)) {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").map(|line| format!("SQLite: {line}")).collect()),
        Err(HistoryError::Damaged { what }) => Ok(vec![format!("SQLite: {what}")]),
        Err(error) => Err(error),
    }
}

fn links(connection: &Connection) -> Result<Vec<String>> {
    all(connection, "PRAGMA foreign_key_check", [], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let place = row.get::<_, Option<i64>>(1)?.map_or_else(String::new, |id| format!(" {id}"));
        Ok(format!("{table}{place} points at a row of {parent} that does not exist"))
    })
}

/// Whether each trial's packed columns unpack, and agree about the number of samples.
fn trials(connection: &Connection) -> Result<Vec<String>> {
    let ids = all(connection, "SELECT id FROM trials ORDER BY id", [], |row| Ok(row.get::<_, i64>(0)?))?;
    let mut problems = Vec::new();
    for id in ids {
        problems.extend(heard([
            starts(connection, id).and_then(|samples| read::columns(connection, id, samples).map(drop)),
            read::totals(connection, id).map(drop),
            read::histograms(connection, id).map(drop),
            read::timelines(connection, id).map(drop),
            read::unavailable(connection, id).map(drop),
            canary(connection, id),
        ])?);
        if problems.len() >= LIMIT {
            break;
        }
    }
    Ok(problems)
}

/// Whether each run's rows are words and numbers that mean something.
fn runs(connection: &Connection) -> Result<Vec<String>> {
    let ids = all(connection, "SELECT id FROM runs ORDER BY id", [], |row| Ok(RunId(row.get(0)?)))?;
    let mut problems = Vec::new();
    for id in ids {
        let found = heard([
            read::listing(connection, id).map(drop),
            read::measurements(connection, id).map(drop),
            read::failures(connection, id).map(drop),
            groups(connection, id),
        ])?;
        problems.extend(found.into_iter().map(|problem| format!("run {id}: {problem}")));
    }
    Ok(problems)
}

/// The damage among outcomes. Other errors are not the file's.
fn heard<const N: usize>(outcomes: [Result<()>; N]) -> Result<Vec<String>> {
    let mut damage = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(()) => {}
            Err(HistoryError::Damaged { what }) => damage.push(what),
            Err(error) => return Err(error),
        }
    }
    Ok(damage)
}

/// The number of samples that a trial states, once its starts agree with it.
fn starts(connection: &Connection, id: i64) -> Result<usize> {
    let sql = "SELECT samples, starts FROM trials WHERE id = ?1";
    let found = first(connection, sql, [id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let (samples, blob) = found.ok_or_else(|| HistoryError::damaged(format!("trial {id} vanished")))?;
    let [starts] = unpack(&blob)
        .map_err(|error| HistoryError::damaged(format!("the starts of trial {id} cannot be unpacked: {error}")))?;
    if i64::try_from(starts.len()) != Ok(samples) {
        let found = starts.len();
        return Err(HistoryError::damaged(format!("trial {id} states {samples} samples and has {found} starts")));
    }
    Ok(starts.len())
}

fn canary(connection: &Connection, trial_id: i64) -> Result<()> {
    let canary = read::canary(connection, trial_id)?;
    let told = |why| HistoryError::damaged(format!("trial {trial_id}: {why}"));
    canary.as_ref().map_or(Ok(()), limits::canary).map_err(told)
}

/// Whether a run's counts by group are those of its rows.
fn groups(connection: &Connection, run: RunId) -> Result<()> {
    if read::grades(connection, run)? == read::counted(connection, run)? {
        return Ok(());
    }
    Err(HistoryError::damaged("its counts by group are not those of its rows"))
}

/// Whether each run's counts are those of its rows.
fn counts(connection: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT id FROM runs
               WHERE trials <> (SELECT count(*) FROM trials WHERE run_id = runs.id)
                   OR failures <> (SELECT count(*) FROM failures WHERE run_id = runs.id)
                   OR (sound, noisy, unusable) <> (
                       SELECT count(*) FILTER (WHERE grade = 'sound'), count(*) FILTER (WHERE grade = 'noisy'),
                              count(*) FILTER (WHERE grade = 'unusable')
                       FROM measurements WHERE run_id = runs.id)";
    all(connection, sql, [], |row| Ok(format!("the counts of run {} are not those of its rows", row.get::<_, i64>(0)?)))
}
