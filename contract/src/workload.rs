//! What a server's subject asks the load generator to send: only the subject knows the program's requests, and only the load
//! generator how to send them. It is sent as JSON, in place of a client's credential. This file only describes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The clients of a case, and what they send.
///
/// In the path, the headers' values and a body of text, `${k}` stands for a number of the client's own, counted up from 0 and
/// never used twice for [`Workload::timed`]; `${k%20}` for what is left of it over 20; `${n}` for the number of the request
/// in its span; `${c}` for the number of the client; `${name}` for the client's variable of that name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The parameters of the case that the server has applied. The load rejects any other that it does not know.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// The variables of each client. Each has a connection of its own.
    pub clients: Vec<BTreeMap<String, String>>,
    /// Fills the server at the beginning: sent by each client for each `${k}` below `stock_count`, once, untimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Message>,
    /// How many times `stock` is sent.
    #[serde(default)]
    pub stock_count: u64,
    /// What the timed requests use up: sent before each span, untimed, once for each `${k}` of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Message>,
    /// What is sent and timed.
    pub timed: Vec<Message>,
    /// What proves the result, and what removes it again: each is sent after each span, untimed, one after the other,
    /// once for each `${k}` of it.
    #[serde(default)]
    pub after: Vec<Message>,
}

/// A kind of request and its only right answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// How often it is sent relative to the others of the span, 1 by default.
    #[serde(default = "one")]
    pub weight: u32,
    /// Such as `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Besides `Host`, `Content-Length` and `Connection`, which the load adds.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Content>,
    /// The right status.
    pub status: u16,
    /// The right body, any by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Content>,
}

/// The content of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// As it stands here; as a request's body, with variables.
    Text(String),
    /// As it stands in a file, named by its whole path, when the load is prepared.
    File(String),
}

fn one() -> u32 {
    1
}
