//! What an operation provides for each role, and what it is set up from. What the clients of several operations do alike is
//! here as well.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;

use benchline_contract::{Access, LatencyCount};
use benchline_engine::config::Config;
use benchline_engine::crypto::Keys;
use tokio::runtime::Handle;

use crate::error::SubjectError;
use crate::meter::Meter;
use crate::payload::Payload;

/// What a client does in each iteration.
pub(crate) trait Client {
    /// Brings the state back to where an iteration starts.
    fn reset(&mut self, server: Option<Access>) -> Result<(), SubjectError>;

    /// Does the operation `count` times on the meter's clock.
    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError>;

    /// What requests of the last iteration saw, where the operation consists of requests.
    fn latencies(&mut self) -> Latencies {
        Latencies::default()
    }

    /// Proves the result of the last iteration: SHA-256 over what it left behind, in hex.
    fn verify(&mut self) -> Result<String, SubjectError>;

    /// Cleans up.
    fn finish(&mut self) -> Result<(), SubjectError> {
        Ok(())
    }
}

/// What one operation did.
#[derive(Debug)]
pub(crate) struct Work {
    /// Items handled.
    pub(crate) items: u64,
    /// Payload bytes handled.
    pub(crate) bytes: u64,
    /// What the engine counted.
    pub(crate) counters: BTreeMap<String, u64>,
}

/// Histograms of an iteration's requests.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// From when each should have been sent until it was answered.
    pub(crate) latency: Vec<LatencyCount>,
    /// From that time until it was sent.
    pub(crate) lateness: Vec<LatencyCount>,
}

/// What a server does besides serving.
pub(crate) trait Server {
    /// Makes a new, empty account and returns the access to it.
    fn new_account(&mut self) -> Result<Access, SubjectError>;

    /// Its counters since the last account was made.
    fn counters(&self) -> Result<BTreeMap<String, u64>, SubjectError>;

    /// Stops serving and cleans up.
    fn finish(self: Box<Self>) -> Result<(), SubjectError>;
}

/// The input from which an operation is set up.
pub(crate) struct Setup<'a> {
    pub(crate) operation: &'a str,
    pub(crate) payload: Payload,
    pub(crate) keys: Keys,
    pub(crate) config: Config,
    pub(crate) folder: PathBuf,
    pub(crate) server: Option<Access>,
    pub(crate) runtime: Handle,
}

/// Runs `work` as a task of the runtime, where the reactor probe sees it, and waits for it.
pub(super) fn on_reactor<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = Result<T, SubjectError>> + Send + 'static,
) -> Result<T, SubjectError> {
    runtime.block_on(runtime.spawn(work)).map_err(SubjectError::engine("running the operation"))?
}

/// The error for a request that came before the one it needs.
pub(super) fn too_early(operation: &str, needed: &str) -> SubjectError {
    SubjectError::Order(format!("`{operation}` needs {needed} first"))
}

/// Rejects a `count` above 1, for operations that need a reset after each run.
pub(super) fn only_once(operation: &str, count: u64) -> Result<(), SubjectError> {
    match count {
        1 => Ok(()),
        _ => Err(SubjectError::Order(format!(
            "`{operation}` is done once an iteration, and {count} times were asked for"
        ))),
    }
}
