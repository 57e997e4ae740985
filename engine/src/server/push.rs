//! `POST /v1/users/{user}/peers/{replica}/documents`: a stream of batches from a replica. Each batch is one transaction;
//! its acknowledgement is a line of the answer, sent as soon as the batch is durable, while the next is still arriving.

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

use super::body::{drain, next_piece};
use super::caller::{Caller, PathReplica, malformed};
use super::refusal::Refusal;
use super::state::Server;
use crate::document::ReplicaId;
use crate::protocol::{Acknowledgement, Commit, Decoder, FRAMES, Frame, LINES, PushLine, SealedDocument};

/// How long a batch may take to arrive: the largest one over a line of 30 kB/s.
const PATIENCE: Duration = Duration::from_secs(300);

/// When batches are acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Acknowledge {
    /// Each as soon as it is durable.
    #[default]
    Batch,
    /// All when the last one is.
    End,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushQuery {
    #[serde(default)]
    acknowledge: Acknowledge,
}

/// `POST`. The first batch decides the status; what happens to a later one is a line of the answer.
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
    let turn = server.stream_turn(&caller.store).await?;
    let (outcomes, mut answer) = mpsc::channel(16);
    let body = body.into_data_stream();
    tokio::spawn(async move {
        let _turn = turn;
        receive(&caller, replica, body, query.acknowledge, outcomes).await;
    });
    let first = answer.recv().await.transpose()?;
    let rest = ReceiverStream::new(answer);
    let lines = tokio_stream::iter(first.map(Ok)).chain(rest).map(|outcome| Ok::<_, Infallible>(line(outcome)));
    Ok(([(CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response())
}

type Outcome = Result<Acknowledgement, Refusal>;

fn line(outcome: Outcome) -> Bytes {
    let line = match outcome {
        Ok(acknowledgement) => PushLine::Acknowledged(acknowledgement),
        Err(refusal) => PushLine::Problem(refusal.problem()),
    };
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// A batch as it arrived.
struct Batch {
    commit: Commit,
    documents: Vec<SealedDocument>,
}

/// Takes the stream apart while the batch before is being written; there are never more than the two, and one that
/// waits between them.
async fn receive(
    caller: &Caller,
    replica: ReplicaId,
    mut body: BodyDataStream,
    acknowledge: Acknowledge,
    outcomes: mpsc::Sender<Outcome>,
) {
    let (batches, mut arrived) = mpsc::channel(1);
    let reading = async {
        let read = read_batches(&mut body, caller.patience, &batches).await;
        let failed = read.is_err();
        if let Err(refusal) = read {
            // Where nobody listens any more, a batch was refused, and that is the answer.
            let _ = batches.send(Err(refusal)).await;
        }
        drop(batches);
        failed
    };
    let writing = async {
        let mut held = Vec::new();
        while let Some(batch) = arrived.recv().await {
            let outcome = match batch {
                Ok(Batch { commit, documents }) => caller.store.accept(replica, commit, documents).await,
                Err(refusal) => Err(refusal),
            };
            let over = outcome.is_err();
            held.push(outcome);
            if acknowledge == Acknowledge::Batch || over {
                send_all(&mut held, &outcomes).await;
            }
            if over {
                arrived.close();
                break;
            }
        }
        send_all(&mut held, &outcomes).await;
        drop(outcomes);
    };
    let (failed, ()) = tokio::join!(reading, writing);
    if failed {
        drain(body).await;
    }
}

async fn send_all(held: &mut Vec<Outcome>, outcomes: &mpsc::Sender<Outcome>) {
    for outcome in held.drain(..) {
        // A client that went away learns what is durable when it comes back.
        let _ = outcomes.send(outcome).await;
    }
}

/// Reads the whole stream. Fails also where a batch was refused meanwhile, so that nobody takes more of it.
async fn read_batches(
    body: &mut BodyDataStream,
    patience: Duration,
    batches: &mpsc::Sender<Result<Batch, Refusal>>,
) -> Result<(), Refusal> {
    let mut decoder = Decoder::new();
    let mut documents = Vec::new();
    let mut deadline = Instant::now() + PATIENCE;
    loop {
        while let Some(frame) = decoder.next_frame()? {
            match frame {
                Frame::Document(document) if document.sealed.is_empty() => {
                    return Err(Refusal::Malformed("only a server says what is purged".to_owned()));
                }
                Frame::Document(document) => documents.push(document),
                Frame::Header(_) => return Err(Refusal::Malformed("a push carries whole documents".to_owned())),
                Frame::Commit(commit) => {
                    let batch = Batch { commit, documents: std::mem::take(&mut documents) };
                    batches.send(Ok(batch)).await.map_err(|_| Refusal::Malformed("a batch was refused".to_owned()))?;
                    deadline = Instant::now() + PATIENCE;
                }
                Frame::End => {}
            }
        }
        if Instant::now() > deadline {
            return Err(Refusal::Timeout(PATIENCE.as_secs()));
        }
        match next_piece(body, patience).await? {
            Some(piece) => decoder.push(&piece),
            None => {
                return decoder
                    .finish()
                    .map_err(|error| Refusal::Malformed(format!("{error}: send what is missing again")));
            }
        }
    }
}
