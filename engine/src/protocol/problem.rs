//! Problem details (RFC 9457): every answer that is no success has one as its body. They say what happened and what to
//! do, and must never tell a stranger anything about a user or the machine.

use serde::{Deserialize, Serialize};

/// What begins the `type` of each problem.
const PREFIX: &str = "urn:problem-type:benchline:";

/// The kinds of problem that a client distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// 400: the request cannot be understood.
    Malformed,
    /// 401: no token, or none that counts.
    Unauthorized,
    /// 403: this belongs to another user.
    Forbidden,
    /// 404: there is nothing here.
    NotFound,
    /// 405: not with this method.
    MethodNotAllowed,
    /// 408: the client was too slow.
    Timeout,
    /// 409: the store's history does not contain the place that the replica has seen.
    HistoryMismatch,
    /// 409: the store has noted another place in the replica's history than the replica says.
    ReplicaMismatch,
    /// 409: another blob has this name.
    BlobConflict,
    /// 409: the upload stands at another offset than the request says.
    OffsetMismatch,
    /// 409: the fence is not that of the message's present lease.
    LeaseLost,
    /// 409: a message is deleted only after it was processed.
    NotProcessed,
    /// 409: another message has this name, or had it a short while ago.
    MessageConflict,
    /// 409: the user has registered no key that messages can be encrypted to.
    NoKey,
    /// 411: the length must be said beforehand.
    LengthRequired,
    /// 412: the slot is not as the client thought.
    PreconditionFailed,
    /// 413: too much at once.
    TooLarge,
    /// 415: a media type that is not read here.
    UnsupportedMediaType,
    /// 416: the blob does not have the bytes that were asked for.
    RangeNotSatisfiable,
    /// 422: the content is not what its digest says.
    DigestMismatch,
    /// 428: an overwrite must name what it replaces.
    PreconditionRequired,
    /// 429: too many at the same time.
    TooManyRequests,
    /// 500: the server failed.
    Internal,
    /// 503: too busy at the moment.
    Busy,
    /// 507: the user may not store so much.
    QuotaExceeded,
    /// Anything that this version does not know.
    Other,
}

/// Kind, name, status and title of each problem.
const KINDS: &[(ProblemKind, &str, u16, &str)] = &[
    (ProblemKind::Malformed, "malformed", 400, "The request cannot be understood"),
    (ProblemKind::Unauthorized, "unauthorized", 401, "A valid token is needed"),
    (ProblemKind::Forbidden, "forbidden", 403, "This belongs to another user"),
    (ProblemKind::NotFound, "not-found", 404, "There is nothing here"),
    (ProblemKind::MethodNotAllowed, "method-not-allowed", 405, "This is not done with this method"),
    (ProblemKind::Timeout, "timeout", 408, "The request took too long"),
    (ProblemKind::HistoryMismatch, "history-mismatch", 409, "The store has another history than the replica has seen"),
    (ProblemKind::ReplicaMismatch, "replica-mismatch", 409, "The store has noted another state of this replica"),
    (ProblemKind::BlobConflict, "blob-conflict", 409, "Another blob has this name"),
    (ProblemKind::OffsetMismatch, "offset-mismatch", 409, "The upload stands at another offset"),
    (ProblemKind::LeaseLost, "lease-lost", 409, "Someone else may work on the message now"),
    (ProblemKind::NotProcessed, "not-processed", 409, "The message is not processed yet"),
    (ProblemKind::MessageConflict, "message-conflict", 409, "Another message has this name"),
    (ProblemKind::NoKey, "no-key", 409, "There is no key to encrypt to"),
    (ProblemKind::LengthRequired, "length-required", 411, "The length must be said beforehand"),
    (ProblemKind::PreconditionFailed, "precondition-failed", 412, "What is stored is not what the request expects"),
    (ProblemKind::TooLarge, "too-large", 413, "The request is too large"),
    (ProblemKind::UnsupportedMediaType, "unsupported-media-type", 415, "The body has a type that is not read here"),
    (ProblemKind::RangeNotSatisfiable, "range-not-satisfiable", 416, "There are no such bytes"),
    (ProblemKind::DigestMismatch, "digest-mismatch", 422, "The content is not what its digest says"),
    (ProblemKind::PreconditionRequired, "precondition-required", 428, "The request must say what it replaces"),
    (ProblemKind::TooManyRequests, "too-many-requests", 429, "Too much at the same time"),
    (ProblemKind::Internal, "internal", 500, "The server failed"),
    (ProblemKind::Busy, "busy", 503, "The server is too busy"),
    (ProblemKind::QuotaExceeded, "quota-exceeded", 507, "There is no room for it"),
    (ProblemKind::Other, "other", 500, "Unknown problem"),
];

/// The body of an answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which kind, as a URI.
    #[serde(rename = "type")]
    pub uri: String,
    /// The kind in words, the same every time.
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

    /// Which kind it is.
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
