//! Why a subject cannot do what it was asked, and how it is reported to the runner. It must never hide a cause.

use std::error::Error;

use benchline_contract::{Failed, FailureKind};
use thiserror::Error;

/// A request that was not fulfilled.
#[derive(Debug, Error)]
pub(crate) enum SubjectError {
    /// A name that this revision does not know: an outcome, not a crash.
    #[error("{what} `{name}` is unknown here; known: {known}")]
    Unknown {
        /// What the name should be of.
        what: String,
        /// The name.
        name: String,
        /// The names that are known, separated by commas.
        known: String,
    },
    /// The configuration holds a setting or a value that this revision's engine does not know.
    #[error("the engine of this revision does not take this configuration")]
    Configuration(#[source] serde_json::Error),
    /// A parameter is missing or not of its kind.
    #[error("`{operation}` needs the parameter `{name}`, {wanted}")]
    Parameter {
        /// The operation.
        operation: String,
        /// The parameter.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// The request makes no sense now.
    #[error("{0}")]
    Order(String),
    /// The line is not a request.
    #[error("the line is not a request of this contract")]
    Line(#[source] serde_json::Error),
    /// The line is too long.
    #[error("the line is longer than {0} bytes")]
    LongLine(usize),
    /// The engine, or the machine below it, failed.
    #[error("{doing} failed")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The reactor probe could not be started.
    #[error("the reactor probe could not be started")]
    Probe(#[source] std::io::Error),
}

impl SubjectError {
    /// Names what was being done when the engine failed: `.map_err(SubjectError::engine("opening the replica"))`.
    pub(crate) fn engine<E: Into<Box<dyn Error + Send + Sync>>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Engine { doing, source: source.into() }
    }

    /// The answer to the runner: the sort of failure and all causes, outermost first.
    pub(crate) fn to_reply(&self) -> Failed {
        let kind = match self {
            Self::Unknown { .. } | Self::Configuration(_) => FailureKind::Unsupported,
            _ => FailureKind::Error,
        };
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Failed { kind, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_reported_outermost_first() {
        let inner = std::io::Error::other("disk full");
        let reply = SubjectError::engine("opening the replica")(inner).to_reply();
        assert_eq!(reply.kind, FailureKind::Error);
        assert_eq!(reply.message, "opening the replica failed: disk full");
    }
}
