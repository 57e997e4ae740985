//! How problems are collected, whatever the records.

use crate::database::Connection;
use crate::history::{
    error::{HistoryError, Result},
    row::all,
};

/// More problems than this add no information.
pub(super) const LIMIT: usize = 100;

/// Something that must hold between rows: a query for those that break it, whose first two columns name them, and the
/// message about each, with `{0}` and `{1}` for the columns.
pub(super) type Agreement = (&'static str, &'static str);

/// Every row that breaks an agreement.
pub(super) fn broken(connection: &Connection, agreements: &[Agreement]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (sql, message) in agreements {
        problems.extend(all(connection, sql, [], |row| {
            let (first, second): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(message.replace("{0}", &first.to_string()).replace("{1}", &second.to_string()))
        })?);
    }
    Ok(problems)
}

/// Reads every one of a kind of record, whose table is its plural.
pub(super) fn each(
    connection: &Connection,
    kind: &str,
    read: impl Fn(i64) -> Result<Vec<String>>,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let ids = all(connection, &format!("SELECT id FROM {kind}s ORDER BY id"), [], |row| Ok(row.get::<_, i64>(0)?))?;
    for id in ids {
        if problems.len() >= LIMIT {
            break;
        }
        problems.extend(read(id)?.into_iter().map(|problem| format!("{kind} {id}: {problem}")));
    }
    Ok(problems)
}

/// The damage among outcomes. Other errors are not the file's.
pub(super) fn damage<const N: usize>(outcomes: [Result<()>; N]) -> Result<Vec<String>> {
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

/// A record that was listed and cannot be found again.
pub(super) fn vanished() -> HistoryError {
    HistoryError::damaged("it vanished")
}
