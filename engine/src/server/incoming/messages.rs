//! What a user's clients read of messages: lists, and the encrypted content for the holder of the lease.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::lease_requests::{FenceQuery, fence};
use crate::protocol::{MAX_LEASES, MessageId, MessageList, MessageState};
use crate::server::Server;
use crate::server::blobs::download;
use crate::server::caller::{Caller, PathMessage, malformed};
use crate::server::refusal::Refusal;

/// The messages that a query selects.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<MessageState>,
    after: String,
    limit: usize,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { state: None, after: String::new(), limit: MAX_LEASES }
    }
}

/// `GET /v1/users/{user}/incoming`.
pub(super) async fn list(
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<MessageList>, Refusal> {
    let Query(ListQuery { state, after, limit }) = query.map_err(malformed)?;
    if !after.is_empty() {
        after.parse::<MessageId>().map_err(malformed)?;
    }
    if !(1..=MAX_LEASES).contains(&limit) {
        return Err(Refusal::Malformed(format!("limit must be 1 to {MAX_LEASES}")));
    }
    let mut messages = caller.store.mailbox().list(state, after, limit + 1).await?;
    let more = messages.len() > limit;
    messages.truncate(limit);
    let next = messages.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Json(MessageList { messages, next }))
}

/// `GET …/{message}`.
pub(super) async fn get(
    State(server): State<Server>,
    caller: Caller,
    PathMessage(id): PathMessage,
    query: Result<Query<FenceQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let content = caller.store.mailbox().content(id, fence(query)?).await?;
    download::send(&server, &content, None, &headers).await
}
