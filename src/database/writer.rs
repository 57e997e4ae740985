//! The one connection that writes a store. Each change is one transaction, counts in the serial, and has reached the disk
//! when the call returns; a change that fails leaves the database as it was.

use std::path::Path;

use rusqlite::{Connection, Error as SqlError, TransactionBehavior};

use super::{
    connection::{canonicalize, open_to_write},
    error::DatabaseError,
    lock::WriterLock,
    store::Store,
};

/// The right and the means to write one store. There is one at a time for each file, over all processes.
#[derive(Debug)]
pub struct StoreWriter {
    connection: Connection,
    // Below the connection, so that it is released after the connection has closed.
    _lock: WriterLock,
}

impl StoreWriter {
    /// Opens the store at `path`. Creates folder and file when they are missing, and migrates an older version after a
    /// backup.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`] while another writer has it open, [`DatabaseError::ReadOnly`], [`DatabaseError::WrongFile`],
    /// [`DatabaseError::NewerVersion`], [`DatabaseError::BeforeFirstRelease`], [`DatabaseError::Backup`],
    /// [`DatabaseError::Migration`]. In none of these cases anything was changed.
    pub fn open(store: &'static Store, path: &Path) -> Result<StoreWriter, DatabaseError> {
        let path = canonicalize(store, path)?;
        let lock = WriterLock::acquire(&path)
            .map_err(|source| DatabaseError::ReadOnly { store, path: path.clone(), source })?
            .ok_or_else(|| DatabaseError::Busy { store, path: path.clone() })?;
        let mut writer = StoreWriter { connection: open_to_write(store, &path)?, _lock: lock };
        writer.change(advance_serial)?;
        Ok(writer)
    }

    /// For queries. Outside of [`StoreWriter::change`] nothing is written through it.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Performs one change and counts it, in one transaction.
    ///
    /// # Errors
    /// Whatever SQLite or `change` reports.
    pub fn change<T, E: From<SqlError>>(&mut self, change: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = change(&transaction)?;
        transaction.prepare_cached("UPDATE serial SET value = value + 1")?.execute([])?;
        transaction.commit()?;
        Ok(outcome)
    }

    /// Like [`StoreWriter::change`], but does not wait for the disk: readers see the change at once, and a power cut may
    /// undo it.
    ///
    /// # Errors
    /// Whatever SQLite or `change` reports.
    pub fn change_unflushed<T, E: From<SqlError>>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        // In WAL mode a commit under `normal` is whole but not flushed; the next durable commit flushes it too.
        self.connection.pragma_update(None, "synchronous", "normal")?;
        let outcome = self.change(change);
        self.connection.pragma_update(None, "synchronous", "full")?;
        outcome
    }
}

/// Lets the serial leap to the clock: past whatever a power cut undid, and past any serial of an older file of the same
/// name, so that no serial ever denotes two states.
fn advance_serial(connection: &Connection) -> Result<(), SqlError> {
    connection.execute("UPDATE serial SET value = max(value, CAST(unixepoch('subsec') * 1000 AS INTEGER))", [])?;
    Ok(())
}
