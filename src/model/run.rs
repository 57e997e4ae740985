//! Everything measured for one revision on one environment, at one time.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Revision, UnixMillis};

/// The number of a run in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunId(pub i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run, without its measurements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What was measured.
    pub revision: Revision,
    /// Where: [`super::Environment::id`].
    pub environment: String,
    /// Which cases and how many trials.
    pub profile: Profile,
    /// The part it plays: graphs and lists show some only.
    pub part: Part,
    /// How far it came.
    pub state: RunState,
    /// What was started. `None` where the build failed.
    pub build: Option<SubjectBuild>,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended, if it did.
    pub finished_at: Option<UnixMillis>,
    /// The command that measures the same again.
    pub reproduce: String,
}

/// The program that was started, so that equal subjects can be recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectBuild {
    /// SHA-256 of the binary, in hex.
    pub sha256: String,
    /// What went into it: digest of the input trees, the toolchain and the command, in hex.
    pub inputs: String,
    /// Such as `rustc 1.95.0`.
    pub toolchain: String,
}

/// Which cases are measured, and how thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// About a dozen telling cases, about two minutes.
    Quick,
    /// What decides about a commit.
    Gate,
    /// Everything, for the night.
    Full,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 3] = [Profile::Quick, Profile::Gate, Profile::Full];

    /// The word used on the command line, in scenarios, in the database and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Gate => "gate",
            Profile::Full => "full",
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Profile, String> {
        let found = Profile::ALL.into_iter().find(|profile| profile.as_str() == text);
        found.ok_or_else(|| format!("there is no profile `{text}`; there are quick, gate and full"))
    }
}

/// The part that a run plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Measured by itself.
    Single,
    /// Measured interleaved with its parent, and judged against it.
    Head,
    /// Measured interleaved for a question of its own: a comparison that somebody asked for, a step of a bisection, a pair
    /// of equal programs. Judged, and never on a graph.
    Detached,
    /// What another run is judged against. Never on a graph: its revision has a run of its own there.
    Base,
    /// The platform measuring itself. Never on a graph.
    Calibration,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 5] = [Part::Single, Part::Head, Part::Detached, Part::Base, Part::Calibration];

    /// The word used in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Part::Single => "single",
            Part::Head => "head",
            Part::Detached => "detached",
            Part::Base => "base",
            Part::Calibration => "calibration",
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Part, String> {
        let found = Part::ALL.into_iter().find(|part| part.as_str() == text);
        found.ok_or_else(|| format!("there is no part `{text}` of a run"))
    }
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Being measured, or cut off by a kill: the same command resumes it.
    Running,
    /// Stopped by a person; what was measured is kept, and the same command resumes it.
    Interrupted,
    /// Every planned trial was measured or failed.
    Finished,
    /// The revision has no subject that speaks the contract.
    Unsupported,
    /// The subject could not be built.
    BuildFailed,
}

impl RunState {
    /// Every state.
    pub const ALL: [RunState; 5] =
        [RunState::Running, RunState::Interrupted, RunState::Finished, RunState::Unsupported, RunState::BuildFailed];

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Interrupted => "interrupted",
            RunState::Finished => "finished",
            RunState::Unsupported => "unsupported",
            RunState::BuildFailed => "build_failed",
        }
    }
}

impl FromStr for RunState {
    type Err = String;

    fn from_str(text: &str) -> Result<RunState, String> {
        let found = RunState::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("there is no run state `{text}`"))
    }
}
