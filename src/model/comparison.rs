//! Two runs measured interleaved: how a comparison is designed, what it is for, and which trials are paired.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, RunId, RunState, UnixMillis};

/// The number of a comparison in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ComparisonId(pub i64);

impl fmt::Display for ComparisonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the two subjects of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What is compared with.
    Base,
    /// What is judged.
    Head,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Side {
        match self {
            Side::Base => Side::Head,
            Side::Head => Side::Base,
        }
    }
}

/// Why two runs were measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A commit against its parent: its verdict.
    Gate,
    /// The newest commit against a release, against slow creep.
    Anchor,
    /// Two revisions that a person named.
    Requested,
    /// A step of a bisection.
    Bisect,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 4] = [Purpose::Gate, Purpose::Anchor, Purpose::Requested, Purpose::Bisect];

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::Gate => "gate",
            Purpose::Anchor => "anchor",
            Purpose::Requested => "requested",
            Purpose::Bisect => "bisect",
        }
    }
}

impl FromStr for Purpose {
    type Err = String;

    fn from_str(text: &str) -> Result<Purpose, String> {
        let found = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == text);
        found.ok_or_else(|| format!("there is no purpose `{text}`"))
    }
}

/// Sizes and error rates of a two-stage comparison, all fixed before the first trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Design {
    /// Blocks of the first stage, which every series goes through.
    pub first_blocks: u32,
    /// Fresh blocks of the second stage, for suspicious gate series alone. 0: there is no second stage, and nothing can be
    /// called worse or better.
    pub second_blocks: u32,
    /// A gate series with a smaller p in the first stage is suspicious.
    pub first_alpha: f64,
    /// The threshold for p in the second stage.
    pub second_alpha: f64,
    /// Probability that a clean commit shows any false worse or better.
    #[serde(rename = "error_budget")]
    pub budget: f64,
    /// How many gate series share the budget.
    pub gate_series: u32,
}

impl Design {
    /// Blocks of a stage.
    pub const fn blocks(&self, stage: Stage) -> u32 {
        match stage {
            Stage::First => self.first_blocks,
            Stage::Second => self.second_blocks,
        }
    }
}

/// Two stages; data are never pooled across them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Every series.
    First,
    /// The suspicious ones, measured afresh.
    Second,
}

impl Stage {
    /// 1 or 2, as on pages and in the database.
    pub const fn number(self) -> u32 {
        match self {
            Stage::First => 1,
            Stage::Second => 2,
        }
    }
}

/// A comparison, without its blocks and verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Its number.
    pub id: ComparisonId,
    /// The run of the base.
    pub base: RunId,
    /// The run of the head.
    pub head: RunId,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether both subjects are equal in binary and configuration, so that no difference can be the code's.
    pub identical: bool,
    /// Sizes and error rates.
    pub design: Design,
    /// Seed of the order within blocks and of the order of cases.
    pub seed: u64,
    /// How far it came.
    pub state: RunState,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended, if it did.
    pub finished_at: Option<UnixMillis>,
}

/// One trial of each side, measured one right after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Of which case.
    pub case: Case,
    /// In which stage.
    pub stage: Stage,
    /// Which block of its stage, from 0.
    pub index: u32,
    /// [`super::Trial::index`] in the base's and in the head's run.
    pub trial: u32,
    /// Whether the head's trial was measured first.
    pub head_first: bool,
}
