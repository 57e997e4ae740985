//! Sends what was made here. Batches are read and sealed on a blocking thread, a few ahead of the network, while
//! acknowledgements of earlier ones arrive and are recorded.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::{Body, Method, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::client::{SyncClient, SyncReport};
use super::state::SyncState;
use crate::client::SyncError;
use crate::client::connection::{parse, rejection, send};
use crate::config::UploadConfig;
use crate::crypto::DocumentSealer;
use crate::document::{Generation, Position, ReplicaId};
use crate::protocol::{
    Acknowledgement, BATCH_BYTES, BATCH_DOCUMENTS, Commit, FRAMES, PREAMBLE, PushLine, encode_commit, encode_document,
    encode_end, encoded_length,
};
use crate::store::{Outgoing, Replica, TakeResult};

/// Bytes at which a batch is full. Smaller than the protocol allows, so that the server writes one batch while the next is
/// sealed.
const BATCH_TARGET: usize = 1 << 20;

/// Batches that are sealed ahead of the network.
const BATCHES_AHEAD: usize = 2;

/// Most bytes of a line of the answer.
const LINE_LIMIT: usize = 16 << 10;

/// Sends everything made here that the store lacks.
pub(super) async fn push(
    client: &SyncClient,
    replica: &Replica,
    state: &mut SyncState,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let (pieces, body) = mpsc::channel(BATCHES_AHEAD);
    report.requests += 1;
    let path = ["peers", &replica.id().to_string(), "documents"];
    let acknowledge = if client.upload.early_return { "batch" } else { "end" };
    let request = client
        .connection
        .request(Method::POST, &path)
        .query(&[("acknowledge", acknowledge)])
        .header(reqwest::header::CONTENT_TYPE, FRAMES)
        .body(Body::wrap_stream(ReceiverStream::new(body)));

    let producer = Producer { replica: replica.clone(), sealer: client.sealer.clone(), upload: client.upload };
    let (store, pushed, noted) = (state.store, state.pushed, state.noted);
    let producing = async {
        let produced = producer.produce(store, pushed, noted, &pieces).await;
        if produced.is_err() {
            // The server must not mistake an interrupted stream for a complete one.
            let _ = pieces.send(Err(std::io::Error::other("the replica failed"))).await;
        }
        drop(pieces);
        produced
    };
    let answered = async { record(send(request).await?, replica, state).await };
    let (produced, answered) = tokio::join!(producing, answered);
    let sent = match (produced, answered) {
        // The server's answer has the reason why it stopped reading.
        (Err(SyncError::Cancelled), Err(error)) => return Err(error),
        (Err(error), _) => return Err(error),
        (Ok(_), Err(error)) => return Err(error),
        (Ok(sent), Ok(())) => sent,
    };
    if state.noted != sent.end {
        return Err(SyncError::Protocol("not every batch was acknowledged".to_owned()));
    }
    report.documents_sent += sent.documents;
    report.bytes_sent += sent.bytes;
    Ok(())
}

/// What was sent.
struct Sent {
    documents: u64,
    bytes: u64,
    end: Position,
}

struct Producer {
    replica: Replica,
    sealer: Arc<DocumentSealer>,
    upload: UploadConfig,
}

type Pieces = mpsc::Sender<Result<Bytes, std::io::Error>>;

impl Producer {
    /// Produces the body, batch after batch, from what follows `after`, linked to the position that the store has recorded.
    async fn produce(
        &self,
        store: ReplicaId,
        mut after: Generation,
        mut from: Position,
        pieces: &Pieces,
    ) -> Result<Sent, SyncError> {
        let mut sent = Sent { documents: 0, bytes: 0, end: from };
        let mut start = BytesMut::from(&PREAMBLE[..]);
        loop {
            let builder = BatchBuilder { frames: start, documents: 0, bytes: 0 };
            let (sealer, batching) = (self.sealer.clone(), self.upload.batching);
            let take =
                move |builder: &mut BatchBuilder, version: Outgoing<'_>| builder.take(&sealer, batching, &version);
            let (BatchBuilder { mut frames, documents, .. }, reached) =
                self.replica.outgoing(store, after, builder, take).await?;
            encode_commit(&mut frames, &Commit { documents, from, to: reached.position });
            if reached.end {
                encode_end(&mut frames);
            }
            sent.documents += documents as u64;
            sent.bytes += frames.len() as u64;
            sent.end = reached.position;
            pieces.send(Ok(frames.freeze())).await.map_err(|_| SyncError::Cancelled)?;
            if reached.end {
                return Ok(sent);
            }
            (after, from) = (reached.position.generation, reached.position);
            start = BytesMut::new();
        }
    }
}

/// A batch that is being filled.
struct BatchBuilder {
    frames: BytesMut,
    documents: usize,
    /// Bytes of its document frames.
    bytes: usize,
}

impl BatchBuilder {
    /// Seals a version into the batch, if it fits.
    fn take(
        &mut self,
        sealer: &DocumentSealer,
        batching: bool,
        version: &Outgoing<'_>,
    ) -> Result<TakeResult, SyncError> {
        let sealed_length = sealer.sealed_len(version.content.map_or(0, <[u8]>::len));
        let length = encoded_length(version.id, version.revision, sealed_length);
        if self.documents > 0 && self.bytes + length > BATCH_BYTES {
            return Ok(TakeResult::Rejected);
        }
        let sealed = sealer.seal(version.id, version.revision, version.content)?;
        if self.documents == 0 {
            self.frames.reserve(BATCH_TARGET.max(length) + length);
        }
        encode_document(&mut self.frames, version.id, version.revision, &sealed)?;
        self.documents += 1;
        self.bytes += length;
        let full = !batching || self.bytes >= BATCH_TARGET || self.documents >= BATCH_DOCUMENTS;
        Ok(if full { TakeResult::TakenLast } else { TakeResult::Taken })
    }
}

/// Records what the answer acknowledges, line after line, as it arrives.
async fn record(mut answer: Response, replica: &Replica, state: &mut SyncState) -> Result<(), SyncError> {
    let mut text = BytesMut::new();
    while let Some(piece) = answer.chunk().await? {
        text.extend_from_slice(&piece);
        let mut problem = None;
        let mut acknowledged = false;
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line = text.split_to(end + 1);
            match parse(&line)? {
                PushLine::Acknowledged(acknowledgement) => {
                    advance(state, &acknowledgement);
                    acknowledged = true;
                }
                PushLine::Problem(found) => problem = Some(found),
            }
        }
        // Lines that came together are recorded together.
        if acknowledged {
            replica.record_push(state.store, state.pushed, Some(state.seen)).await?;
        }
        if let Some(problem) = problem {
            return Err(rejection(problem));
        }
        if text.len() > LINE_LIMIT {
            return Err(SyncError::Protocol(format!("a line of the answer is longer than {LINE_LIMIT} bytes")));
        }
    }
    if text.is_empty() {
        Ok(())
    } else {
        Err(SyncError::Protocol("the answer ends in the middle of a line".to_owned()))
    }
}

fn advance(state: &mut SyncState, acknowledgement: &Acknowledgement) {
    state.noted = acknowledgement.noted;
    state.pushed = state.pushed.max(acknowledgement.noted.generation);
    state.position = acknowledgement.after;
    // If nothing else arrived meanwhile, all that is new in the store is what was just sent.
    if state.seen == acknowledgement.before {
        state.seen = acknowledgement.after;
    }
}
