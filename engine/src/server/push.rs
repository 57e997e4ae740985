//! `POST /v1/users/{user}/peers/{replica}/documents`: receives a stream of batches from a replica. Each batch is stored
//! in one transaction; its acknowledgement is a line of the answer, sent as soon as the batch is durable, while the next batch
//! still arrives.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::body::{drain, next_chunk};
use super::caller::{Caller, PathReplica, malformed};
use super::refusal::Refusal;
use super::state::Server;
use crate::document::ReplicaId;
use crate::protocol::{Acknowledgement, Commit, Decoder, FRAMES, Frame, LINES, PushLine, SealedDocument};

/// How long a batch may take to arrive: enough for the largest one at 30 kB/s.
const TIMEOUT: Duration = Duration::from_secs(300);

/// When batches are acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Acknowledge {
    /// Each batch as soon as it is durable.
    #[default]
    Batch,
    /// All batches when the last one is durable.
    End,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushQuery {
    #[serde(default)]
    acknowledge: Acknowledge,
}

/// `POST`. The first batch determines the status; the result of each later one is a line of the answer.
pub(super) async fn post(
    State(server): State<Server>,
    caller: Caller,
    PathReplica(replica): PathReplica,
    query: Result<Query<PushQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(malformed)?;
    if headers.get(CONTENT_TYPE).is_none_or(|value| value != FRAMES) {
        return Err(Refusal::UnsupportedMediaType(FRAMES));
    }
    let permit = server.acquire_stream(&caller.store).await?;
    let (results, mut answer) = mpsc::channel(16);
    let body = body.into_data_stream();
    tokio::spawn(async move {
        let _permit = permit;
        receive(&caller, replica, body, query.acknowledge, results).await;
    });
    let first = answer.recv().await.transpose()?;
    let rest = ReceiverStream::new(answer);
    let lines = tokio_stream::iter(first.map(Ok)).chain(rest).map(|result| Ok::<_, Infallible>(line(result)));
    Ok(([(CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response())
}

type BatchResult = Result<Acknowledgement, Refusal>;

fn line(result: BatchResult) -> Bytes {
    let line = match result {
        Ok(acknowledgement) => PushLine::Acknowledged(acknowledgement),
        Err(refusal) => PushLine::Problem(refusal.problem()),
    };
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// A received batch.
struct Batch {
    commit: Commit,
    documents: Vec<SealedDocument>,
}

/// Parses the stream while the previous batch is being stored. At most three batches are in memory: the one that arrives, the
/// one that is stored, and one between them.
async fn receive(
    caller: &Caller,
    replica: ReplicaId,
    mut body: BodyDataStream,
    acknowledge: Acknowledge,
    results: mpsc::Sender<BatchResult>,
) {
    let (batches, mut received) = mpsc::channel(1);
    let reading = async {
        let read = read_batches(&mut body, caller.body_timeout, &batches).await;
        let failed = read.is_err();
        if let Err(refusal) = read {
            // If the receiver is closed, a batch was rejected, and the answer reports that.
            let _ = batches.send(Err(refusal)).await;
        }
        drop(batches);
        failed
    };
    let writing = async {
        let mut pending = Vec::new();
        while let Some(batch) = received.recv().await {
            let result = match batch {
                Ok(Batch { commit, documents }) => caller.store.store_batch(replica, commit, documents).await,
                Err(refusal) => Err(refusal),
            };
            let rejected = result.is_err();
            pending.push(result);
            if acknowledge == Acknowledge::Batch || rejected {
                send_all(&mut pending, &results).await;
            }
            if rejected {
                received.close();
                break;
            }
        }
        send_all(&mut pending, &results).await;
        drop(results);
    };
    let (failed, ()) = tokio::join!(reading, writing);
    if failed {
        drain(body).await;
    }
}

async fn send_all(pending: &mut Vec<BatchResult>, results: &mpsc::Sender<BatchResult>) {
    for result in pending.drain(..) {
        // A client that has disconnected asks what is durable when it reconnects.
        let _ = results.send(result).await;
    }
}

/// Reads the whole stream. It also fails if a batch was rejected in the meantime, so that no more of the stream is processed.
async fn read_batches(
    body: &mut BodyDataStream,
    chunk_timeout: Duration,
    batches: &mpsc::Sender<Result<Batch, Refusal>>,
) -> Result<(), Refusal> {
    let mut decoder = Decoder::new();
    let mut documents = Vec::new();
    let mut deadline = Instant::now() + TIMEOUT;
    loop {
        while let Some(frame) = decoder.next_frame()? {
            match frame {
                Frame::Document(document) if document.sealed.is_empty() => {
                    return Err(Refusal::Malformed("only a server may send purge markers".to_owned()));
                }
                Frame::Document(document) => documents.push(document),
                Frame::Header(_) => return Err(Refusal::Malformed("a push must contain whole documents".to_owned())),
                Frame::Commit(commit) => {
                    let batch = Batch { commit, documents: std::mem::take(&mut documents) };
                    batches.send(Ok(batch)).await.map_err(|_| Refusal::Malformed("a batch was rejected".to_owned()))?;
                    deadline = Instant::now() + TIMEOUT;
                }
                Frame::End => {}
            }
        }
        if Instant::now() > deadline {
            return Err(Refusal::Timeout(TIMEOUT.as_secs()));
        }
        match next_chunk(body, chunk_timeout).await? {
            Some(chunk) => decoder.push(&chunk),
            None => {
                return decoder
                    .finish()
                    .map_err(|error| Refusal::Malformed(format!("{error}: send the missing documents again")));
            }
        }
    }
}
