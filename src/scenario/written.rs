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
    pub(super) command: Option<Spanned<Command>>,
    pub(super) service: Option<Spanned<Service>>,
    pub(super) baseline: Option<BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
    pub(super) sampling: Sampling,
    #[serde(default)]
    pub(super) gate: Gate,
    #[serde(default)]
    pub(super) budgets: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) points: Spanned<Vec<Spanned<Point>>>,
}

/// A program and its arguments.
pub(super) type Line = Spanned<Vec<Spanned<String>>>;

/// A program that is started for every iteration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    #[serde(default)]
    pub(super) setup: Vec<Line>,
    #[serde(default)]
    pub(super) prepare: Vec<Line>,
    pub(super) run: Line,
    pub(super) exit_code: Option<Spanned<i32>>,
    pub(super) output: Option<Spanned<String>>,
    pub(super) verify: Option<Line>,
    #[serde(default)]
    pub(super) cleanup: Vec<Line>,
}

/// A server that is started once a trial.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    #[serde(default)]
    pub(super) setup: Vec<Line>,
    pub(super) start: Line,
    pub(super) ready: Option<Spanned<Ready>>,
    #[serde(default)]
    pub(super) fill: Vec<Line>,
    pub(super) clients: Spanned<String>,
    pub(super) requests: Spanned<Vec<RequestTo>>,
    #[serde(default)]
    pub(super) stop: Stop,
    #[serde(default)]
    pub(super) cleanup: Vec<Line>,
}

/// A request to a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestTo {
    pub(super) path: Spanned<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Spanned<String>>,
    pub(super) status: Option<Spanned<u16>>,
    pub(super) answer: Option<Spanned<String>>,
}

/// How it is known that a service serves; its port is enough where nothing is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    pub(super) http: Option<Spanned<String>>,
    pub(super) log: Option<Spanned<String>>,
}

/// How a service is stopped.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Stop {
    pub(super) signal: Option<Spanned<String>>,
    pub(super) grace: Option<Spanned<String>>,
}

/// Which metrics decide besides wall time, CPU time and peak memory, and by how much.
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
