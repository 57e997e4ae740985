//! What was looked at before a data point is believed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that was looked at, with its figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub name: CheckName,
    /// How it went.
    pub status: CheckStatus,
    /// What was found, in the check's own unit (see [`CheckName`]).
    pub figure: f64,
    /// Where it starts to warn.
    pub limit: f64,
    /// What to do about it, in plain English. Empty where nothing needs doing.
    pub advice: String,
}

/// The checks, in the order in which pages show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Every result right. Figure: share of trials in which every result was the expected one.
    Verified,
    /// Trials for an interval. Figure: trials.
    EnoughTrials,
    /// Half-width of the interval over the estimate. Not made without an interval, nor for counts.
    Precise,
    /// Trend after warm-up that the trials share. Figure: the slope's size over a trial, as a share of its median; zero
    /// where chance explains it. Made for times and bytes of samples.
    WarmedUp,
    /// Lag-1 autocorrelation of the trial medians, in the order in which they were measured. Limit: what one in a hundred
    /// runs exceeds by chance. Made for times and memory, from 8 trials on, unless all agree within 1%.
    Independent,
    /// Whether trials, or the samples within them, fall into two groups. Figure: the gap between the groups over the spread
    /// within them, at most 1000; zero where the groups are within 1% of each other. Limit: what one in a hundred runs
    /// exceeds by chance. Made for times and memory.
    Unimodal,
    /// Share of samples that lie more than three interquartile ranges outside the quartiles. Counted, never dropped.
    /// Made for times of samples, from 20 on.
    Outliers,
    /// Sample over the clock's step, in the shortest trial. Made for times of samples.
    ClockResolved,
    /// Share of the measured time in which something else held the CPU up: steal, or pressure as far as other processes
    /// used the CPU, or the canary's drift around the trials, the larger. Made for times.
    Undisturbed,
    /// CPU time of reading the processes from outside, as a share of the measured time. Made for times.
    LowOverhead,
}

impl CheckName {
    /// Every check, in the order in which pages show them.
    pub const ALL: [CheckName; 10] = [
        CheckName::Verified,
        CheckName::EnoughTrials,
        CheckName::Precise,
        CheckName::WarmedUp,
        CheckName::Independent,
        CheckName::Unimodal,
        CheckName::Outliers,
        CheckName::ClockResolved,
        CheckName::Undisturbed,
        CheckName::LowOverhead,
    ];

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            CheckName::Verified => "verified",
            CheckName::EnoughTrials => "enough_trials",
            CheckName::Precise => "precise",
            CheckName::WarmedUp => "warmed_up",
            CheckName::Independent => "independent",
            CheckName::Unimodal => "unimodal",
            CheckName::Outliers => "outliers",
            CheckName::ClockResolved => "clock_resolved",
            CheckName::Undisturbed => "undisturbed",
            CheckName::LowOverhead => "low_overhead",
        }
    }
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Nothing to report.
    Pass,
    /// Believe the point with care.
    Warn,
    /// Do not believe the point.
    Fail,
}

/// The checks together: the worst of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Every check passes.
    Sound,
    /// A check warns.
    Noisy,
    /// A check fails.
    Unusable,
}

impl Grade {
    /// The grade of a set of checks.
    pub fn of(checks: &[Check]) -> Grade {
        match checks.iter().map(|check| check.status).max() {
            None | Some(CheckStatus::Pass) => Grade::Sound,
            Some(CheckStatus::Warn) => Grade::Noisy,
            Some(CheckStatus::Fail) => Grade::Unusable,
        }
    }

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Grade::Sound => "sound",
            Grade::Noisy => "noisy",
            Grade::Unusable => "unusable",
        }
    }
}
