//! A scenario file exactly as written. Only shapes are checked here, by serde; meaning is checked in `validate`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: Spanned<String>,
    pub(super) version: Spanned<u32>,
    pub(super) question: Spanned<String>,
    pub(super) reading: Spanned<String>,
    pub(super) operation: Option<Spanned<String>>,
    pub(super) roles: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) reactor: bool,
    #[serde(default = "one")]
    pub(super) seed: u64,
    pub(super) label: Spanned<String>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) configuration: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    pub(super) baseline: Option<BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
    pub(super) sampling: Sampling,
    #[serde(default)]
    pub(super) gate: Gate,
    #[serde(default)]
    pub(super) budgets: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) points: Spanned<Vec<Spanned<Point>>>,
}

/// Which metrics decide beside wall time, CPU time and peak memory, and by how much.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Gate {
    pub(super) metrics: Vec<Spanned<String>>,
    pub(super) exact: Vec<Spanned<String>>,
    pub(super) margins: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// How often a scenario's cases are measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sampling {
    pub(super) trials: Trials,
    pub(super) warmup: Spanned<u32>,
    pub(super) samples: Spanned<u32>,
    pub(super) timeout: Spanned<String>,
}

/// Trials a profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trials {
    pub(super) quick: Spanned<u32>,
    pub(super) gate: Spanned<u32>,
    pub(super) full: Spanned<u32>,
}

/// One point of the parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) parameters: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    pub(super) configuration: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    /// Instead of the scenario's.
    pub(super) label: Option<Spanned<String>>,
    pub(super) profiles: Spanned<Vec<Spanned<String>>>,
    pub(super) iterations: Option<Spanned<u64>>,
    pub(super) warmup: Option<Spanned<u32>>,
    pub(super) samples: Option<Spanned<u32>>,
    pub(super) expect: Expect,
}

/// The result that every sample must have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) items: u64,
    pub(super) bytes: Spanned<toml::Value>,
    pub(super) digest: Spanned<String>,
}

fn one() -> u64 {
    1
}
