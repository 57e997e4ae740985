//! What would be measured, and how long it would take: `benchline list --json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{case::CaseReport, shape::Tagged};
use crate::model::Profile;

/// What the profiles measure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.plan/1")]
#[schemars(transform = Tagged("benchline.plan/1"))]
pub struct PlanReport {
    /// The profile whose cases are listed.
    pub profile: Profile,
    /// Its cases, in the order in which they are measured.
    pub cases: Vec<CasePlanReport>,
    /// How long each profile takes.
    pub profiles: Vec<ProfileReport>,
}

/// How a case is measured.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CasePlanReport {
    /// What.
    pub case: CaseReport,
    /// Trials where nothing is suspicious.
    pub trials: f64,
    /// Samples at the start of a trial that do not count.
    pub warmup: u32,
    /// Samples of a trial that count.
    pub samples: u32,
    /// Operations of a sample.
    pub iterations: u64,
    /// How long it takes where nothing is suspicious, in nanoseconds. `null` where nothing like it was measured.
    pub expected_ns: Option<f64>,
    /// How long it takes at most, in nanoseconds.
    pub worst_ns: Option<f64>,
    /// Where the times come from.
    pub source: Option<EstimateSource>,
}

/// Where an estimate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EstimateSource {
    /// The case was measured on this machine.
    Measured,
    /// The case was measured only on another machine.
    Elsewhere,
    /// The median of like cases: those of the scenario, else of its group, else all.
    LikeCases,
}

/// How long a profile takes, builds left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ProfileReport {
    /// Which.
    pub profile: Profile,
    /// Its cases.
    pub cases: usize,
    /// Where nothing is suspicious, in nanoseconds.
    pub expected_ns: f64,
    /// Where everything is, in nanoseconds.
    pub worst_ns: f64,
    /// Cases with an estimate of their own.
    pub measured: usize,
    /// Cases that are taken to be like others.
    pub like_others: usize,
    /// Cases of which nothing is known.
    pub unknown: usize,
}
