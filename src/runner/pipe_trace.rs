//! Tracing of the pipe between the runner and a subject.

use std::sync::Arc;

use benchline_contract::Role;

/// Receives each line of the pipe, without its end: whose pipe, its direction, and the line.
pub type PipeTrace = Arc<dyn Fn(Role, PipeDirection, &str) + Send + Sync>;

/// The direction of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeDirection {
    /// From the runner to the subject.
    Request,
    /// From the subject to the runner.
    Reply,
}
