//! Why the platform could not perform one of its own operations. The runner is told the message, and keeps it as a failure.

use std::{io, num::TryFromIntError, str::Utf8Error};

use crate::{history::HistoryError, judge::JudgeError, stats::StatsError};

/// What every operation answers with.
pub(super) type Result<T, E = SelfbenchError> = std::result::Result<T, E>;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfbenchError {
    /// The history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// What was made up cannot be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A series cannot be segmented.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// A pipe, a file or a process failed.
    #[error("the system failed: {0}")]
    Io(#[from] io::Error),
    /// A number is larger than the operation can take.
    #[error("a parameter is too large: {0}")]
    TooLarge(#[from] TryFromIntError),
    /// The line is no request.
    #[error("the line is not a request of this contract: {0}")]
    NotARequest(serde_json::Error),
    /// The line is too long.
    #[error("the line is longer than {0} bytes")]
    LineTooLong(usize),
    /// A request came too early, or is not asked of a client.
    #[error("{0}")]
    Order(&'static str),
    /// The parameters are not those of the operation.
    #[error("it takes the parameter `{name}`, {kind}, and no other")]
    Parameters {
        /// The name of the only parameter.
        name: String,
        /// What it must be.
        kind: &'static str,
    },
    /// The other end of the pipe does not speak the contract.
    #[error("the other end of the pipe {0}")]
    Pipe(&'static str),
    /// The other end of the pipe answered what is not JSON of the contract.
    #[error("the other end of the pipe sent what is not the contract: {0}")]
    NotAReply(serde_json::Error),
    /// The site did not show the page.
    #[error("{path} answered {status}")]
    Status {
        /// The page.
        path: String,
        /// The status code.
        status: u16,
    },
    /// The site could not be asked, or its answer not be read.
    #[error("the site cannot be asked: {0}")]
    Site(#[from] axum::Error),
    /// The address is not one.
    #[error("the site cannot be asked: {0}")]
    Request(#[from] axum::http::Error),
    /// The page is not text.
    #[error("the page is not text: {0}")]
    NotText(#[from] Utf8Error),
    /// The page lacks what is looked for.
    #[error("the page {0}")]
    Page(&'static str),
}
