//! `GET /v1/users/{user}/peers/{replica}/documents`: everything that a replica has not seen, as a stream of batches. The
//! database is read a page at a time, ahead of the client by a few pages; a slow client holds no read transaction.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::caller::{Caller, PathReplica, malformed};
use super::peers::position;
use super::refusal::Refusal;
use super::state::Server;
use crate::document::{Generation, Position, ReplicaId, TransactionId};
use crate::protocol::{Commit, Contents, FRAMES, PREAMBLE, encode_commit, encode_end};

/// Bytes of a page, which is also a batch.
pub(super) const PAGE_BYTES: usize = 1 << 20;

/// Pages read ahead of the client.
pub(super) const PAGES_AHEAD: usize = 2;

/// How long a client may take over a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a replica is, and what it wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PullQuery {
    generation: Generation,
    transaction: TransactionId,
    #[serde(default)]
    contents: Contents,
}

/// `GET`.
pub(super) async fn get(
    State(server): State<Server>,
    caller: Caller,
    PathReplica(replica): PathReplica,
    query: Result<Query<PullQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(malformed)?;
    let seen = position(query.generation, query.transaction)?;
    let turn = server.stream_turn(&caller.store).await?;
    let until = caller.store.head(replica, seen).await?;
    let (pieces, body) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let _turn = turn;
        if let Err(failure) = send(&caller, replica, (seen, until), query.contents, &pieces).await {
            // The client sees a stream without an end and tries again.
            let _ = pieces.send(Err(failure)).await;
        }
    });
    Ok(([(CONTENT_TYPE, FRAMES)], Body::from_stream(ReceiverStream::new(body))).into_response())
}

pub(super) type Pieces = mpsc::Sender<Result<Bytes, std::io::Error>>;

async fn send(
    caller: &Caller,
    replica: ReplicaId,
    (mut from, until): (Position, Position),
    contents: Contents,
    pieces: &Pieces,
) -> Result<(), std::io::Error> {
    let mut edge = BytesMut::from(&PREAMBLE[..]);
    while from != until {
        let page =
            caller.store.page(replica, from.generation, until, contents, PAGE_BYTES).await.map_err(|refusal| {
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

pub(super) async fn offer(pieces: &Pieces, piece: Bytes) -> Result<(), std::io::Error> {
    if piece.is_empty() {
        return Ok(());
    }
    let gone = |_| std::io::Error::other("the client does not read");
    tokio::time::timeout(PATIENCE, pieces.send(Ok(piece)))
        .await
        .map_err(gone)?
        .map_err(|_| std::io::Error::other("the client went away"))
}
