//! Problem details (RFC 9457), the body of every error response. They explain what happened and what to do, and must never reveal
//! anything about other users or the machine.

use serde::{Deserialize, Serialize};

/// The prefix of the `type` of each problem.
const PREFIX: &str = "urn:problem-type:benchline:";

/// The kinds of problem that a client distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// 400: the request is malformed.
    Malformed,
    /// 401: no valid token.
    Unauthorized,
    /// 403: this belongs to another user.
    Forbidden,
    /// 404: there is nothing here.
    NotFound,
    /// 405: the path does not support the method.
    MethodNotAllowed,
    /// 408: the client was too slow.
    Timeout,
    /// 409: the store's history does not contain the position that the replica has seen.
    HistoryMismatch,
    /// 409: the store has recorded another position of the replica than the replica expects.
    ReplicaMismatch,
    /// 409: the replica may have missed a purge.
    ReplicaForgotten,
    /// 409: another blob has this name.
    BlobConflict,
    /// 409: the upload is at another offset than the request's.
    OffsetMismatch,
    /// 409: the fence is not that of the message's current lease.
    LeaseLost,
    /// 409: a message is deleted only after it was processed.
    NotProcessed,
    /// 409: another message has this name, or had it recently.
    MessageConflict,
    /// 409: the user has no usable key.
    NoKey,
    /// 411: the length is missing.
    LengthRequired,
    /// 412: a condition of the request does not hold.
    PreconditionFailed,
    /// 413: the request is too large.
    TooLarge,
    /// 415: an unsupported media type.
    UnsupportedMediaType,
    /// 416: the requested bytes do not exist.
    RangeNotSatisfiable,
    /// 422: the content does not match its digest.
    DigestMismatch,
    /// 428: a write must name what it replaces.
    PreconditionRequired,
    /// 429: too many concurrent requests.
    TooManyRequests,
    /// 500: the server failed.
    Internal,
    /// 503: temporarily too busy.
    Busy,
    /// 507: the user's quota is exceeded.
    QuotaExceeded,
    /// A problem that this version does not know.
    Other,
}

/// Kind, name, status and title of each problem.
const KINDS: &[(ProblemKind, &str, u16, &str)] = &[
    (ProblemKind::Malformed, "malformed", 400, "The request is malformed"),
    (ProblemKind::Unauthorized, "unauthorized", 401, "A valid token is needed"),
    (ProblemKind::Forbidden, "forbidden", 403, "This belongs to another user"),
    (ProblemKind::NotFound, "not-found", 404, "There is nothing here"),
    (ProblemKind::MethodNotAllowed, "method-not-allowed", 405, "The method is not supported here"),
    (ProblemKind::Timeout, "timeout", 408, "The request took too long"),
    (
        ProblemKind::HistoryMismatch,
        "history-mismatch",
        409,
        "The store's history differs from what the replica has seen",
    ),
    (ProblemKind::ReplicaMismatch, "replica-mismatch", 409, "The store has recorded another state of this replica"),
    (ProblemKind::ReplicaForgotten, "replica-forgotten", 409, "The store has forgotten this replica"),
    (ProblemKind::BlobConflict, "blob-conflict", 409, "Another blob has this name"),
    (ProblemKind::OffsetMismatch, "offset-mismatch", 409, "The upload is at another offset"),
    (ProblemKind::LeaseLost, "lease-lost", 409, "Another client may have the message now"),
    (ProblemKind::NotProcessed, "not-processed", 409, "The message is not processed yet"),
    (ProblemKind::MessageConflict, "message-conflict", 409, "Another message has this name"),
    (ProblemKind::NoKey, "no-key", 409, "There is no key to encrypt to"),
    (ProblemKind::LengthRequired, "length-required", 411, "The length is missing"),
    (ProblemKind::PreconditionFailed, "precondition-failed", 412, "A condition of the request does not hold"),
    (ProblemKind::TooLarge, "too-large", 413, "The request is too large"),
    (ProblemKind::UnsupportedMediaType, "unsupported-media-type", 415, "The media type is not supported"),
    (ProblemKind::RangeNotSatisfiable, "range-not-satisfiable", 416, "The requested bytes do not exist"),
    (ProblemKind::DigestMismatch, "digest-mismatch", 422, "The content does not match its digest"),
    (ProblemKind::PreconditionRequired, "precondition-required", 428, "The request must name what it replaces"),
    (ProblemKind::TooManyRequests, "too-many-requests", 429, "Too many concurrent requests"),
    (ProblemKind::Internal, "internal", 500, "The server failed"),
    (ProblemKind::Busy, "busy", 503, "The server is busy"),
    (ProblemKind::QuotaExceeded, "quota-exceeded", 507, "The quota is exceeded"),
    (ProblemKind::Other, "other", 500, "Unknown problem"),
];

/// The body of an error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind, as a URI.
    #[serde(rename = "type")]
    pub uri: String,
    /// A fixed title for the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    #[serde(default)]
    pub detail: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (_, name, status, title) = KINDS.iter().find(|entry| entry.0 == kind).unwrap_or(&(
            ProblemKind::Other,
            "other",
            500,
            "Unknown problem",
        ));
        Self { uri: format!("{PREFIX}{name}"), title: (*title).to_owned(), status: *status, detail: detail.into() }
    }

    /// The kind of problem.
    pub fn kind(&self) -> ProblemKind {
        let name = self.uri.strip_prefix(PREFIX).unwrap_or_default();
        KINDS.iter().find(|entry| entry.1 == name).map_or(ProblemKind::Other, |entry| entry.0)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.title, self.status, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_documented() {
        let problem = Problem::new(ProblemKind::TooLarge, "send less");
        let text = r#"{"type":"urn:problem-type:benchline:too-large","title":"The request is too large","status":413,"detail":"send less"}"#;
        assert_eq!(serde_json::to_string(&problem).unwrap(), text);
        assert_eq!(serde_json::from_str::<Problem>(text).unwrap().kind(), ProblemKind::TooLarge);
        let foreign = r#"{"type":"about:blank","title":"x","status":418}"#;
        assert_eq!(serde_json::from_str::<Problem>(foreign).unwrap().kind(), ProblemKind::Other);
    }
}
