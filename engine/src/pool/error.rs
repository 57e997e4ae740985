//! Errors of a pool. A job's own errors are of its own type.

use std::io;

/// A pool failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A thread or a process of the pool cannot be started.
    #[error("the {what} cannot be started: {source}; change the setting `crypto.pool`, or free memory and processes")]
    Start {
        /// Thread or process.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The job panicked, which is a bug of this program.
    #[error("the job failed because of a bug in this program; please report it")]
    Panicked,
    /// The worker process died, and so did the one that retried the job.
    #[error("the worker process died twice on the same job: is there enough memory?")]
    Died,
}
