//! Why a request is refused. Handlers return these; here alone they become statuses and problem details. What is wrong
//! with the machine goes to the log, never to the stranger.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::blobs::BackendError;
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
    #[error("the body, or a batch of it, did not arrive within {0} s: send it again")]
    Timeout(u64),
    /// The replica has seen a place that the store's history does not contain.
    #[error("the store's history does not contain what the replica has seen: one of them was restored or replaced")]
    HistoryMismatch,
    /// The store has noted another place in the replica's history.
    #[error("the store has noted another state of this replica: it was copied or restored, or syncs twice at once")]
    ReplicaMismatch,
    /// A blob of this name is there, with other content.
    #[error(
        "a blob of this name is there, with other content: blobs do not change, choose another id or delete it first"
    )]
    BlobConflict,
    /// An append that does not fit.
    #[error("the upload stands at {0}: send what comes after that")]
    OffsetMismatch(u64),
    /// The fence is not that of the message's present lease.
    #[error("the lease is not the present one: another client may have the message, so leave it alone")]
    LeaseLost,
    /// A message that nobody has processed shall be deleted.
    #[error("the message is not processed: store it, say so, and delete it then")]
    NotProcessed,
    /// Another message of this name.
    #[error("another message has or had this name: hand this one over under a name of its own")]
    MessageConflict,
    /// There is no key to encrypt a message to.
    #[error("there is no key to encrypt to, {0}: keep the message and hand it over again later")]
    NoKey(&'static str),
    /// Nobody said how long the blob is.
    #[error("send the blob's length as Content-Length or Upload-Length")]
    LengthRequired,
    /// Nobody said what the blob's digest is.
    #[error("send the blob's SHA-256 as `Repr-Digest: sha-256=:…:`")]
    DigestRequired,
    /// The slot is not as expected.
    #[error("what is stored is not what the request expects: get it again")]
    PreconditionFailed,
    /// An overwrite that does not name what it replaces.
    #[error("send `If-None-Match: *` to create, or `If-Match` with the ETag of what is replaced")]
    PreconditionRequired,
    /// Too much.
    #[error("{0}")]
    TooLarge(String),
    /// A range that the blob, of this many bytes, does not have.
    #[error("the blob has {0} bytes")]
    RangeNotSatisfiable(u64),
    /// The content is not what was announced.
    #[error("the content's SHA-256 is not the one announced: nothing was kept, send it again")]
    DigestMismatch,
    /// Too many blobs at the same time.
    #[error("too many blobs are being received: send fewer at once")]
    TooMany,
    /// The user may not store so much.
    #[error("it does not fit into the quota: delete something, or ask the operator for more")]
    QuotaExceeded,
    /// A body of the wrong type.
    #[error("send {0}")]
    UnsupportedMediaType(&'static str),
    /// Too much at the same time.
    #[error("try again in a moment")]
    Busy,
    /// The server failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The server failed, or what it promised to keep is not there.
    #[error(transparent)]
    Backend(#[from] BackendError),
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
            Self::BlobConflict => ProblemKind::BlobConflict,
            Self::OffsetMismatch(_) => ProblemKind::OffsetMismatch,
            Self::LeaseLost => ProblemKind::LeaseLost,
            Self::NotProcessed => ProblemKind::NotProcessed,
            Self::MessageConflict => ProblemKind::MessageConflict,
            Self::NoKey(_) => ProblemKind::NoKey,
            Self::LengthRequired => ProblemKind::LengthRequired,
            Self::DigestRequired => ProblemKind::Malformed,
            Self::RangeNotSatisfiable(_) => ProblemKind::RangeNotSatisfiable,
            Self::DigestMismatch => ProblemKind::DigestMismatch,
            Self::TooMany => ProblemKind::TooManyRequests,
            Self::QuotaExceeded => ProblemKind::QuotaExceeded,
            Self::PreconditionFailed => ProblemKind::PreconditionFailed,
            Self::PreconditionRequired => ProblemKind::PreconditionRequired,
            Self::TooLarge(_) => ProblemKind::TooLarge,
            Self::UnsupportedMediaType(_) => ProblemKind::UnsupportedMediaType,
            Self::Busy => ProblemKind::Busy,
            Self::Backend(error) => {
                tracing::error!(%error, "a request failed");
                return Problem::new(ProblemKind::Internal, "the server could not use its storage; its log says more");
            }
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
        let number = HeaderValue::from;
        let mut add = |name: &'static str, value| headers.insert(name, value);
        match self {
            Self::Unauthorized => add("www-authenticate", HeaderValue::from_static("Bearer")),
            Self::Busy | Self::TooMany => add("retry-after", number(1)),
            Self::OffsetMismatch(offset) => add("upload-offset", number(offset)),
            Self::DigestRequired => add("want-repr-digest", HeaderValue::from_static("sha-256=10")),
            Self::RangeNotSatisfiable(length) => {
                HeaderValue::from_str(&format!("bytes */{length}")).ok().and_then(|value| add("content-range", value))
            }
            _ => None,
        };
        response
    }
}
