//! Why an external program's role cannot be played, and how that is reported to the runner.

use std::{io, path::PathBuf, process::ExitStatus};

use benchline_contract::{Failed, FailureKind};

use crate::model::template::TemplateError;

/// The exit code of a hook whose set-up is not available on this machine (`EX_UNAVAILABLE` of sysexits.h): an outcome, not
/// an error.
pub(super) const UNAVAILABLE: i32 = 69;

#[derive(Debug, thiserror::Error)]
pub(super) enum AdapterError {
    #[error("{0} is unknown here: this program does not speak the contract itself")]
    Refused(&'static str),
    #[error("`{0}` is not installed here")]
    Missing(String),
    #[error("`{0}` reports that its set-up is not available here (exit code {UNAVAILABLE}); the log has the reason")]
    Unavailable(String),
    #[error("`{line}` cannot be started: {source}")]
    Start { line: String, source: io::Error },
    #[error("`{line}` ended with {status}, where {right} is right")]
    Ended { line: String, status: ExitStatus, right: i32 },
    #[error("the service ended with {0}")]
    ServiceEnded(ExitStatus),
    #[error("`clients` is `{0}`, which makes no number of clients")]
    Clients(String),
    #[error("{} cannot be {doing}: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{0}")]
    Template(#[from] TemplateError),
    #[error("the line is not a request of this contract: {0}")]
    Line(String),
    #[error("{0}")]
    OutOfOrder(&'static str),
    #[error("the process cannot be observed: {0}")]
    Machine(#[from] io::Error),
}

impl AdapterError {
    /// Names the file that could not be used: `.map_err(AdapterError::file("read", &path))`.
    pub(super) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> AdapterError {
        let path = path.into();
        move |source| AdapterError::File { doing, path, source }
    }

    /// A command line that could not be started: one whose program is not there is an outcome.
    pub(super) fn start(line: &[String], source: io::Error) -> AdapterError {
        match source.kind() {
            io::ErrorKind::NotFound => AdapterError::Missing(line.first().cloned().unwrap_or_default()),
            _ => AdapterError::Start { line: shown(line), source },
        }
    }

    /// A command line that ended with another status than `right`.
    pub(super) fn ended(line: &[String], status: ExitStatus, right: i32) -> AdapterError {
        AdapterError::Ended { line: shown(line), status, right }
    }

    pub(super) fn to_reply(&self) -> Failed {
        let kind = match self {
            AdapterError::Refused(_) | AdapterError::Missing(_) | AdapterError::Unavailable(_) => {
                FailureKind::Unsupported
            }
            _ => FailureKind::Error,
        };
        Failed { kind, message: self.to_string() }
    }
}

/// A command line as people read it, not longer than they do.
pub(super) fn shown(line: &[String]) -> String {
    let line = line.join(" ");
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
