//! What a request can end in other than an answer, and its status code. Nothing internal reaches a page: causes go to
//! the log, people get what happened and what to try next.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{charts::ChartError, history::HistoryError};

/// Why there is no answer. Becomes a page, or JSON below `/api/`, in [`crate::site::http::respond`].
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PageError {
    /// The address asks for something that cannot exist. Says what would be right.
    #[error("{0}")]
    Bad(String),
    /// The address asks for something that does not exist. Says what is missing.
    #[error("{0}")]
    Missing(String),
    /// Too many listeners to the live stream.
    #[error("too many people are listening already; the page works without, and tries again by itself")]
    Busy,
    /// The platform failed.
    #[error("the page could not be made; the server's log says why")]
    Internal,
}

impl PageError {
    pub(crate) fn bad(what: &str) -> PageError {
        PageError::Bad(what.to_owned())
    }

    pub(crate) fn missing(what: impl Into<String>) -> PageError {
        PageError::Missing(what.into())
    }

    /// Its status code.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            PageError::Bad(_) => StatusCode::BAD_REQUEST,
            PageError::Missing(_) => StatusCode::NOT_FOUND,
            PageError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            PageError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Something that no request should cause: logged, not told.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> PageError {
        tracing::error!(%cause, "a page could not be made");
        PageError::Internal
    }
}

impl From<HistoryError> for PageError {
    fn from(error: HistoryError) -> PageError {
        match error {
            HistoryError::Ambiguous { .. } | HistoryError::NotARevision { .. } => PageError::Bad(error.to_string()),
            other => PageError::internal(&other),
        }
    }
}

impl From<ChartError> for PageError {
    fn from(error: ChartError) -> PageError {
        PageError::internal(&error)
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> PageError {
        PageError::internal(&error)
    }
}

/// The error travels beside an empty body; the outermost layer knows how to show it.
impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
