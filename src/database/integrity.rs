//! SQLite's own checks of a database. They read everything and change nothing.

use rusqlite::Connection;

use super::{error::DatabaseError, query::query_all};

/// What `integrity_check` reports about pages, indexes and constraints: one line a problem, none when all is well.
///
/// # Errors
/// [`DatabaseError::Sqlite`] when the file cannot be read at all.
pub fn structural_damage(connection: &Connection) -> Result<Vec<String>, DatabaseError> {
    let lines = query_all(connection, "PRAGMA integrity_check", [], |row| Ok(row.get::<_, String>(0)?));
    match lines {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").map(|line| format!("SQLite: {line}")).collect()),
        Err(DatabaseError::Damaged(what)) => Ok(vec![format!("SQLite: {what}")]),
        Err(error) => Err(error),
    }
}

/// Rows that point at rows that do not exist: one line a problem.
///
/// # Errors
/// [`DatabaseError::Sqlite`] and [`DatabaseError::Damaged`] when the file cannot be read.
pub fn broken_links(connection: &Connection) -> Result<Vec<String>, DatabaseError> {
    query_all(connection, "PRAGMA foreign_key_check", [], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let id = row.get::<_, Option<i64>>(1)?.map_or_else(String::new, |id| format!(" {id}"));
        Ok(format!("{table}{id} points at a row of {parent} that does not exist"))
    })
}
