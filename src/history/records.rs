//! The records that only the history speaks of: how a run is opened, and what readers list and draw.
//! Plain data; nothing here touches the database.

use std::collections::BTreeSet;

use crate::model::{
    Case, CaseLabel, Environment, Grade, Interval, Metric, Part, Profile, Revision, Run, RunId, SubjectBuild,
    UnixMillis,
};

/// What has to be known before the first trial of a run.
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
    /// Digest of the plan. Runs of different plans never continue each other.
    pub plan: String,
    /// How many trials the plan holds.
    pub planned_trials: u32,
    /// The command that measures the same again.
    pub reproduce: String,
    /// Now.
    pub at: UnixMillis,
}

/// A run that is ready for trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Its number.
    pub id: RunId,
    /// Whether it continues a run that was cut off.
    pub resumed: bool,
    /// What is kept already: key of the case and index of the trial.
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
    /// Whether to believe it.
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
