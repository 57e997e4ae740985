//! Why a run cannot even begin. What goes wrong with single requests is counted instead, see `tally`.

use std::io;
use std::path::PathBuf;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan makes no sense.
    #[error("the load cannot be generated: {0}")]
    Plan(String),
    /// An exchange makes no sense.
    #[error("the exchange `{exchange}` cannot be sent: {why}")]
    Exchange {
        /// Its method and path.
        exchange: String,
        /// What is wrong.
        why: String,
    },
    /// A file that an exchange names.
    #[error("{}: the content of an exchange cannot be read: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The machine refuses a thread, a timer or a runtime.
    #[error("{what}: {source}")]
    System {
        /// What cannot be had.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl LoadError {
    /// For `map_err`.
    pub(super) fn system(what: &'static str) -> impl Fn(io::Error) -> LoadError {
        move |source| LoadError::System { what, source }
    }
}
