//! How a campaign reports its progress: a closed set of typed notices, sent to one [`Observer`]. The campaign never waits
//! for an answer and never asks one; how a notice reads is the observer's business.

use super::bisection::step::Step;
use crate::model::{
    ComparisonId, Failure, Measurement, PlannedCase, Revision, RunId, Stage, Trial, VariantKind, Verdict,
};

/// Receives what a campaign reports. The campaign waits while a notice is handled, so handling must be quick.
pub trait Observer {
    /// Something happened.
    fn notify(&self, notice: &Notice);
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notify(&self, _notice: &Notice) {}
}

/// Something that happened in a campaign.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A revision is taken up.
    RevisionStarted {
        /// Which one.
        revision: Revision,
        /// What it is compared with, where it is.
        base: Option<Revision>,
    },
    /// A build is asked for; it may be cached.
    BuildStarted,
    /// A line of a build's output, without control characters.
    BuildOutput(String),
    /// The build is over, whatever came of it.
    BuildFinished,
    /// The revision has no subject. The failure is kept in the history.
    NotBuilt(Failure),
    /// A finished run holds the very same already.
    AlreadyMeasured(RunId),
    /// A finished comparison holds the very same already.
    AlreadyCompared(ComparisonId),
    /// A run that was cut off is continued.
    RunResumed {
        /// Which run.
        run: RunId,
        /// Trials that are kept.
        kept: usize,
        /// Trials that the plan holds.
        planned: u32,
    },
    /// A comparison that was cut off is continued.
    ComparisonResumed {
        /// Which comparison.
        comparison: ComparisonId,
        /// Blocks that are kept.
        kept: usize,
    },
    /// A calibration that was cut off is continued.
    CalibrationResumed(i64),
    /// Nothing before the revision can be measured, so it is measured by itself.
    NoBase {
        /// The revision.
        revision: Revision,
        /// What keeps it from being compared.
        reason: NoBase,
    },
    /// Both sides of a comparison build to the very same program, so nothing is measured.
    IdenticalPrograms,
    /// Trials follow.
    PassStarted {
        /// Of what.
        scope: Scope,
        /// How many units the pass holds; see [`Scope`].
        planned: u32,
        /// How many of them are over already.
        done: u32,
    },
    /// A trial, or a block of them, begins.
    TrialStarted {
        /// Of which case. Its `trials` count blocks where blocks are measured.
        case: PlannedCase,
        /// Which trial or block of the case, from 0.
        index: u32,
    },
    /// A sample was taken.
    SampleTaken {
        /// Which sample, from 0, warm-up included.
        sample: u32,
        /// Its wall time per operation, in nanoseconds.
        wall_ns: u64,
    },
    /// Something could not be measured. The failure is kept.
    Failed {
        /// Which variant of a calibration failed.
        variant: Option<VariantKind>,
        /// What happened.
        failure: Failure,
    },
    /// A unit of the pass is over, kept and judged.
    Kept {
        /// Units that are over now.
        done: u32,
        /// What follows from it.
        judged: Judged,
    },
    /// The pass is over, whether complete or stopped.
    PassFinished,
    /// A run is extended by at most this many trials, because wall times are imprecise.
    RunExtended(u32),
    /// The series show this many new findings.
    FindingsFound(usize),
    /// A bisection begins with its two ends.
    EndsCompared,
    /// A bisection looks at a revision next.
    RevisionChosen {
        /// Which one.
        revision: Revision,
        /// How many revisions may hold the change, the last one left out.
        between: usize,
    },
    /// A bisection has looked at a revision.
    RevisionSeen {
        /// Which one.
        revision: Revision,
        /// Whether it is the bad end.
        is_end: bool,
        /// What was found.
        step: Step,
    },
    /// A bisection found a revision, and compares it with the one before it.
    Confirming(Revision),
    /// That comparison shows another change than the two ends do.
    NotConfirmed(Box<Verdict>),
    /// A case was performed once, and nothing is kept of it.
    CasePerformed(Box<Trial>),
}

/// What a pass measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Trials of one revision.
    Run,
    /// Blocks of one stage of a comparison.
    Stage {
        /// Which stage.
        stage: Stage,
        /// Series that the stage before it found suspicious.
        suspicious: usize,
    },
    /// Blocks of a calibration, each with a trial of every variant.
    Calibration,
}

/// What follows from the trials that are kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Judged {
    /// Nothing yet.
    Nothing,
    /// The measurements of the case, from all of its trials in the run.
    Measurements(Vec<Measurement>),
    /// The verdicts on the case, as they are now.
    Verdicts(Vec<Verdict>),
}

/// Why a revision cannot be compared with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBase {
    /// There is none.
    NoParent,
    /// It has no subject.
    ParentHasNoSubject,
}
