//! The one connection that writes. Each call is one transaction, and has reached the disk when it returns
//! ([`Writer::set_progress`] excepted); a call that fails leaves the database as it was.
//!
//! Each file holds the calls for one kind of record. The functions behind them neither begin nor end a transaction.

mod calibration;
mod comparison;
mod finding;
mod groups;
mod measurement;
mod run;
pub(super) mod trial;

use std::path::Path;

use super::{error::Result, schema::HISTORY, verify};
use crate::database::{Connection, StoreWriter};

/// The right and the means to write one history. There is one at a time for each database, over all processes.
#[derive(Debug)]
pub struct Writer(StoreWriter);

impl Writer {
    /// Opens the history at `path`. Creates folder and file when they are missing, migrates an older version after a backup,
    /// and clears the progress that a killed writer left.
    ///
    /// # Errors
    /// [`super::HistoryError::Database`]: another writer has it open, it cannot be written, it is newer than this program or
    /// from before version 0.1.0, or the file is something else. In none of these cases anything was changed.
    pub fn open(path: &Path) -> Result<Writer> {
        let mut writer = Writer(StoreWriter::open(&HISTORY, path)?);
        writer.change(|connection| Ok(connection.execute("DELETE FROM progress", [])?))?;
        Ok(writer)
    }

    /// Looks for damage: SQLite's own checks, every packed column, every length and every derived count. Returns the
    /// problems in plain English, none when all is well. Changes nothing.
    ///
    /// # Errors
    /// [`super::HistoryError::Database`] when the file cannot be read at all.
    pub fn verify(&mut self) -> Result<Vec<String>> {
        verify::problems(self.connection())
    }

    /// Performs one change and counts it, in one transaction.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.0.change(change)
    }

    /// For queries.
    const fn connection(&self) -> &Connection {
        self.0.connection()
    }
}
