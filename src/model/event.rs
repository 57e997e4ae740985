//! The events of the runner: one closed list, so that every listener handles all of them.

use super::{Case, CaseLabel, Failure, Trial};

/// Something that happened. The runner waits while an event is handled, so that keeping a trial is over before the
/// next is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Trials of a case begin.
    CaseStarted(PlannedCase),
    /// A trial begins.
    TrialStarted {
        /// Which case.
        case: Case,
        /// Which trial, from 0.
        index: u32,
    },
    /// A sample was taken; for progress only, the trial carries it again.
    SampleTaken {
        /// Which trial, from 0.
        index: u32,
        /// Which sample, from 0, warm-up included.
        sample: u32,
        /// Its wall time per operation, in nanoseconds.
        wall_ns: u64,
    },
    /// A trial is whole.
    TrialFinished(Box<Trial>),
    /// A trial, or all that is left of a case, could not be measured.
    Failed(Failure),
}

/// A case as it is going to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCase {
    /// What.
    pub case: Case,
    /// How people read its parameters.
    pub label: CaseLabel,
    /// Fresh sets of processes.
    pub trials: u32,
    /// Samples a trial, warm-up included.
    pub samples: u32,
}
