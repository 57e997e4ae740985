//! Helpers for queries: rows as records, and unsigned numbers in SQLite's signed columns.

use rusqlite::{Connection, Error as SqlError, Params, Row};

/// All rows of a query as records.
///
/// # Errors
/// Whatever SQLite or `record` reports.
pub fn query_all<T, E: From<SqlError>>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    mut record: impl FnMut(&Row<'_>) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

/// The first row of a query as a record, if there is one.
///
/// # Errors
/// Whatever SQLite or `record` reports.
pub fn query_first<T, E: From<SqlError>>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    record: impl FnOnce(&Row<'_>) -> Result<T, E>,
) -> Result<Option<T>, E> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(record).transpose()
}

/// An unsigned number as a column stores it: its two's complement.
pub const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// The inverse of [`signed`].
pub const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}
