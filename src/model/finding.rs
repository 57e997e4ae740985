//! Changes found in history: a commit or a range of commits, the series that change there, and what people noted about it.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, CaseLabel, Interval, Metric, Revision, UnixMillis};

/// The number of a finding in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FindingId(pub i64);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in history at which series change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its number.
    pub id: FindingId,
    /// On which environment.
    pub environment: String,
    /// The last revision before the change. Between it and `at` others may lie that were not measured.
    pub after: Option<Revision>,
    /// The first measured revision that shows the change, or the commit that a person moved it to.
    pub at: Revision,
    /// The state of its last event.
    pub state: FindingState,
    /// When it was first seen.
    pub found_at: UnixMillis,
    /// The series that change here. Empty for one that is no longer seen.
    pub series: Vec<SeriesChange>,
    /// What happened to it, oldest first. Never empty.
    pub events: Vec<FindingEvent>,
}

/// How one series changes at a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesChange {
    /// Number of the series in the history.
    pub series: i64,
    /// What was measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Which quantity.
    pub metric: Metric,
    /// Level after over level before.
    pub ratio: f64,
    /// Interval of the ratio, where the points allow one.
    pub interval: Option<Interval>,
    /// What the change saves in the segmentation's cost …
    pub gain: f64,
    /// … and what it has to save to be believed.
    pub penalty: f64,
    /// Points of the segment before.
    pub points_before: u32,
    /// Points of the segment after.
    pub points_after: u32,
    /// Whether it has enough points after it to be believed.
    pub confirmed: bool,
}

/// The state of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// First seen; a few more commits will confirm it or not.
    New,
    /// Enough points lie after it.
    Confirmed,
    /// A person has seen it and explained why it may stay.
    Acknowledged,
    /// The level returned to what it was.
    Resolved,
    /// It vanished by itself, or a person called it noise.
    Noise,
}

impl FindingState {
    /// Every state.
    pub const ALL: [FindingState; 5] = [
        FindingState::New,
        FindingState::Confirmed,
        FindingState::Acknowledged,
        FindingState::Resolved,
        FindingState::Noise,
    ];

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            FindingState::New => "new",
            FindingState::Confirmed => "confirmed",
            FindingState::Acknowledged => "acknowledged",
            FindingState::Resolved => "resolved",
            FindingState::Noise => "noise",
        }
    }
}

impl FromStr for FindingState {
    type Err = String;

    fn from_str(text: &str) -> Result<FindingState, String> {
        let found = FindingState::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("there is no state `{text}` of a finding"))
    }
}

/// What kind of thing happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FindingEventKind {
    /// The change was seen for the first time.
    Detected,
    /// The state changed, or a person chose the one that it had.
    StateChanged,
    /// A person added a note; the state stays.
    Note,
    /// A person moved the finding to another commit; the state stays.
    Moved {
        /// Id of that commit.
        to: String,
    },
}

impl FindingEventKind {
    /// The word used in the database and the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            FindingEventKind::Detected => "detected",
            FindingEventKind::StateChanged => "state_changed",
            FindingEventKind::Note => "note",
            FindingEventKind::Moved { .. } => "moved",
        }
    }

    /// Where a person moved the finding: id of the commit.
    pub fn moved_to(&self) -> Option<&str> {
        match self {
            FindingEventKind::Moved { to } => Some(to),
            _ => None,
        }
    }

    /// The inverse of [`FindingEventKind::as_str`] and [`FindingEventKind::moved_to`]; `None` where they do not fit.
    pub fn from_parts(word: &str, moved_to: Option<String>) -> Option<FindingEventKind> {
        match (word, moved_to) {
            ("detected", None) => Some(FindingEventKind::Detected),
            ("state_changed", None) => Some(FindingEventKind::StateChanged),
            ("note", None) => Some(FindingEventKind::Note),
            ("moved", Some(to)) => Some(FindingEventKind::Moved { to }),
            _ => None,
        }
    }
}

/// Something that happened to a finding. Nothing is ever deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingEvent {
    /// When.
    pub at: UnixMillis,
    /// What kind of thing.
    pub kind: FindingEventKind,
    /// The state from here on.
    pub state: FindingState,
    /// Who; `None` for the platform itself.
    pub person: Option<String>,
    /// Why, in plain English.
    pub reason: String,
}

impl FindingEvent {
    /// The reason as people read it, with the commit that a finding was moved to.
    pub fn text(&self) -> String {
        match self.kind.moved_to() {
            Some(to) => format!("moved to {}: {}", to.get(..8).unwrap_or(to), self.reason),
            None => self.reason.clone(),
        }
    }
}
