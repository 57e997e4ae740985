//! Whether runs can be read, and their counts are those of their rows.

use super::problems::{damage, each};
use crate::database::Connection;
use crate::history::{
    error::{HistoryError, Result},
    reader::{groups, measurements, runs},
    row::all,
};
use crate::model::RunId;

/// Every problem of a run.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = each(connection, "run", |id| {
        let id = RunId(id);
        damage([
            runs::listing(connection, id).map(drop),
            measurements::measurements(connection, id).map(drop),
            measurements::failures(connection, id).map(drop),
            group_counts(connection, id),
        ])
    })?;
    problems.extend(counts(connection)?);
    Ok(problems)
}

/// Whether a run's counts by group are those of its rows.
fn group_counts(connection: &Connection, run: RunId) -> Result<()> {
    if groups::grades(connection, run)? == groups::counted(connection, run)? {
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
