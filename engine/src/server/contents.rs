//! `POST /v1/users/{user}/contents`: whole documents by name, for a replica that has only their headers. A stream of
//! batches as in a pull, but none of them moves along the history: each one's commit frame names one place twice.

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
use super::pull::{PAGE_BYTES, PAGES_AHEAD, Pieces, offer};
use super::refusal::Refusal;
use super::state::Server;
use super::versions::Place;
use crate::document::{DocumentId, MAX_ID_LENGTH, Position};
use crate::protocol::{Commit, FRAMES, MAX_WANTED, PREAMBLE, WantedContents, encode_commit, encode_end};

/// Most bytes of a request: each id with its quotes, its comma and a space, and what stands around them.
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
        serde_json::from_slice(&body::read(body, REQUEST_LIMIT, caller.patience).await?).map_err(malformed)?;
    if wanted.documents.len() > MAX_WANTED {
        return Err(Refusal::TooLarge(format!("one request names at most {MAX_WANTED} documents")));
    }
    let turn = server.stream_turn(&caller.store).await?;
    let head = caller.store.head_beyond(seen).await?;
    let (pieces, answer) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let _turn = turn;
        if let Err(failure) = send(&caller, wanted.documents.into(), head, &pieces).await {
            // The client sees a stream without an end and tries again.
            let _ = pieces.send(Err(failure)).await;
        }
    });
    Ok(([(CONTENT_TYPE, FRAMES)], Body::from_stream(ReceiverStream::new(answer))).into_response())
}

async fn send(
    caller: &Caller,
    documents: Arc<[DocumentId]>,
    head: Position,
    pieces: &Pieces,
) -> Result<(), std::io::Error> {
    let mut edge = BytesMut::from(&PREAMBLE[..]);
    let mut place = Some(Place::default());
    while let Some(from) = place {
        let (filled, next) = caller.store.excerpt(documents.clone(), from, PAGE_BYTES).await.map_err(|refusal| {
            tracing::error!(%refusal, "contents that were asked for were broken off");
            std::io::Error::other("the store failed")
        })?;
        offer(pieces, edge.split().freeze()).await?;
        offer(pieces, filled.frames.freeze()).await?;
        encode_commit(&mut edge, &Commit { documents: filled.documents, from: head, to: head });
        place = next;
    }
    encode_end(&mut edge);
    offer(pieces, edge.freeze()).await
}
