//! Reading what was decided: comparisons, findings and calibrations. Each call sees one state of the database.

use super::Reader;
use crate::history::{ComparisonListing, Result, VerdictPoint, read};
use crate::model::{
    Block, Calibration, ComparisonId, Finding, FindingId, FindingState, Metric, RunId, VariantKind, Verdict,
};

impl Reader {
    /// The newest comparisons of every purpose, newest first.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparisons(&self, limit: u32) -> Result<Vec<ComparisonListing>> {
        self.now(|connection| read::comparisons(connection, None, limit))
    }

    /// The newest comparisons that are older than one, newest first: the next page of a list.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparisons_before(&self, before: ComparisonId, limit: u32) -> Result<Vec<ComparisonListing>> {
        self.now(|connection| read::comparisons(connection, Some(before), limit))
    }

    /// One comparison.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparison(&self, id: ComparisonId) -> Result<Option<ComparisonListing>> {
        self.now(|connection| read::comparison(connection, id))
    }

    /// The comparisons that judge a revision (those whose head it is), newest first. `revision` as for [`Reader::runs_of`].
    ///
    /// # Errors
    /// `HistoryError::Ambiguous`, `HistoryError::NotARevision`; and see
    /// [`Reader::serial`].
    pub fn comparisons_of(&self, revision: &str) -> Result<Vec<ComparisonListing>> {
        self.now(|connection| read::comparisons_of(connection, revision))
    }

    /// The comparison whose head is the run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparison_of_run(&self, run: RunId) -> Result<Option<ComparisonId>> {
        self.now(|connection| read::comparison_of_run(connection, run))
    }

    /// What a comparison says, ordered by case and metric.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn verdicts(&self, comparison: ComparisonId) -> Result<Vec<Verdict>> {
        self.now(|connection| read::verdicts(connection, comparison))
    }

    /// The blocks of one case in a comparison, ordered by stage and index. `case_key` is [`crate::model::Case::key`].
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn blocks(&self, comparison: ComparisonId, case_key: &str) -> Result<Vec<Block>> {
        self.now(|connection| read::blocks(connection, comparison, case_key))
    }

    /// What comparisons of every purpose said about the points of [`Reader::series`], by case and then along the axis. Heads
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

    /// The variants of a calibration that have a run, whose trials [`Reader::trials`] tells. Ordered as [`VariantKind`] is.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn variants(&self, calibration: i64) -> Result<Vec<(VariantKind, RunId)>> {
        self.now(|connection| read::variants(connection, calibration))
    }
}
