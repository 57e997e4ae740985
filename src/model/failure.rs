//! What could not be measured, and why. A failure is a row in the history, never a missing row.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, CaseLabel, UnixMillis};

/// One trial, one case or one whole revision that could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which case; `None` where the revision as a whole failed.
    pub case: Option<Case>,
    /// How people read the case's parameters.
    pub label: Option<CaseLabel>,
    /// Which trial, from 0; `None` where no trial was started.
    pub trial: Option<u32>,
    /// What sort of failure.
    pub kind: FailureKind,
    /// What happened, in plain English.
    pub message: String,
    /// The end of what the subject wrote to its standard error (or of the build's output). May be empty.
    pub log: String,
    /// When.
    pub at: UnixMillis,
}

/// Sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The revision does not know the operation, or does not speak the contract.
    Unsupported,
    /// The revision does not build.
    Build,
    /// The subject could not be started.
    Start,
    /// The subject ended, or closed its pipe, before it answered.
    Crashed,
    /// A step took longer than it may.
    TimedOut,
    /// The subject reported that it failed.
    Reported,
    /// The subject sent something that is not the contract.
    Protocol,
    /// The result was not the expected one.
    WrongResult,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [FailureKind; 8] = [
        FailureKind::Unsupported,
        FailureKind::Build,
        FailureKind::Start,
        FailureKind::Crashed,
        FailureKind::TimedOut,
        FailureKind::Reported,
        FailureKind::Protocol,
        FailureKind::WrongResult,
    ];

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureKind::Unsupported => "unsupported",
            FailureKind::Build => "build",
            FailureKind::Start => "start",
            FailureKind::Crashed => "crashed",
            FailureKind::TimedOut => "timed_out",
            FailureKind::Reported => "reported",
            FailureKind::Protocol => "protocol",
            FailureKind::WrongResult => "wrong_result",
        }
    }
}

impl FromStr for FailureKind {
    type Err = String;

    fn from_str(text: &str) -> Result<FailureKind, String> {
        let found = FailureKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("there is no failure kind `{text}`"))
    }
}
