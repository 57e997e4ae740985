//! `GET /v1/users/{user}/peers/{replica}/documents`: everything that a replica has not seen, as a stream of batches. The
//! database is read a page at a time, ahead of the client by a few pages; a slow client holds no read transaction.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::caller::{Caller, PathReplica};
use super::peers::{SeenQuery, seen};
use super::refusal::Refusal;
use super::state::Server;
use crate::document::{Position, ReplicaId};
use crate::protocol::{Commit, FRAMES, PREAMBLE, encode_commit, encode_end};

/// Bytes of a page, which is also a batch.
const PAGE_BYTES: usize = 1 << 20;

/// Pages read ahead of the client.
const PAGES_AHEAD: usize = 2;

/// How long a client may take over a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// `GET`.
pub(super) async fn get(
    State(server): State<Server>,
    caller: Caller,
    PathReplica(replica): PathReplica,
    query: Result<Query<SeenQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let seen = seen(query)?;
    let turn = server.stream_turn(&caller.store).await?;
    let until = caller.store.head(replica, seen).await?;
    let (pieces, body) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let _turn = turn;
        if let Err(failure) = send(&caller, replica, seen, until, &pieces).await {
            // The client sees a stream without an end and tries again.
            let _ = pieces.send(Err(failure)).await;
        }
    });
    Ok(([(CONTENT_TYPE, FRAMES)], Body::from_stream(ReceiverStream::new(body))).into_response())
}

type Pieces = mpsc::Sender<Result<Bytes, std::io::Error>>;

async fn send(
    caller: &Caller,
    replica: ReplicaId,
    mut from: Position,
    until: Position,
    pieces: &Pieces,
) -> Result<(), std::io::Error> {
    let mut edge = BytesMut::from(&PREAMBLE[..]);
    while from != until {
        let page = caller.store.page(replica, from.generation, until, PAGE_BYTES).await.map_err(|refusal| {
            tracing::error!(%refusal, "a pull was broken off");
            std::io::Error::other("the store failed")
        })?;
        offer(pieces, edge.split().freeze()).await?;
        offer(pieces, page.frames).await?;
        encode_commit(&mut edge, &Commit { documents: page.documents, from, to: page.reached });
        from = page.reached;
    }
    encode_end(&mut edge);
    offer(pieces, edge.freeze()).await
}

async fn offer(pieces: &Pieces, piece: Bytes) -> Result<(), std::io::Error> {
    if piece.is_empty() {
        return Ok(());
    }
    let gone = |_| std::io::Error::other("the client does not read");
    tokio::time::timeout(PATIENCE, pieces.send(Ok(piece)))
        .await
        .map_err(gone)?
        .map_err(|_| std::io::Error::other("the client went away"))
}
