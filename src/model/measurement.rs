//! The result of one run for one series.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, CaseLabel, Check, Grade, Metric};

/// All samples of one series from one run, summarised and checked. Derived from [`super::Trial`]s, and can be again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Version of the operation.
    pub operation_version: u32,
    /// Which quantity.
    pub metric: Metric,
    /// The numbers, per operation, in the metric's unit.
    pub summary: Summary,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// The grade that the checks give together.
    pub grade: Grade,
}

/// Numbers derived from the trials of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Median over trials of the trial medians.
    pub estimate: f64,
    /// Distribution-free interval of the estimate; `None` with fewer than 6 trials.
    pub interval: Option<Interval>,
    /// Trials.
    pub trials: u32,
    /// Samples, warm-up left out.
    pub samples: u32,
    /// Smallest sample.
    pub minimum: f64,
    /// First quartile of all samples.
    pub lower_quartile: f64,
    /// Third quartile of all samples.
    pub upper_quartile: f64,
    /// 99th percentile of all samples.
    pub p99: f64,
    /// Spread between trials: standard deviation of the trial medians, estimated as 1.4826 times their median absolute
    /// deviation, over the estimate. `None` for a single trial, or where the estimate is zero and the spread is not.
    pub between: Option<f64>,
    /// Spread within trials: median over trials of each one's standard deviation, estimated alike, over the estimate.
    /// `None` where no trial has two values, or as above.
    pub within: Option<f64>,
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Its exact level: 0.96875 for the extremes of 6 trials.
    pub level: f64,
}
