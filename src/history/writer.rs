//! The one connection that writes. Each call is one transaction, and has reached the disk when it returns
//! ([`Writer::set_progress`] excepted); a call that fails leaves the database as it was.

mod deciding;

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{HistoryError, OpenRun, Progress, Result, RunStart, connection, lock::WriterLock, read, verify, write};
use crate::model::{Failure, Measurement, RunId, RunState, Trial, UnixMillis};

/// The right and the means to write one history. There is one at a time for each database, over all processes.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    // Below the connection, so that it is let go after the connection has closed.
    _lock: WriterLock,
}

impl Writer {
    /// Opens the history at `path`. Makes folder and file where they are missing, brings an older format up to date, and
    /// clears what a writer that was killed left as its progress.
    ///
    /// # Errors
    /// [`HistoryError::Busy`] while another writer has it open, [`HistoryError::ReadOnly`], [`HistoryError::NotADatabase`],
    /// [`HistoryError::NewerVersion`], [`HistoryError::Migration`]. In none of these cases anything was changed.
    pub fn open(path: &Path) -> Result<Writer> {
        let path = connection::settle(path)?;
        let lock = WriterLock::take(&path)
            .map_err(|source| HistoryError::ReadOnly { path: path.clone(), source })?
            .ok_or_else(|| HistoryError::Busy { path: path.clone() })?;
        let mut writer = Writer { connection: connection::open_to_write(&path)?, _lock: lock };
        writer.change(write::start_over)?;
        Ok(writer)
    }

    /// Opens a run: continues the newest one in the state `running` or `interrupted` that has the same revision,
    /// environment, profile, plan and build (inputs and binary), or else begins a new one.
    ///
    /// # Errors
    /// [`HistoryError::Clash`] where the environment's id stands for another machine.
    pub fn open_run(&mut self, start: &RunStart) -> Result<OpenRun> {
        self.change(|connection| write::open_run(connection, start))
    }

    /// The newest finished run that has the same revision, environment, profile, plan and build as `start`: what
    /// [`Writer::open_run`] would measure once more.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn finished_run(&self, start: &RunStart) -> Result<Option<RunId>> {
        write::newest(&self.connection, start, [RunState::Finished; 2])
    }

    /// Keeps a trial.
    ///
    /// # Errors
    /// [`HistoryError::DuplicateTrial`] where the run has that trial of that case already, [`HistoryError::UnknownRun`],
    /// [`HistoryError::Invalid`] where the trial breaks its invariants or has more than a million values in one column,
    /// [`HistoryError::Clash`].
    pub fn record_trial(&mut self, run: RunId, trial: &Trial) -> Result<()> {
        self.change(|connection| write::trial(connection, run, trial))
    }

    /// Keeps what was derived from a run's trials. Measurements of the same series from the same run are replaced.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`], [`HistoryError::Invalid`] where a figure is not a finite number, [`HistoryError::Clash`].
    pub fn record_measurements(&mut self, run: RunId, measurements: &[Measurement]) -> Result<()> {
        self.change(|connection| write::measurements(connection, run, measurements))
    }

    /// Keeps a failure.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`], [`HistoryError::Clash`].
    pub fn record_failure(&mut self, run: RunId, failure: &Failure) -> Result<()> {
        self.change(|connection| write::failure(connection, run, failure))
    }

    /// Says what is being measured now, or that nothing is. Seen by readers at once, but not waited for on the disk: after
    /// a power cut there is no progress anyway.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`], [`HistoryError::Clash`].
    pub fn set_progress(&mut self, progress: Option<&Progress>) -> Result<()> {
        // In WAL mode a commit under `normal` is whole but not flushed; the next durable commit flushes it too.
        self.connection.pragma_update(None, "synchronous", "normal")?;
        let outcome = self.change(|connection| write::progress(connection, progress));
        self.connection.pragma_update(None, "synchronous", "full")?;
        outcome
    }

    /// Says how far a run came. Every state but `running` sets when it ended, and clears its progress.
    ///
    /// # Errors
    /// [`HistoryError::UnknownRun`].
    pub fn finish_run(&mut self, run: RunId, state: RunState, at: UnixMillis) -> Result<()> {
        self.change(|connection| write::finish_run(connection, run, state, at))
    }

    /// Every trial of a case in a run, raw, in the order of their index. See [`super::Reader::trials`].
    ///
    /// # Errors
    /// [`HistoryError::Damaged`].
    pub fn trials(&self, run: RunId, case_key: &str) -> Result<Vec<Trial>> {
        read::trials(&self.connection, run, case_key)
    }

    /// Looks for damage: SQLite's own checks, every packed column, every length and every derived count. Returns the
    /// problems in plain English, none where all is well. Changes nothing.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`] where the file cannot be read at all.
    pub fn verify(&mut self) -> Result<Vec<String>> {
        verify::problems(&self.connection)
    }

    /// Performs one change and counts it, in one transaction.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = change(&transaction)?;
        transaction.prepare_cached("UPDATE state SET serial = serial + 1")?.execute([])?;
        transaction.commit()?;
        Ok(outcome)
    }
}
