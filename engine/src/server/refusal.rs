//! Why a request is refused. Handlers return these; here alone they become statuses and problem details. What is wrong
//! with the machine goes to the log, never to the stranger.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::protocol::{FrameError, Problem, ProblemKind};
use crate::store::DatabaseError;

/// A request that is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It cannot be understood.
    #[error("{0}")]
    Malformed(String),
    /// It shows no token that counts.
    #[error("send a valid token as `Authorization: Bearer …`")]
    Unauthorized,
    /// It asks for what is another user's.
    #[error("the token is another user's")]
    Forbidden,
    /// There is no such path, or nothing there.
    #[error("{0}")]
    NotFound(&'static str),
    /// There is something, but not with this method.
    #[error("this path does not know this method")]
    MethodNotAllowed,
    /// Its body came too slowly.
    #[error("nothing more came of the body for {0} s: send it again")]
    Timeout(u64),
    /// The replica has seen a place that the store's history does not contain.
    #[error("the store's history does not contain what the replica has seen: one of them was restored or replaced")]
    HistoryMismatch,
    /// The store has noted another place in the replica's history.
    #[error("the store has noted another state of this replica: it was copied or restored, or syncs twice at once")]
    ReplicaMismatch,
    /// The slot is not as expected.
    #[error("what is stored is not what the request expects: get it again")]
    PreconditionFailed,
    /// An overwrite that does not name what it replaces.
    #[error("send `If-None-Match: *` to create, or `If-Match` with the ETag of what is replaced")]
    PreconditionRequired,
    /// Too much.
    #[error("{0}")]
    TooLarge(String),
    /// A body of the wrong type.
    #[error("send {0}")]
    UnsupportedMediaType(&'static str),
    /// Too much at the same time.
    #[error("try again in a moment")]
    Busy,
    /// The server failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal {
    /// The problem details of this refusal.
    pub(super) fn problem(&self) -> Problem {
        let kind = match self {
            Self::Malformed(_) => ProblemKind::Malformed,
            Self::Unauthorized => ProblemKind::Unauthorized,
            Self::Forbidden => ProblemKind::Forbidden,
            Self::NotFound(_) => ProblemKind::NotFound,
            Self::MethodNotAllowed => ProblemKind::MethodNotAllowed,
            Self::Timeout(_) => ProblemKind::Timeout,
            Self::HistoryMismatch => ProblemKind::HistoryMismatch,
            Self::ReplicaMismatch => ProblemKind::ReplicaMismatch,
            Self::PreconditionFailed => ProblemKind::PreconditionFailed,
            Self::PreconditionRequired => ProblemKind::PreconditionRequired,
            Self::TooLarge(_) => ProblemKind::TooLarge,
            Self::UnsupportedMediaType(_) => ProblemKind::UnsupportedMediaType,
            Self::Busy => ProblemKind::Busy,
            Self::Database(error) => {
                tracing::error!(%error, "a request failed");
                return Problem::new(ProblemKind::Internal, "the server could not use its database; its log says more");
            }
        };
        Problem::new(kind, self.to_string())
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLong { .. } | FrameError::BatchTooLarge => Self::TooLarge(error.to_string()),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            Self::Unauthorized => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::Busy => headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
            _ => None,
        };
        response
    }
}
