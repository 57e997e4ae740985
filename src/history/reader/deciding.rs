//! Reading what was decided: sessions, findings and calibrations. Each call sees one state of the database.

use super::Reader;
use crate::history::{Result, SessionListing, VerdictPoint, read};
use crate::model::{Arm, Block, Calibration, Finding, FindingId, FindingState, Metric, RunId, SessionId, Verdict};

impl Reader {
    /// The newest sessions of every purpose, newest first.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn sessions(&self, limit: u32) -> Result<Vec<SessionListing>> {
        self.now(|connection| read::sessions(connection, limit))
    }

    /// One session.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn session(&self, id: SessionId) -> Result<Option<SessionListing>> {
        self.now(|connection| read::session(connection, id))
    }

    /// The sessions that judge a revision (those whose head it is), newest first. `revision` as for [`Reader::runs_of`].
    ///
    /// # Errors
    /// `HistoryError::Ambiguous`, `HistoryError::NotARevision`; and see
    /// [`Reader::serial`].
    pub fn sessions_of(&self, revision: &str) -> Result<Vec<SessionListing>> {
        self.now(|connection| read::sessions_of(connection, revision))
    }

    /// The session whose head is the run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn session_of_run(&self, run: RunId) -> Result<Option<SessionId>> {
        self.now(|connection| read::session_of_run(connection, run))
    }

    /// What a session says, ordered by case and metric.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn verdicts(&self, session: SessionId) -> Result<Vec<Verdict>> {
        self.now(|connection| read::verdicts(connection, session))
    }

    /// The blocks of one case in a session, ordered by stage and index. `case_key` is [`crate::model::Case::key`].
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn blocks(&self, session: SessionId, case_key: &str) -> Result<Vec<Block>> {
        self.now(|connection| read::blocks(connection, session, case_key))
    }

    /// What sessions of every purpose said about the points of [`Reader::series`], by case and then along the axis. Heads
    /// that were superseded are left out.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn verdict_points(&self, scenario: &str, metric: Metric, environment: &str) -> Result<Vec<VerdictPoint>> {
        self.now(|connection| read::verdict_points(connection, scenario, metric, environment))
    }

    /// The findings that are in one of `states`, on one environment or on all: the highest position first, then the newest.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn findings(&self, environment: Option<&str>, states: &[FindingState]) -> Result<Vec<Finding>> {
        self.now(|connection| read::findings(connection, environment, states))
    }

    /// One finding.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn finding(&self, id: FindingId) -> Result<Option<Finding>> {
        self.now(|connection| read::finding(connection, id))
    }

    /// The calibrations of one environment or of all, newest first.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn calibrations(&self, environment: Option<&str>) -> Result<Vec<Calibration>> {
        self.now(|connection| read::calibrations(connection, environment))
    }

    /// One calibration.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn calibration(&self, id: i64) -> Result<Option<Calibration>> {
        self.now(|connection| read::calibration(connection, id))
    }

    /// The arms of a calibration that have a run, whose trials [`Reader::trials`] tells. Ordered as [`Arm`] is.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn arms(&self, calibration: i64) -> Result<Vec<(Arm, RunId)>> {
        self.now(|connection| read::arms(connection, calibration))
    }
}
