//! Why trials cannot be judged together.

use crate::model::Metric;
use crate::stats::StatsError;

/// Why trials cannot be judged together. Each is a mistake of the caller or damage to the history, never bad luck.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JudgeError {
    /// The trials are not all of one case.
    #[error("trial {index} is of `{found}`, among trials of `{expected}`: judge each case by itself")]
    MixedCases {
        /// Index of the trial that differs.
        index: u32,
        /// Key of its case.
        found: String,
        /// Key of the first trial's case.
        expected: String,
    },
    /// The subject changed its operation's version between trials.
    #[error(
        "trial {index} performed version {found} of the operation, the others version {expected}: split the series"
    )]
    MixedVersions {
        /// Index of the trial that differs.
        index: u32,
        /// Its version.
        found: u32,
        /// The first trial's version.
        expected: u32,
    },
    /// One trial was given twice, which would make the interval narrower than it is.
    #[error("trial {index} was given twice: pass each trial of the run once")]
    Repeated {
        /// Index of the trial.
        index: u32,
    },
    /// One trial is part of two blocks, which would count it twice.
    #[error("trial {index} is part of two blocks: every block has its own trials")]
    PairedTwice {
        /// Index of the trial.
        index: u32,
    },
    /// There is no estimate.
    #[error("{metric}: {source}")]
    Estimate {
        /// Of which metric.
        metric: Metric,
        /// Why.
        source: StatsError,
    },
}
