//! `POST /v1/users/{user}/contents`: returns whole documents by id, for a replica that has only their headers. The
//! answer is a stream of batches as in a pull, but it does not advance in the history: each commit frame names the same position
//! twice.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::body;
use super::caller::{Caller, malformed};
use super::peers::{SeenQuery, seen};
use super::pull::{ChunkSender, PAGE_BYTES, PAGES_AHEAD, send_chunk};
use super::refusal::Refusal;
use super::state::Server;
use super::versions::ExcerptPosition;
use crate::document::{DocumentId, MAX_ID_LENGTH, Position};
use crate::protocol::{Commit, FRAMES, MAX_WANTED, PREAMBLE, WantedContents, encode_commit, encode_end};

/// Most bytes of a request: each id with quotes, a comma and a space, and the JSON around them.
const REQUEST_LIMIT: usize = MAX_WANTED * (MAX_ID_LENGTH + 4) + 1024;

/// `POST`.
pub(super) async fn post(
    State(server): State<Server>,
    caller: Caller,
    query: Result<Query<SeenQuery>, QueryRejection>,
    body: Body,
) -> Result<Response, Refusal> {
    let seen = seen(query)?;
    let wanted: WantedContents =
        serde_json::from_slice(&body::read(body, REQUEST_LIMIT, caller.body_timeout).await?).map_err(malformed)?;
    if wanted.documents.len() > MAX_WANTED {
        return Err(Refusal::TooLarge(format!("one request may name at most {MAX_WANTED} documents")));
    }
    let permit = server.acquire_stream(&caller.store).await?;
    let head = caller.store.current_head(seen).await?;
    let (chunks, answer) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(failure) = send(&caller, wanted.documents.into(), head, &chunks).await {
            // The client receives a stream without an end frame, and retries.
            let _ = chunks.send(Err(failure)).await;
        }
    });
    Ok(([(CONTENT_TYPE, FRAMES)], Body::from_stream(ReceiverStream::new(answer))).into_response())
}

async fn send(
    caller: &Caller,
    documents: Arc<[DocumentId]>,
    head: Position,
    chunks: &ChunkSender,
) -> Result<(), std::io::Error> {
    let mut edge = BytesMut::from(&PREAMBLE[..]);
    let mut position = Some(ExcerptPosition::default());
    while let Some(from) = position {
        let (batch, next) = caller.store.excerpt(documents.clone(), from, PAGE_BYTES).await.map_err(|refusal| {
            tracing::error!(%refusal, "a stream of contents failed");
            std::io::Error::other("the store failed")
        })?;
        send_chunk(chunks, edge.split().freeze()).await?;
        send_chunk(chunks, batch.frames.freeze()).await?;
        encode_commit(&mut edge, &Commit { documents: batch.documents, from: head, to: head });
        position = next;
    }
    encode_end(&mut edge);
    send_chunk(chunks, edge.freeze()).await
}
