//! `GET /v1/users/{user}/peers/{replica}/documents`: returns everything that a replica has not seen, as a stream of
//! batches. The database is read a page at a time, a few pages ahead of the client; a slow client holds no read transaction.

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

/// Pages that are read ahead of the client.
pub(super) const PAGES_AHEAD: usize = 2;

/// How long a client may take to read a page.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The position of a replica, and what it requests.
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
    let permit = server.acquire_stream(&caller.store).await?;
    let until = caller.store.head(replica, seen).await?;
    let (chunks, body) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let _permit = permit;
        if let Err(failure) = send(&caller, replica, (seen, until), query.contents, &chunks).await {
            // The client receives a stream without an end frame, and retries.
            let _ = chunks.send(Err(failure)).await;
        }
    });
    Ok(([(CONTENT_TYPE, FRAMES)], Body::from_stream(ReceiverStream::new(body))).into_response())
}

/// Sends chunks of an answer.
pub(super) type ChunkSender = mpsc::Sender<Result<Bytes, std::io::Error>>;

async fn send(
    caller: &Caller,
    replica: ReplicaId,
    (mut from, until): (Position, Position),
    contents: Contents,
    chunks: &ChunkSender,
) -> Result<(), std::io::Error> {
    let mut edge = BytesMut::from(&PREAMBLE[..]);
    while from != until {
        let page =
            caller.store.page(replica, from.generation, until, contents, PAGE_BYTES).await.map_err(|refusal| {
                tracing::error!(%refusal, "a pull failed");
                std::io::Error::other("the store failed")
            })?;
        send_chunk(chunks, edge.split().freeze()).await?;
        send_chunk(chunks, page.frames).await?;
        encode_commit(&mut edge, &Commit { documents: page.documents, from, to: page.reached });
        from = page.reached;
    }
    encode_end(&mut edge);
    send_chunk(chunks, edge.freeze()).await
}

/// Sends a chunk, unless it is empty. Fails if the client disconnects or does not read it in time.
pub(super) async fn send_chunk(chunks: &ChunkSender, chunk: Bytes) -> Result<(), std::io::Error> {
    if chunk.is_empty() {
        return Ok(());
    }
    tokio::time::timeout(TIMEOUT, chunks.send(Ok(chunk)))
        .await
        .map_err(|_| std::io::Error::other("the client does not read"))?
        .map_err(|_| std::io::Error::other("the client disconnected"))
}
