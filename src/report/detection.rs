//! Change points of a series in a file: `benchline detect`.

use schemars::JsonSchema;
use serde::Serialize;

use super::shape::Tagged;
use crate::model::{Interval, Scale};

/// Everything that was found in a series.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.detection/1")]
#[schemars(transform = Tagged("benchline.detection/1"))]
pub struct DetectionReport {
    /// Points read.
    pub points: usize,
    /// Whether levels are compared by ratio or by difference.
    pub scale: Scale,
    /// What changes.
    pub changes: Vec<ChangeReport>,
    /// What lies between changes.
    pub segments: Vec<SegmentReport>,
    /// The noise of the series around its levels.
    pub noise: NoiseReport,
    /// When each change was first seen, taking the points one by one. `null` without `--online`.
    pub sightings: Option<Vec<SightingReport>>,
}

/// A change of level.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// The first point after it, from 0.
    pub index: usize,
    /// That point's commit.
    pub commit: String,
    /// Level before.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// After over before. `null` where the level before is zero.
    pub ratio: Option<f64>,
    /// Interval of the ratio. `null` where levels are compared by difference.
    pub interval: Option<Interval>,
    /// What the change saves in the segmentation's cost.
    pub gain: f64,
    /// What it has to save to be believed.
    pub penalty: f64,
    /// The change lies within this many points of `index`, in about 95 of 100 cases.
    pub within: usize,
    /// Whether enough points follow it.
    pub state: ChangeState,
    /// The point that confirmed it.
    pub confirmed_at_index: Option<usize>,
}

/// Whether enough points follow a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// A few more points will tell.
    New,
    /// Enough do.
    Confirmed,
}

/// Points at one level.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SegmentReport {
    /// Its first point.
    pub start: usize,
    /// The point after its last.
    pub end: usize,
    /// Its level.
    pub level: f64,
}

/// The noise of a series around its levels.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NoiseReport {
    /// Standard deviation of one point; of logarithms where levels are compared by ratio.
    pub sigma: f64,
    /// Correlation of neighbouring points.
    pub rho: f64,
}

/// When a change was seen, taking the points one by one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SightingReport {
    /// The first point after the change.
    pub index: usize,
    /// That point's commit.
    pub commit: String,
    /// The point with which it was first seen.
    pub first_seen_index: usize,
    /// The point that confirmed it.
    pub confirmed_at_index: Option<usize>,
    /// The point with which it was withdrawn.
    pub withdrawn_at_index: Option<usize>,
}
