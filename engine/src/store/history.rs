//! The history of a store: which transaction reached which generation. Replicas and servers keep the same table,
//! `transactions(last_generation, id)`, one row for each transaction that changed a document.

use rusqlite::{Connection, OptionalExtension, Row};

use super::DatabaseError;
use crate::document::{Generation, Position, TransactionId};

/// The newest place.
pub(crate) fn head(connection: &Connection) -> Result<Position, DatabaseError> {
    let mut statement = connection
        .prepare_cached("SELECT last_generation, id FROM transactions ORDER BY last_generation DESC LIMIT 1")?;
    let head =
        statement.query_row([], |row| Ok(Position { generation: row.get(0)?, transaction: transaction(row, 1)? }));
    Ok(head.optional()?.unwrap_or(Position::START))
}

/// The place at `generation`, if history has come that far.
pub(crate) fn at(connection: &Connection, generation: Generation) -> Result<Option<Position>, DatabaseError> {
    if generation == 0 {
        return Ok(Some(Position::START));
    }
    let mut statement = connection
        .prepare_cached("SELECT id FROM transactions WHERE last_generation >= ?1 ORDER BY last_generation LIMIT 1")?;
    let found = statement.query_row([generation], |row| transaction(row, 0)).optional()?;
    Ok(found.map(|transaction| Position { generation, transaction }))
}

/// Whether `position` lies on this history.
pub(crate) fn contains(connection: &Connection, position: Position) -> Result<bool, DatabaseError> {
    Ok(at(connection, position.generation)? == Some(position))
}

/// The transaction id in column `index`.
pub(crate) fn transaction(row: &Row<'_>, index: usize) -> rusqlite::Result<TransactionId> {
    row.get::<_, [u8; 16]>(index).map(TransactionId::from_bytes)
}

/// Counts the changes of one transaction.
pub(crate) struct Changes<'a> {
    connection: &'a Connection,
    before: Position,
    last: Generation,
}

impl<'a> Changes<'a> {
    /// Continues after the newest place.
    pub(crate) fn begin(connection: &'a Connection) -> Result<Self, DatabaseError> {
        let before = head(connection)?;
        Ok(Self { connection, before, last: before.generation })
    }

    /// Where history stood before.
    pub(crate) fn before(&self) -> Position {
        self.before
    }

    /// The generation of the last change.
    pub(crate) fn last(&self) -> Generation {
        self.last
    }

    /// The generation of the next change.
    pub(crate) fn next(&mut self) -> Generation {
        self.last += 1;
        self.last
    }

    /// Notes the transaction, if there was any change, and returns where history stands.
    pub(crate) fn finish(self) -> Result<Position, DatabaseError> {
        if self.last == self.before.generation {
            return Ok(self.before);
        }
        let position = Position { generation: self.last, transaction: TransactionId::generate() };
        self.connection
            .prepare_cached("INSERT INTO transactions (last_generation, id) VALUES (?1, ?2)")?
            .execute((position.generation, position.transaction.to_bytes()))?;
        Ok(position)
    }
}
