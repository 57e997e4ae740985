//! The many connections that read. They can never change the database, and never wait for its writer: each call sees one
//! state of it, the newest that was committed when the call began.
//!
//! Each file holds the calls for one kind of record, and the queries behind them, which the writer and the search for damage
//! use too. A query works on whatever snapshot its connection is in, and changes nothing.

pub(super) mod calibration;
pub(super) mod comparison;
pub(super) mod finding;
pub(super) mod groups;
pub(super) mod measurements;
pub(super) mod runs;
pub(super) mod series;
pub(super) mod trials;

use std::path::Path;

use super::{error::Result, schema::HISTORY};
use crate::database::{Connection, StoreReader};

/// Reads one history. Cheap to clone, and may be used by many threads at once.
#[derive(Debug, Clone)]
pub struct Reader(StoreReader);

impl Reader {
    /// Opens the history at `path`. It may be written meanwhile, by this process or another.
    ///
    /// # Errors
    /// [`super::HistoryError::Database`]: there is none yet, it has another schema version, or the file is something else.
    pub fn open(path: &Path) -> Result<Reader> {
        Ok(Reader(StoreReader::open(&HISTORY, path)?))
    }

    /// A number that grows with every change, and denotes one state of the database for ever, power cuts and files of the
    /// same name included. Costs microseconds. It does not change when a writer is killed, so whoever shows
    /// [`Reader::progress`] has to ask for that too.
    ///
    /// # Errors
    /// As of all other calls: [`super::HistoryError::Database`] when the file cannot be read,
    /// [`super::HistoryError::Damaged`] when a row is invalid.
    pub fn serial(&self) -> Result<u64> {
        Ok(self.0.serial()?)
    }

    /// Whether a writer has the history open, as from before a program is built until everything is measured.
    pub fn is_written(&self) -> bool {
        self.0.has_writer()
    }

    /// Runs queries on one state of the database.
    pub(super) fn with_snapshot<T>(&self, queries: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.0.with_snapshot(queries)
    }
}
