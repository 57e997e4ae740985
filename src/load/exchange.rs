//! One kind of request and its expected answer, as a plan describes them. `request` prepares them for sending.

use std::sync::Arc;

/// A kind of request, and what its answer must be.
///
/// In path, header values and [`Content::Text`], `${n}` is the request's number in the run, `${k}` its client's own
/// number, `${k%20}` what is left of that over 20, `${c}` the client's number, and `${name}` the client's variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// How often it is sent, against the others of its mix. At least 1.
    pub weight: u32,
    /// Such as `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Besides `Host`, `Content-Length` and `Connection`, which are added.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Content,
    /// The only right status.
    pub status: u16,
    /// The only right body.
    pub answer: Answer,
}

/// What is sent as a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing, and no `Content-Length`.
    None,
    /// A template.
    Text(String),
    /// Bytes as they are.
    Bytes(Arc<[u8]>),
}

/// Which body of an answer is right. Whatever is asked for, it is read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Any.
    Any,
    /// Any of this length in bytes.
    Length(u64),
    /// Exactly these.
    Bytes(Arc<[u8]>),
}
