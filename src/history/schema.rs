//! The database's format: which migrations exist, and whether a file is a history that this program understands.
//! A shipped migration must never be edited: append another.

use std::{io, path::Path};

use rusqlite::{Connection, ErrorCode};
use rusqlite_migration::{M, Migrations};

use super::{HistoryError, Result};

/// The migrations, oldest first. SQLite's `user_version` counts those applied, and is set in the transaction of each.
/// History: 1, everything; 2, what comparisons, findings and calibrations need; 3, latencies of more than the reactor;
/// 4, the microcode of a machine; 5, why something is missing.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_first.sql")),
    M::up(include_str!("migrations/0002_deciding.sql")),
    M::up(include_str!("migrations/0003_latencies.sql")),
    M::up(include_str!("migrations/0004_microcode.sql")),
    M::up(include_str!("migrations/0005_unavailable.sql")),
];

/// The newest format that this program knows.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// SQLite's `application_id` of a history: `benc`. Set by the first migration.
const APPLICATION_ID: u32 = 0x6265_6e63;

/// What a file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet: no file content, or a database without any table.
    Empty,
    /// A history of this format, which is at most [`VERSION`].
    History(u32),
}

/// Says what the open database is, without changing it.
///
/// # Errors
/// [`HistoryError::NotADatabase`] and [`HistoryError::NewerVersion`].
pub(super) fn identify(connection: &Connection, path: &Path) -> Result<Found> {
    let not_a_history = |found| HistoryError::NotADatabase { path: path.to_owned(), found };
    let read = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0));
    let tables = read("SELECT count(*) FROM sqlite_schema").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => not_a_history("its content is not that of an SQLite database"),
        _ => unreadable(path, error),
    })?;
    let version = read("PRAGMA user_version")?;
    match (read("PRAGMA application_id")?, tables) {
        (APPLICATION_ID, _) if version > VERSION => {
            Err(HistoryError::NewerVersion { path: path.to_owned(), found: version, known: VERSION })
        }
        (APPLICATION_ID, _) => Ok(Found::History(version)),
        (0, 0) if version == 0 => Ok(Found::Empty),
        _ => Err(not_a_history("it is a database of another program")),
    }
}

/// Applies the migrations that the database lacks, each in a transaction of its own.
///
/// # Errors
/// [`HistoryError::Migration`]; the migration that failed left nothing behind.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let failed = |source| HistoryError::Migration { path: path.to_owned(), source: Box::new(source) };
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(failed)
}

/// An error of opening a file as the caller should see it.
pub(super) fn unreadable(path: &Path, error: rusqlite::Error) -> HistoryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            HistoryError::ReadOnly { path: path.to_owned(), source: io::Error::other(error) }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => HistoryError::Busy { path: path.to_owned() },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_applies_to_an_empty_database() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }
}
