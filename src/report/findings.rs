//! Findings: `benchline findings list --json` and `/api/v1/findings`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    case::CaseReport,
    shape::{Tagged, serialize_as},
};
use crate::model::{
    Finding, FindingEvent, FindingId, FindingState, Interval, Metric, Revision, SeriesChange, UnixMillis,
};

/// Findings, the one at the newest revision first.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.findings/1")]
#[schemars(transform = Tagged("benchline.findings/1"))]
pub struct FindingsReport {
    /// The findings.
    #[serde(serialize_with = "serialize_as::<Finding, FindingReport, _>")]
    #[schemars(with = "Vec<FindingReport>")]
    pub findings: Vec<Finding>,
}

/// A place in history at which series change.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingReport {
    /// Its number in the history.
    pub finding: FindingId,
    /// The state of its last event.
    pub state: FindingState,
    /// On which environment.
    pub environment_id: String,
    /// The last revision before the change. Between it and `at` others may lie that were not measured.
    pub after: Option<Revision>,
    /// The first measured revision that shows the change, or the commit that a person moved it to.
    pub at: Revision,
    /// When it was first seen.
    pub found_at: UnixMillis,
    /// The series that change here. Empty for one that is no longer seen.
    pub series: Vec<SeriesChangeReport>,
    /// What happened to it, oldest first. Never empty.
    pub events: Vec<FindingEvent>,
}

/// How one series changes at a finding.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SeriesChangeReport {
    /// Number of the series in the history.
    pub series: i64,
    /// What was measured.
    pub case: CaseReport,
    /// Which quantity.
    pub metric: Metric,
    /// Level after over level before.
    pub ratio: f64,
    /// Interval of the ratio, where the points allow one.
    pub interval: Option<Interval>,
    /// What the change saves in the segmentation's cost.
    pub gain: f64,
    /// What it has to save to be believed.
    pub penalty: f64,
    /// Points of the segment before.
    pub points_before: u32,
    /// Points of the segment after.
    pub points_after: u32,
    /// Whether it has enough points after it to be believed.
    pub confirmed: bool,
}

impl From<&Finding> for FindingReport {
    fn from(finding: &Finding) -> FindingReport {
        let Finding { id, environment, after, at, state, found_at, series, events } = finding.clone();
        FindingReport {
            finding: id,
            state,
            environment_id: environment,
            after,
            at,
            found_at,
            series: series.iter().map(SeriesChangeReport::from).collect(),
            events,
        }
    }
}

impl From<&SeriesChange> for SeriesChangeReport {
    fn from(change: &SeriesChange) -> SeriesChangeReport {
        SeriesChangeReport {
            series: change.series,
            case: CaseReport::new(&change.case, &change.label),
            metric: change.metric,
            ratio: change.ratio,
            interval: change.interval,
            gain: change.gain,
            penalty: change.penalty,
            points_before: change.points_before,
            points_after: change.points_after,
            confirmed: change.confirmed,
        }
    }
}
