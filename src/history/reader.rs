//! The many connections that read. They can never change the database, and never wait for its writer: each call sees one
//! state of it, the newest that was committed when the call began.

mod deciding;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use super::{GroupCounts, HistoryError, Progress, Result, RunListing, Series, connection, lock, read};
use crate::model::{Annotation, Environment, Failure, Measurement, Metric, RunId, Trial, Unavailable};

/// Connections that are kept open between calls. More are opened while more calls are made at once.
const KEPT: usize = 8;

/// Reads one history. Cheap to clone, and may be used by many threads at once.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    /// Opens the history at `path`. It may be written meanwhile, by this process or another.
    ///
    /// # Errors
    /// [`HistoryError::Missing`] where there is none yet, [`HistoryError::OlderVersion`] where a writer has to bring it up to
    /// date first, [`HistoryError::NewerVersion`], [`HistoryError::NotADatabase`].
    pub fn open(path: &Path) -> Result<Reader> {
        let missing = |_| HistoryError::Missing { path: path.to_owned() };
        let path = path.canonicalize().map_err(missing)?;
        let idle = Mutex::new(vec![connection::open_to_read(&path)?]);
        Ok(Reader(Arc::new(Pool { path, idle })))
    }

    /// A number that grows with every change, and stands for one state of the database for ever, power cuts and files of
    /// the same name included. Costs microseconds. It does not change when a writer is killed, so whoever shows
    /// [`Reader::progress`] has to ask for that too.
    ///
    /// # Errors
    /// Like all that follow: [`HistoryError::Sqlite`] where the file cannot be read, [`HistoryError::Damaged`] where a row
    /// makes no sense.
    pub fn serial(&self) -> Result<u64> {
        self.now(read::serial)
    }

    /// What is being measured now. `None` as soon as no writer has the history open, so a run in the state `running` that
    /// no progress names is one that was cut off, or one between two trials.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn progress(&self) -> Result<Option<Progress>> {
        if self.is_written() { self.now(read::progress) } else { Ok(None) }
    }

    /// Whether somebody has the history open to write, as from before a program is built until everything is measured.
    pub fn is_written(&self) -> bool {
        // A lock that cannot be asked for is as good as none: whoever cannot be seen to write is not shown as writing.
        lock::is_held(&self.0.path).unwrap_or(false)
    }

    /// The newest run of each revision on each environment: the highest position first, then the newest. Runs with the part
    /// `base` or `calibration` are left out, here and wherever a graph's axis is spoken of.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn runs(&self, limit: u32) -> Result<Vec<RunListing>> {
        self.now(|connection| read::latest(connection, limit))
    }

    /// One run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn run(&self, id: RunId) -> Result<Option<RunListing>> {
        self.now(|connection| read::listing(connection, id))
    }

    /// The environment of a run, with the annotations of that run. `None` where there is no such run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn environment(&self, run: RunId) -> Result<Option<Environment>> {
        self.now(|connection| read::environment(connection, run))
    }

    /// The annotations of every run on an environment, in the order of the runs.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn annotations(&self, environment: &str) -> Result<Vec<(RunId, Annotation)>> {
        self.now(|connection| read::all_annotations(connection, environment))
    }

    /// Every environment, without annotations: those belong to runs.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn environments(&self) -> Result<Vec<Environment>> {
        self.now(read::environments)
    }

    /// The runs of a revision: newest first, but those that only were another's base last, so that the first of an
    /// environment is the one on its axis, if any is. Calibrations are left out. `revision` is a whole id, or 7 digits or more that begin only one, or
    /// `worktree` for the work tree that was measured last. Empty where there is no such revision.
    ///
    /// # Errors
    /// [`HistoryError::Ambiguous`], [`HistoryError::NotARevision`]; and see [`Reader::serial`].
    pub fn runs_of(&self, revision: &str) -> Result<Vec<RunListing>> {
        self.now(|connection| read::runs_of(connection, revision))
    }

    /// The measurements of a run, with their checks, ordered by case and metric.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn measurements(&self, run: RunId) -> Result<Vec<Measurement>> {
        self.now(|connection| read::measurements(connection, run))
    }

    /// The failures of a run, in the order in which they happened.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn failures(&self, run: RunId) -> Result<Vec<Failure>> {
        self.now(|connection| read::failures(connection, run))
    }

    /// What the trials of a run could not have, each metric and reason once.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn unavailable(&self, run: RunId) -> Result<Vec<Unavailable>> {
        self.now(|connection| read::unavailable_in(connection, run))
    }

    /// Every trial of a case in a run, raw, in the order of their index. `case_key` is [`crate::model::Case::key`].
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn trials(&self, run: RunId, case_key: &str) -> Result<Vec<Trial>> {
        self.now(|connection| read::trials(connection, run, case_key))
    }

    /// The names of all scenarios that were ever tried, in alphabetical order.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn scenarios(&self) -> Result<Vec<String>> {
        self.now(read::scenarios)
    }

    /// The metrics that a scenario was ever measured in: wall time first, then role by role.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn metrics(&self, scenario: &str) -> Result<Vec<Metric>> {
        self.now(|connection| read::metrics(connection, scenario))
    }

    /// How long a trial of each case took on average, in nanoseconds, by the case's key: in the newest run that measured
    /// it, on one environment or on any.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn trial_durations(&self, environment: Option<&str>) -> Result<BTreeMap<String, f64>> {
        self.now(|connection| read::trial_durations(connection, environment))
    }

    /// The x axis of a graph: the newest run of each revision on an environment, the oldest position first, those that could
    /// not be measured included.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn axis(&self, environment: &str) -> Result<Vec<RunListing>> {
        self.now(|connection| read::axis(connection, environment))
    }

    /// The lines of a graph: one metric of every case of a scenario on one environment, ordered by case. Each is one scan
    /// of neighbouring rows.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn series(&self, scenario: &str, metric: Metric, environment: &str) -> Result<Vec<Series>> {
        self.now(|connection| read::series(connection, scenario, metric, environment))
    }

    /// The lines of every case in each of `metrics` on one environment, ordered by case and metric: what changes are looked
    /// for in. Each is one scan of neighbouring rows.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn all_series(&self, environment: &str, metrics: &[Metric]) -> Result<Vec<Series>> {
        self.now(|connection| read::all_series(connection, environment, metrics))
    }

    /// What became of the cases of each group of scenarios, for each of `runs` in their order: groups by name. A few rows a
    /// run; nothing is counted.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn grades(&self, runs: &[RunId]) -> Result<Vec<Vec<GroupCounts>>> {
        self.now(|connection| runs.iter().map(|run| read::grades(connection, *run)).collect())
    }

    /// Performs queries on one state of the database.
    pub(super) fn now<T>(&self, queries: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let kept = self.idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connection::open_to_read(&self.0.path)?,
        };
        let snapshot = connection.unchecked_transaction()?;
        let outcome = queries(&snapshot);
        // Nothing was written, so that ending the snapshot either way is the same; a connection that cannot is dropped.
        snapshot.finish()?;
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        outcome
    }

    /// A panic elsewhere leaves a list of sound connections, so a poisoned lock is as good as any.
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
