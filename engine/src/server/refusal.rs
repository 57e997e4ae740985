//! Why a request is rejected. Handlers return these errors, and only this file turns them into statuses and problem details.
//! Failures of the server are logged and never described to the client.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::blobs::BackendError;
use crate::protocol::{FrameError, Problem, ProblemKind};
use crate::store::DatabaseError;

/// The rejection of a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The request is malformed.
    #[error("{0}")]
    Malformed(String),
    /// It has no valid token.
    #[error("send a valid token as `Authorization: Bearer …`")]
    Unauthorized,
    /// It concerns another user.
    #[error("the token belongs to another user")]
    Forbidden,
    /// Something does not exist.
    #[error(transparent)]
    NotFound(Missing),
    /// The path does not support the method.
    #[error("this path does not support this method")]
    MethodNotAllowed,
    /// Its body arrived too slowly.
    #[error("the body, or a batch of it, did not arrive within {0} s: send it again")]
    Timeout(u64),
    /// The replica has seen a position that the store's history does not contain.
    #[error("the store's history does not contain what the replica has seen: one of them was restored or replaced")]
    HistoryMismatch,
    /// The store has recorded another position in the replica's history.
    #[error(
        "the store has recorded another state of this replica: it was copied or restored, or synchronises twice concurrently"
    )]
    ReplicaMismatch,
    /// The store may have purged tombstones that the replica has not seen.
    #[error(
        "this replica was forgotten, and deletions that it has not seen may have been purged: create a new replica"
    )]
    Forgotten,
    /// A blob of this name exists, with other content.
    #[error("a blob of this name exists with other content: choose another id, or delete the blob first")]
    BlobConflict,
    /// An append at another offset than the upload's.
    #[error("the upload is at offset {0}: resume there")]
    OffsetMismatch(u64),
    /// The fence is not that of the message's current lease.
    #[error("the lease is no longer current: another client may have the message, so stop processing it")]
    LeaseLost,
    /// A message that is not processed cannot be deleted.
    #[error("the message is not processed: store it, set its state to processed, and then delete it")]
    NotProcessed,
    /// Another message has this name.
    #[error("another message has or had this name: deliver this one under another name")]
    MessageConflict,
    /// The user has registered no key to encrypt messages to.
    #[error("the user has not registered a key yet: keep the message and deliver it again later")]
    NoKey,
    /// The key that the user has registered cannot encrypt, because it expired for example.
    #[error("the key that the user has registered cannot be used: keep the message and deliver it again later")]
    UnusableKey,
    /// The length of the blob is missing.
    #[error("send the blob's length as Content-Length or Upload-Length")]
    LengthRequired,
    /// The digest of the blob is missing.
    #[error("send the blob's SHA-256 as `Repr-Digest: sha-256=:…:`")]
    DigestRequired,
    /// A condition of the request does not hold.
    #[error("what is stored is not what the request expects: get it again")]
    PreconditionFailed,
    /// A write that does not name what it replaces.
    #[error("send `If-None-Match: *` to create, or `If-Match` with the ETag of what is replaced")]
    PreconditionRequired,
    /// The request is too large.
    #[error("{0}")]
    TooLarge(String),
    /// A range that the blob, of this many bytes, does not have.
    #[error("the blob has {0} bytes")]
    RangeNotSatisfiable(u64),
    /// The content differs from what was announced.
    #[error("the SHA-256 of the content differs from the announced one: nothing was stored, send it again")]
    DigestMismatch,
    /// Too many concurrent uploads.
    #[error("too many concurrent uploads: send fewer at a time")]
    TooMany,
    /// The user's quota does not allow it.
    #[error("the quota is exceeded: delete something, or ask the operator for a larger quota")]
    QuotaExceeded,
    /// The body has the wrong media type.
    #[error("send a body of type {0}")]
    UnsupportedMediaType(&'static str),
    /// The server is busy.
    #[error("the server is busy: try again in a moment")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The backend of blobs failed, or a stored content is missing.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Something that a request names and that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Missing {
    /// The path.
    #[error("this path does not exist")]
    Route,
    /// The user.
    #[error("there is no such user")]
    User,
    /// The replica.
    #[error("there is no such replica")]
    Replica,
    /// The recovery document.
    #[error("no recovery document is stored yet")]
    RecoveryDocument,
    /// The blob.
    #[error("there is no such blob")]
    Blob,
    /// The upload.
    #[error("no upload of this blob is in progress: begin one with PUT")]
    Upload,
    /// The upload, because the blob was deleted or the upload was cancelled since the request began.
    #[error("the blob was deleted or its upload was cancelled in the meantime: send it again")]
    UploadEnded,
    /// The message.
    #[error("there is no such message")]
    Message,
    /// The user's public key.
    #[error("no key is registered yet")]
    Key,
}

impl Refusal {
    /// The problem details of this rejection.
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
            Self::Forgotten => ProblemKind::ReplicaForgotten,
            Self::BlobConflict => ProblemKind::BlobConflict,
            Self::OffsetMismatch(_) => ProblemKind::OffsetMismatch,
            Self::LeaseLost => ProblemKind::LeaseLost,
            Self::NotProcessed => ProblemKind::NotProcessed,
            Self::MessageConflict => ProblemKind::MessageConflict,
            Self::NoKey | Self::UnusableKey => ProblemKind::NoKey,
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
                return Problem::new(ProblemKind::Internal, "the server's storage failed; see its log");
            }
            Self::Database(error) => {
                tracing::error!(%error, "a request failed");
                return Problem::new(ProblemKind::Internal, "the server's database failed; see its log");
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
