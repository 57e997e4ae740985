//! The history of a store: which transaction reached which generation. A replica has one history in its table
//! `transactions(last_generation, id)`; a server has one per user, in a table with an additional column `user`. There is one
//! row for each transaction that changed a document.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::DatabaseError;
use crate::document::{Generation, Position, TransactionId};

/// One history in a database.
#[derive(Clone, Copy)]
pub(crate) struct History<'a> {
    connection: &'a Connection,
    /// The user, where the table has several histories.
    user: Option<i64>,
}

impl<'a> History<'a> {
    /// The history of the replica in this database.
    pub(crate) fn of_replica(connection: &'a Connection) -> Self {
        Self { connection, user: None }
    }

    /// The history of a user's store in this database.
    pub(crate) fn of_user(connection: &'a Connection, user: i64) -> Self {
        Self { connection, user: Some(user) }
    }

    /// The newest position.
    pub(crate) fn head(self) -> Result<Position, DatabaseError> {
        const OF_REPLICA: &str = "SELECT last_generation, id FROM transactions ORDER BY last_generation DESC LIMIT 1";
        const OF_USER: &str =
            "SELECT last_generation, id FROM transactions WHERE user = ?1 ORDER BY last_generation DESC LIMIT 1";
        let head = match self.user {
            None => self.find(OF_REPLICA, ()),
            Some(user) => self.find(OF_USER, [user]),
        };
        Ok(head?.unwrap_or(Position::START))
    }

    /// The position at `generation`, if the history has reached it.
    pub(crate) fn at(self, generation: Generation) -> Result<Option<Position>, DatabaseError> {
        const OF_REPLICA: &str = "SELECT last_generation, id FROM transactions
                                  WHERE last_generation >= ?1 ORDER BY last_generation LIMIT 1";
        const OF_USER: &str = "SELECT last_generation, id FROM transactions
                               WHERE user = ?2 AND last_generation >= ?1 ORDER BY last_generation LIMIT 1";
        if generation == 0 {
            return Ok(Some(Position::START));
        }
        let found = match self.user {
            None => self.find(OF_REPLICA, [generation]),
            Some(user) => self.find(OF_USER, [generation, user]),
        };
        Ok(found?.map(|reached| Position { generation, ..reached }))
    }

    /// Whether `position` is part of this history.
    pub(crate) fn contains(self, position: Position) -> Result<bool, DatabaseError> {
        Ok(self.at(position.generation)? == Some(position))
    }

    fn find(self, sql: &str, parameters: impl Params) -> Result<Option<Position>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement
            .query_row(parameters, |row| Ok(Position { generation: row.get(0)?, transaction: transaction(row, 1)? }));
        Ok(found.optional()?)
    }

    fn append(self, position: Position) -> Result<(), DatabaseError> {
        const OF_REPLICA: &str = "INSERT INTO transactions (last_generation, id) VALUES (?1, ?2)";
        const OF_USER: &str = "INSERT INTO transactions (last_generation, id, user) VALUES (?1, ?2, ?3)";
        let (generation, id) = (position.generation, position.transaction.to_bytes());
        match self.user {
            None => self.connection.prepare_cached(OF_REPLICA)?.execute((generation, id))?,
            Some(user) => self.connection.prepare_cached(OF_USER)?.execute((generation, id, user))?,
        };
        Ok(())
    }
}

/// The transaction id in column `index`.
pub(crate) fn transaction(row: &Row<'_>, index: usize) -> rusqlite::Result<TransactionId> {
    row.get::<_, [u8; 16]>(index).map(TransactionId::from_bytes)
}

/// Counts the changes of one transaction.
pub(crate) struct Changes<'a> {
    history: History<'a>,
    before: Position,
    last: Generation,
}

impl<'a> Changes<'a> {
    /// Continues after the newest position.
    pub(crate) fn begin(history: History<'a>) -> Result<Self, DatabaseError> {
        let before = history.head()?;
        Ok(Self { history, before, last: before.generation })
    }

    /// The position before the transaction.
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

    /// Records the transaction, if there was a change, and returns the newest position.
    pub(crate) fn finish(self) -> Result<Position, DatabaseError> {
        if self.last == self.before.generation {
            return Ok(self.before);
        }
        let position = Position { generation: self.last, transaction: TransactionId::generate() };
        self.history.append(position)?;
        Ok(position)
    }
}
