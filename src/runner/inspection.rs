//! What a person attaches to a trial that is replayed.

use std::ffi::OsString;

use super::pipe_trace::PipeTrace;

/// What a person attaches to a trial. With it the trial's files are kept.
pub struct Inspection<'a> {
    /// A program and its arguments that start the client (or the server, where there is no client): put before its own
    /// command line. Empty for none.
    pub tool: &'a [OsString],
    /// Receives each line of the pipe.
    pub trace: Option<PipeTrace>,
    /// Called with that process right before (`true`) and right after each request to iterate, warm-up included.
    pub around: &'a dyn Fn(u32, bool),
}
