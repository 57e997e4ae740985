//! A bisection: `benchline bisect --json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{case::CaseReport, comparison::VerdictReport, shape::Tagged};
use crate::{
    judge::bisect::Seen,
    model::{ComparisonId, Metric, Revision},
};

/// Everything that a bisection says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.bisection/1")]
#[schemars(transform = Tagged("benchline.bisection/1"))]
pub struct BisectionReport {
    /// A revision before the change.
    pub good: Revision,
    /// A later one that has it.
    pub bad: Revision,
    /// The case that shows it.
    pub case: CaseReport,
    /// The metric that changed.
    pub metric: Metric,
    /// Probability that any of the comparisons of equal commits shows a difference.
    pub error_budget: f64,
    /// What came out.
    pub answer: Answer,
    /// The commit that brought the change. `null` unless it was found.
    pub commit: Option<Revision>,
    /// The verdict on that commit against the one before it.
    pub verdict: Option<VerdictReport>,
    /// Where the change is. `null` unless only a range was found.
    pub range: Option<CommitRange>,
    /// The commits that were compared, in the order in which they were.
    pub steps: Vec<StepReport>,
}

/// What came out of a bisection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One commit brought the change.
    Found,
    /// One of several commits did.
    Range,
    /// The two ends do not differ.
    NoDifference,
    /// A person stopped it.
    Interrupted,
}

/// The change came after one commit, and at the latest with another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CommitRange {
    /// The last commit without the change.
    pub after: String,
    /// The first commit that is known to have it.
    pub up_to: String,
}

/// A commit that was compared with the good end.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepReport {
    /// Which.
    pub commit: String,
    /// First line of its message.
    pub title: String,
    /// Whether it has the change.
    pub outcome: Outcome,
    /// Why.
    pub message: String,
    /// The comparison. `null` where nothing was measured.
    pub comparison: Option<ComparisonId>,
    /// What it says.
    pub verdict: Option<VerdictReport>,
}

/// Whether a commit has the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It does not.
    Unchanged,
    /// It does.
    Changed,
    /// It could not be measured.
    Skipped,
    /// It was measured, and the data do not decide.
    Unclear,
}

impl Outcome {
    /// The word that people and scripts read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Unchanged => "unchanged",
            Outcome::Changed => "changed",
            Outcome::Skipped => "skipped",
            Outcome::Unclear => "unclear",
        }
    }
}

impl From<Seen> for Outcome {
    fn from(seen: Seen) -> Outcome {
        match seen {
            Seen::Unchanged => Outcome::Unchanged,
            Seen::Changed => Outcome::Changed,
            Seen::Skipped => Outcome::Skipped,
            Seen::Unclear => Outcome::Unclear,
        }
    }
}
