//! The pipe contract: the messages between a runner and a subject, one JSON object a line, over the subject's standard
//! input and output. `docs/SUBJECT.md` explains it for people who implement a subject in another language.
//!
//! This file describes the messages, `workload` what a server's subject has sent to it under load, and `lines` reads and writes
//! lines. The package must never depend on another one of the workspace: platform and subject share it and nothing else.

pub mod lines;
pub mod workload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the contract spoken by this tree. History: 1, the first.
pub const CONTRACT_VERSION: u32 = 1;

/// The longest line, in bytes, that either side accepts. A longer one is a failure of its sender.
pub const LINE_LIMIT: usize = 4 << 20;

/// A process that takes part in a case. The one that iterates is the client, or the load where there is no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Performs the operation and times it.
    Client,
    /// Answers the client.
    Server,
    /// Produces requests, so that its CPU is never counted as the subject's. A program of the platform's own.
    Load,
}

impl Role {
    /// The word used in metric names, in the database and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Server => "server",
            Role::Load => "load",
        }
    }
}

/// One parameter of an operation, or one setting of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A number of things, or of bytes.
    Count(u64),
    /// A word.
    Text(String),
    /// A switch.
    Flag(bool),
}

/// Named values, ordered by name so that equal settings are equal text.
pub type Values = BTreeMap<String, Value>;

/// What the runner sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Set up everything that is not timed. Answered by [`Reply::Prepared`].
    Prepare(Prepare),
    /// Bring the state back to where an iteration starts, untimed. Sent to every role before each iteration, the server
    /// first. Answered by [`Reply::Ready`].
    Reset(Reset),
    /// Perform the operation and time it. Sent to the role that iterates, alone. Answered by [`Reply::Sample`].
    Iterate(Iterate),
    /// Make all injections of an iteration now, and answer when they are done. Only for a role that does not
    /// iterate and that was prepared with an [`Injection`]. Answered by [`Reply::Disturbed`].
    Disturb,
    /// Report the counters since the last reset. Sent to roles that do not iterate. Answered by [`Reply::Observed`].
    Observe,
    /// Prove the result of the last iteration, untimed and after all counters have been read: the client fetches or opens
    /// what it produced and digests it. Answered by [`Reply::Verified`].
    Verify,
    /// Clean up, answer with [`Reply::Finished`], and exit.
    Finish,
}

/// Everything a subject needs to set up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepare {
    /// The role of this process.
    pub role: Role,
    /// Name of the operation, one of those offered in [`Hello`].
    pub operation: String,
    /// The case's parameters.
    pub parameters: Values,
    /// Settings of the engine that differ from their defaults.
    pub configuration: Values,
    /// Seed of everything random in the payload. Equal seeds give equal payloads on every machine.
    pub seed: u64,
    /// An empty folder of this process's own. The runner removes it afterwards.
    pub folder: String,
    /// How to reach the server, for a client whose case has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Access>,
    /// Whether to run the reactor probe and report its histogram.
    #[serde(default)]
    pub reactor: bool,
    /// Only from a runner that measures its own power, and only for the role that the injection names. A subject that does
    /// not know it answers [`FailureKind::Unsupported`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injection: Option<Injection>,
}

/// Regressions of a known size, made by the subject's shell and never by what is measured. With them the platform measures its
/// own detection power. Each changes one quantity of one role and no other. Those that are zero are not written, so that
/// subjects that know fewer of them still accept the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// The role that makes them. One that does not iterate makes them at [`Request::Disturb`].
    #[serde(default = "client", skip_serializing_if = "is_client")]
    pub role: Role,
    /// At the end of each timed span, and timed, spin for this share of it, in millionths.
    #[serde(default)]
    pub slowdown_ppm: u32,
    /// Hold this many more bytes of memory, all touched, from [`Request::Prepare`] on.
    #[serde(default)]
    pub memory_bytes: u64,
    /// Write this many more bytes to a file in the folder in each iteration, after its clocks have stopped.
    #[serde(default)]
    pub write_bytes: u64,
    /// Use this much more CPU time in each iteration, in milliseconds, on a thread of its own, after the wall time has
    /// stopped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu_ms: u64,
    /// Block every thread of the runtime for this long in each iteration, in milliseconds, while the reactor's latency is
    /// watched and after the clocks have stopped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reactor_block_ms: u64,
}

impl Default for Injection {
    /// Nothing, into the client.
    fn default() -> Injection {
        Injection {
            role: Role::Client,
            slowdown_ppm: 0,
            memory_bytes: 0,
            write_bytes: 0,
            cpu_ms: 0,
            reactor_block_ms: 0,
        }
    }
}

fn client() -> Role {
    Role::Client
}

fn is_client(role: &Role) -> bool {
    *role == Role::Client
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a client reaches a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    /// What the server requires, in a format of the subject's own (a user and a token). The runner passes it on unread. In a
    /// case with a load, a [`workload::Workload`] as JSON.
    pub credential: String,
}

/// Start of an iteration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// For a client whose case has a server: the access that the server's reset answered with, to a fresh, empty account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Access>,
}

/// One timed iteration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iterate {
    /// How often to perform the operation; more than once where one is too short for the clock. At least 1.
    pub count: u64,
}

/// What the subject answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// The first line of every subject, sent unasked.
    Hello(Hello),
    /// Answer to [`Request::Prepare`].
    Prepared(Prepared),
    /// Answer to [`Request::Reset`].
    Ready(Ready),
    /// Answer to [`Request::Iterate`].
    Sample(Sample),
    /// Answer to [`Request::Disturb`].
    Disturbed,
    /// Answer to [`Request::Observe`].
    Observed(Observed),
    /// Answer to [`Request::Verify`].
    Verified(Verified),
    /// Answer to [`Request::Finish`].
    Finished,
    /// Instead of any other answer.
    Failed(Failed),
}

/// What the subject is, and the operations that it offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`CONTRACT_VERSION`] of the subject.
    pub contract: u32,
    /// Version of what is measured, for people.
    pub engine: String,
    /// The operations on offer.
    pub operations: Vec<Operation>,
}

/// One operation on offer. A changed meaning is a new version: its series are split, never bent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Such as `sync/upload`.
    pub name: String,
    /// Counted from 1.
    pub version: u32,
    /// The roles it needs.
    pub roles: Vec<Role>,
}

/// The subject is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// From a server: how to reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Access>,
}

/// The next iteration can start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// From a server: access to a fresh, empty account for this iteration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Access>,
}

/// One timed iteration, as the subject measured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Monotonic time of all `count` operations together, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time of the whole process over the same span, in nanoseconds.
    pub cpu_ns: u64,
    /// Items that one operation handled, such as documents.
    pub items: u64,
    /// Payload bytes that one operation handled.
    pub bytes: u64,
    /// What only the subject can count over the same span, by metric name (`wire_sent`, `fsyncs`).
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// The reactor probe's latencies over the same span. Empty without a probe.
    #[serde(default)]
    pub reactor: Vec<LatencyCount>,
    /// Latencies of requests over the same span, each from when it should have been sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<LatencyCount>,
    /// How late a load generator was itself with sending each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lateness: Vec<LatencyCount>,
}

/// What a role that does not iterate counted since its last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// As in [`Sample::counters`].
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// As in [`Sample::reactor`].
    #[serde(default)]
    pub reactor: Vec<LatencyCount>,
}

/// What the last iteration produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// SHA-256, in lowercase hex, over the result as the operation defines it.
    pub digest: String,
}

/// A bucket of a latency histogram: `(nanoseconds, how many)`.
pub type LatencyCount = (u64, u64);

/// Why the subject could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The cause, in plain English, outermost first.
    pub message: String,
}

/// Kinds of failure that a subject reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// This revision does not know the operation, or a parameter or setting of it. An outcome, not a crash.
    Unsupported,
    /// It was tried and failed.
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_documented() {
        let line = r#"{"type":"prepare","role":"client","operation":"crypto/seal","parameters":{"size":{"count":10000}},"configuration":{},"seed":1,"folder":"/tmp/x"}"#;
        let Request::Prepare(prepare) = serde_json::from_str(line).unwrap() else { panic!("not a prepare") };
        assert_eq!(prepare.parameters["size"], Value::Count(10_000));
        assert!(!prepare.reactor);
        assert_eq!(prepare.injection, None);
        assert!(!serde_json::to_string(&prepare).unwrap().contains("injection"));
        let injection = serde_json::from_str::<Injection>(r#"{"slowdown_ppm":10000}"#).unwrap();
        assert_eq!(injection, Injection { slowdown_ppm: 10_000, ..Injection::default() });
        assert!(serde_json::from_str::<Injection>(r#"{"heat":1}"#).is_err(), "an injection is never ignored");
        assert_eq!(serde_json::to_string(&Request::Finish).unwrap(), r#"{"type":"finish"}"#);
        assert_eq!(
            serde_json::to_string(&Request::Iterate(Iterate { count: 3 })).unwrap(),
            r#"{"type":"iterate","count":3}"#
        );
    }
}
