//! Records that only the history uses: how a run is opened, and what readers list and draw.
//! Plain data; nothing here touches the database.

use std::collections::BTreeSet;

use crate::model::{
    Block, Case, CaseLabel, Comparison, ComparisonId, Design, Environment, Grade, Interval, Metric, Part, Profile,
    Purpose, Revision, Run, RunId, Scale, SubjectBuild, Tally, UnixMillis, VariantKind, VerdictKind,
};

/// What must be known before the first trial of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// What is measured.
    pub revision: Revision,
    /// Where, with the annotations of today.
    pub environment: Environment,
    /// Which cases and how many trials.
    pub profile: Profile,
    /// The part it plays.
    pub part: Part,
    /// The program to be started. `None` where the build failed.
    pub build: Option<SubjectBuild>,
    /// Digest of the plan. Runs of different plans never continue each other. For a run of a comparison it names the other
    /// side too, and for a variant of a calibration the variant: a run that is in one of those can be in no other.
    pub plan: String,
    /// How many trials the plan holds.
    pub planned_trials: u32,
    /// The command that measures the same again.
    pub reproduce: String,
    /// The time now.
    pub at: UnixMillis,
}

/// A run that is ready for trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Its number.
    pub id: RunId,
    /// Whether it continues a run that was interrupted.
    pub resumed: bool,
    /// The trials that it has already: key of the case and index of the trial.
    pub done: BTreeSet<(String, u32)>,
    /// What failed already: key of the case, and the trial where one was started. Failures of the whole revision have
    /// no case and are not in here.
    pub failed: BTreeSet<(String, Option<u32>)>,
    /// The [`crate::model::Trial::order`] of the next trial.
    pub next_order: u32,
}

/// A run with the figures that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunListing {
    /// The run.
    pub run: Run,
    /// Measurements that pass every check.
    pub sound: u32,
    /// Measurements about which a check warns.
    pub noisy: u32,
    /// Measurements that failed a check.
    pub unusable: u32,
    /// Failures.
    pub failures: u32,
    /// Trials kept so far.
    pub trials: u32,
    /// Trials that the plan holds.
    pub planned_trials: u32,
}

/// One line of a graph: a case × metric × environment over revisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its number, the same for ever.
    pub id: i64,
    /// What is measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Version of the operation: another version is another series.
    pub operation_version: u32,
    /// Which quantity.
    pub metric: Metric,
    /// From the newest run of each revision, in the order of [`super::Reader::axis`]. Revisions whose newest run has no
    /// value have no point: missing is missing.
    pub points: Vec<Point>,
}

/// One point of a [`Series`].
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The run it comes from.
    pub run: RunId,
    /// See [`crate::model::Summary::estimate`].
    pub estimate: f64,
    /// See [`crate::model::Summary::interval`].
    pub interval: Option<Interval>,
    /// Trials.
    pub trials: u32,
    /// Samples, warm-up left out.
    pub samples: u32,
    /// Whether it is reliable.
    pub grade: Grade,
}

/// What is being measured now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// In which run.
    pub run: RunId,
    /// Which case.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Which trial of the case, from 0.
    pub trial: u32,
    /// Trials of the case.
    pub trials: u32,
    /// Trials of the run that are over.
    pub done_trials: u32,
    /// Trials that the run's plan holds.
    pub planned_trials: u32,
    /// As of when.
    pub at: UnixMillis,
}

/// The outcomes of the cases of one group of scenarios in one run. Each case counts once, by the worst of its failures and
/// of the grades of its wall time, CPU times and memory peaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCounts {
    /// The first word of the scenarios' names: `sync` of `sync/upload`.
    pub group: String,
    /// Cases that pass every check.
    pub sound: u32,
    /// Cases about which a check warns.
    pub noisy: u32,
    /// Cases that failed a check.
    pub unusable: u32,
    /// Cases with a failure other than `unsupported`.
    pub failed: u32,
    /// Cases that the revision does not support.
    pub unsupported: u32,
}

/// What must be known before the first block of a comparison. Both runs are open already, the base's with the part
/// [`Part::Base`] and the head's with [`Part::Head`] or [`Part::Detached`].
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonStart {
    /// What is compared with.
    pub base: RunId,
    /// What is judged.
    pub head: RunId,
    /// Why.
    pub purpose: Purpose,
    /// See [`Comparison::identical`].
    pub identical: bool,
    /// Sizes and error rates.
    pub design: Design,
    /// Of the order within blocks and of the order of cases.
    pub seed: u64,
    /// The time now.
    pub at: UnixMillis,
}

/// A comparison that is ready for blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenComparison {
    /// Its number.
    pub id: ComparisonId,
    /// Whether it continues a comparison that was interrupted.
    pub resumed: bool,
    /// The seed that it began with.
    pub seed: u64,
    /// The blocks that it has already, ordered by case, stage and index.
    pub blocks: Vec<Block>,
}

/// A comparison with the figures that a list shows. The counts are of the verdicts of gate series.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonListing {
    /// The comparison.
    pub comparison: Comparison,
    /// The run of the base.
    pub base: RunListing,
    /// The run of the head.
    pub head: RunListing,
    /// Series that got worse.
    pub worse: u32,
    /// Series that got better.
    pub better: u32,
    /// Series that did not change.
    pub equivalent: u32,
    /// Series on which the data do not decide.
    pub inconclusive: u32,
    /// Series whose data are too poor for a decision.
    pub unusable: u32,
}

impl ComparisonListing {
    /// Gate series, by verdict.
    pub fn summary(&self) -> Tally {
        let ComparisonListing { worse, better, equivalent, inconclusive, unusable, .. } = *self;
        Tally { worse, better, equivalent, inconclusive, unusable }
    }
}

/// The verdict on one point of a [`Series`], for marking it on a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictPoint {
    /// [`Series::id`].
    pub series: i64,
    /// What was measured.
    pub case: Case,
    /// The head's run: [`Point::run`].
    pub run: RunId,
    /// The comparison that decided.
    pub comparison: ComparisonId,
    /// What the head was compared with: its parent only in a [`Purpose::Gate`].
    pub purpose: Purpose,
    /// The decision.
    pub kind: VerdictKind,
    /// See [`crate::model::Verdict::gate`].
    pub gate: bool,
    /// What the effect is measured in.
    pub scale: Scale,
    /// See [`crate::model::Verdict::effect`].
    pub effect: Option<f64>,
    /// Interval of the effect.
    pub interval: Option<Interval>,
}

/// What must be known before the first trial of a calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationStart {
    /// Which machine. Its annotations belong to the variants' runs.
    pub environment: Environment,
    /// The program that is compared with itself.
    pub build: SubjectBuild,
    /// Digest of the plan. Calibrations of different plans never continue each other.
    pub plan: String,
    /// Blocks of each case.
    pub blocks: u32,
    /// The procedure that is replayed.
    pub design: Design,
    /// The time now.
    pub at: UnixMillis,
}

/// A calibration that is ready for trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCalibration {
    /// Its number.
    pub id: i64,
    /// Whether it continues a calibration that was interrupted.
    pub resumed: bool,
    /// The variants that have a run already. [`super::Writer::open_run`] says what each holds.
    pub variants: Vec<(VariantKind, RunId)>,
}
