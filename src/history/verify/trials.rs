//! Whether trials can be read, and their packed columns unpack and agree about the number of samples.

use super::problems::{LIMIT, damage};
use crate::database::Connection;
use crate::history::{
    error::{HistoryError, Result},
    limits,
    packing::unpack,
    reader::trials,
    row::{all, first},
};

/// Every problem of a trial.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let ids = all(connection, "SELECT id FROM trials ORDER BY id", [], |row| Ok(row.get::<_, i64>(0)?))?;
    let mut problems = Vec::new();
    for id in ids {
        problems.extend(damage([
            starts(connection, id).and_then(|samples| trials::columns(connection, id, samples).map(drop)),
            trials::totals(connection, id).map(drop),
            trials::histograms(connection, id).map(drop),
            trials::timelines(connection, id).map(drop),
            trials::unavailable(connection, id).map(drop),
            canary(connection, id),
        ])?);
        if problems.len() >= LIMIT {
            break;
        }
    }
    Ok(problems)
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
    let canary = trials::canary(connection, trial_id)?;
    let told = |why| HistoryError::damaged(format!("trial {trial_id}: {why}"));
    canary.as_ref().map_or(Ok(()), limits::canary).map_err(told)
}
