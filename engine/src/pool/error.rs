//! Why a pool could not do a piece of work. What is wrong with the work itself is the work's own error.

use std::io;

/// A pool failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A thread or a process of the pool cannot be started.
    #[error("the {what} cannot be started: {source}; use another `crypto.pool`, or free memory and processes")]
    Start {
        /// Which of the two.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The work panicked, which is a defect of this program.
    #[error("the work failed for a defect of this program; please report it")]
    Panicked,
    /// The process that did the work ended, and so did the one that tried again.
    #[error("the worker process ended twice over the same work: is there enough memory?")]
    Died,
}
