//! Programs that do not speak the contract: how a `command` is run and how a `service` is started, filled and stopped.
//!
//! Every text of a [`CommandLine`] is a [template](super::template) of parameters and places.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A program and its arguments. No shell is involved unless it is the program: `["sh", "-c", "…"]`.
pub type CommandLine = Vec<String>;

/// What plays the part of the subject, where that is not the program of the revision's recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalProgram {
    /// A program that is started, does its work and ends: the role `client`.
    Command(CommandSpec),
    /// A server: the role `server`.
    Service(ServiceSpec),
}

/// All that an adapter must know to play an external program's part: it is started with this, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterSpec {
    /// The operation that it offers.
    pub operation: String,
    /// The program.
    pub external: ExternalProgram,
    /// What can be substituted besides parameters: `binary`, `here`, `cache`.
    pub places: BTreeMap<String, String>,
    /// Things that one run handles, in the scenario's words.
    pub items: u64,
    /// Bytes that one run handles, in the scenario's words.
    pub bytes: u64,
}

/// A program that is started for every iteration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// Done once in a subject's life, untimed.
    pub setup: Vec<CommandLine>,
    /// Done before each run, untimed.
    pub prepare: Vec<CommandLine>,
    /// What is timed, from its start until it was waited for.
    pub run: CommandLine,
    /// The status that a good run exits with.
    pub exit_code: i32,
    /// What is digested to prove a run's result.
    pub output: Output,
    /// Done once after the last iteration.
    pub cleanup: Vec<CommandLine>,
}

/// Where the result of a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// What the run writes to its standard output.
    Stdout,
    /// A file that it leaves, below its working folder.
    File(String),
    /// What another command, run untimed afterwards, writes to its standard output: the way back from a result that is
    /// never twice the same.
    Command(CommandLine),
}

/// A server that is started once a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Done once before the start.
    pub setup: Vec<CommandLine>,
    /// The server, which must stay in the foreground.
    pub start: CommandLine,
    /// How it is known that it serves.
    pub ready: Ready,
    /// Done once it is ready: what it is to be loaded with.
    pub fill: Vec<CommandLine>,
    /// How many clients send requests, each over a connection of its own: a number once filled.
    pub clients: String,
    /// What they send, in turn.
    pub requests: Vec<RequestSpec>,
    /// How it is stopped.
    pub stop: StopSpec,
    /// Done once after its end.
    pub cleanup: Vec<CommandLine>,
}

/// One kind of request, a `GET`, and its right answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSpec {
    /// Path and query.
    pub path: String,
    /// Besides those that HTTP needs.
    pub headers: BTreeMap<String, String>,
    /// The right status.
    pub status: u16,
    /// A file below the working folder that the answer must equal, as set-up or filling left it; any answer where there is
    /// none.
    pub answer: Option<String>,
}

/// How it is known that a service serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// Its port takes connections.
    Port,
    /// `GET` of this path answers with status 200.
    Http(String),
    /// A line of what it writes contains this text.
    Log(String),
}

/// How a service is stopped: a signal, and after a while the end of the whole tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSpec {
    /// Such as `SIGTERM`.
    pub signal: String,
    /// How long it may take to end, in milliseconds, before it is killed with all of its processes.
    pub grace_ms: u64,
}

impl ExternalProgram {
    /// Every command line, with the name of the key that it is written under.
    pub fn command_lines(&self) -> Vec<(&'static str, &CommandLine)> {
        fn under<'a>(
            key: &'static str,
            lines: &'a [CommandLine],
        ) -> impl Iterator<Item = (&'static str, &'a CommandLine)> {
            lines.iter().map(move |line| (key, line))
        }
        match self {
            ExternalProgram::Command(spec) => {
                let verify = match &spec.output {
                    Output::Command(line) => Some(("verify", line)),
                    Output::Stdout | Output::File(_) => None,
                };
                let hooks = under("setup", &spec.setup).chain(under("prepare", &spec.prepare));
                hooks.chain([("run", &spec.run)]).chain(verify).chain(under("cleanup", &spec.cleanup)).collect()
            }
            ExternalProgram::Service(spec) => {
                let before = under("setup", &spec.setup).chain([("start", &spec.start)]);
                before.chain(under("fill", &spec.fill)).chain(under("cleanup", &spec.cleanup)).collect()
            }
        }
    }
}
