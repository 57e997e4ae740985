//! Keeping what is decided: comparisons, findings and calibrations. As of every writer's call, each is one transaction that
//! has reached the disk when it returns, and one that fails leaves the database as it was.

use super::Writer;
use crate::history::{CalibrationStart, ComparisonStart, OpenCalibration, OpenComparison, Result, write};
use crate::model::{
    Block, ComparisonId, FindingEvent, FindingId, Rate, Revision, RunId, RunState, SeriesChange, UnixMillis,
    VariantKind, Verdict,
};

impl Writer {
    /// Opens a comparison: continues that of the same two runs if it is in the state `running` or `interrupted`, or else begins
    /// a new one. One that is continued keeps the purpose, the seed and the time of its beginning.
    ///
    /// # Errors
    /// `HistoryError::OtherDesign` where it began with other sizes or error rates,
    /// `HistoryError::Invalid` where the runs are not a base and a head of one machine, one of them
    /// is in another comparison, or their comparison is over, `HistoryError::UnknownRun`.
    pub fn open_comparison(&mut self, start: &ComparisonStart) -> Result<OpenComparison> {
        self.change(|connection| write::open_comparison(connection, start))
    }

    /// Keeps which two trials stand against each other. Both are recorded already.
    ///
    /// # Errors
    /// `HistoryError::DuplicateBlock` where the comparison has the block, or a block has one of its trials;
    /// `HistoryError::Invalid` where a run lacks the trial,
    /// `HistoryError::UnknownComparison`.
    pub fn record_block(&mut self, comparison: ComparisonId, block: &Block) -> Result<()> {
        self.change(|connection| write::block(connection, comparison, block))
    }

    /// Keeps what a comparison says. Verdicts on the same series are replaced, others stay.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where a figure is not finite or out of its range, the reason is longer than
    /// 4 kB, or a series that does not decide is called worse or better;
    /// `HistoryError::UnknownComparison`, `HistoryError::Clash`.
    pub fn record_verdicts(&mut self, comparison: ComparisonId, verdicts: &[Verdict], at: UnixMillis) -> Result<()> {
        self.change(|connection| write::verdicts(connection, comparison, verdicts, at))
    }

    /// Says how far a comparison came. Its runs have states of their own.
    ///
    /// # Errors
    /// `HistoryError::UnknownComparison`.
    pub fn finish_comparison(&mut self, comparison: ComparisonId, state: RunState, at: UnixMillis) -> Result<()> {
        self.change(|connection| write::finish_comparison(connection, comparison, state, at))
    }

    /// Keeps a new finding with its first event. `series` are numbers of [`crate::history::Series::id`].
    ///
    /// # Errors
    /// `HistoryError::Invalid` where the environment or a series is unknown, a number stands for another
    /// series than the change says, a figure is not finite or out of its range, the person has more than 200 characters or
    /// the reason more than 4 kB.
    pub fn new_finding(
        &mut self,
        environment: &str,
        after: Option<&Revision>,
        at: &Revision,
        series: &[SeriesChange],
        event: &FindingEvent,
    ) -> Result<FindingId> {
        self.change(|connection| write::new_finding(connection, environment, after, at, series, event))
    }

    /// Says where a finding is and what changes there, as the history is seen now. Its events stay.
    ///
    /// # Errors
    /// `HistoryError::UnknownFinding`; and see [`Writer::new_finding`].
    pub fn set_finding(
        &mut self,
        finding: FindingId,
        after: Option<&Revision>,
        at: &Revision,
        series: &[SeriesChange],
    ) -> Result<()> {
        self.change(|connection| write::set_finding(connection, finding, after, at, series))
    }

    /// Keeps what happened to a finding, whose state is the event's from here on.
    ///
    /// # Errors
    /// `HistoryError::UnknownFinding`; and see [`Writer::new_finding`].
    pub fn finding_event(&mut self, finding: FindingId, event: &FindingEvent) -> Result<()> {
        self.change(|connection| write::finding_event(connection, finding, event))
    }

    /// Opens a calibration: continues the newest one in the state `running` or `interrupted` that has the same environment,
    /// build (inputs and binary), plan, blocks and design, or else begins a new one. Its trials go into a run for each variant,
    /// which [`Writer::open_run`] opens with the part `calibration` and [`Writer::calibration_variant`] names.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where the design's levels are none,
    /// `HistoryError::Clash` where the environment's id stands for another machine.
    pub fn open_calibration(&mut self, start: &CalibrationStart) -> Result<OpenCalibration> {
        self.change(|connection| write::open_calibration(connection, start))
    }

    /// Says for which variant of a calibration a run stands. Saying it again changes nothing.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where the run has another part or environment or stands for another variant, or
    /// the variant has another run; `HistoryError::UnknownCalibration`,
    /// `HistoryError::UnknownRun`.
    pub fn calibration_variant(&mut self, calibration: i64, variant: VariantKind, run: RunId) -> Result<()> {
        self.change(|connection| write::variant(connection, calibration, variant, run))
    }

    /// Keeps what came out of a calibration, instead of all that was kept before.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where a figure is not finite, negative, or counts more than there are;
    /// `HistoryError::UnknownCalibration`, `HistoryError::Clash`.
    pub fn record_rates(&mut self, calibration: i64, rates: &[Rate]) -> Result<()> {
        self.change(|connection| write::rates(connection, calibration, rates))
    }

    /// Says how far a calibration came. Its variants' runs have states of their own.
    ///
    /// # Errors
    /// `HistoryError::UnknownCalibration`.
    pub fn finish_calibration(&mut self, calibration: i64, state: RunState, at: UnixMillis) -> Result<()> {
        self.change(|connection| write::finish_calibration(connection, calibration, state, at))
    }
}
