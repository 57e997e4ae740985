//! Fetches what others made. Three stages run at once, a batch apart: frames are taken from the network, documents are
//! opened on a thread that may block, and whole batches enter the replica. A batch that does not open never enters.

use std::sync::Arc;

use reqwest::{Method, Response};
use tokio::sync::mpsc;

use super::SyncError;
use super::connection::send;
use super::sync::{Standing, SyncClient, SyncReport};
use crate::crypto::DocumentSealer;
use crate::document::Position;
use crate::protocol::{Commit, Contents, Decoder, Frame, SealedDocument};
use crate::store::{Held, Incoming, Replica};

/// Batches that wait between two stages.
const BETWEEN: usize = 1;

/// A version as it arrives.
pub(super) enum Sealed {
    /// All of it.
    Whole(SealedDocument),
    /// Its label.
    Header(SealedDocument),
}

/// A complete batch, sealed or open.
struct Batch<D> {
    commit: Commit,
    documents: Vec<D>,
}

/// Fetches everything of the store that this replica lacks.
pub(super) async fn pull(
    client: &SyncClient,
    replica: &Replica,
    contents: Contents,
    at: &mut Standing,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    report.requests += 1;
    let path = ["peers", &replica.id().to_string(), "documents"];
    let mut request = client.connection.request(Method::GET, &path).query(&at.seen);
    if contents == Contents::No {
        request = request.query(&[("contents", Contents::No)]);
    }
    let answer = send(request).await?;
    let (sealed, to_open) = mpsc::channel(BETWEEN);
    let (open, to_insert) = mpsc::channel(BETWEEN);
    // All stages come to their end even if one fails: complete batches that have arrived are kept, and no write is left
    // under way when the next exchange begins.
    let (received, opened, inserted) = tokio::join!(
        receive(answer, contents, at.seen, sealed),
        open_all(client.sealer.clone(), to_open, open),
        insert(replica, at, report, to_insert),
    );
    // A stage whose successor failed says only that it was broken off.
    inserted?;
    opened?;
    report.bytes_received += received?;
    Ok(())
}

/// Takes the stream apart, checks that its batches follow each other from `seen`, and returns its length in bytes.
async fn receive(
    mut answer: Response,
    contents: Contents,
    mut seen: Position,
    batches: mpsc::Sender<Batch<Sealed>>,
) -> Result<u64, SyncError> {
    let mut decoder = Decoder::new();
    let mut documents = Vec::new();
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await? {
        bytes += piece.len() as u64;
        decoder.push(&piece);
        while let Some(frame) = decoder.next_frame()? {
            match frame {
                Frame::Document(document) => documents.push(Sealed::Whole(document)),
                Frame::Header(header) if contents == Contents::No => documents.push(Sealed::Header(header)),
                Frame::Header(_) => return Err(SyncError::Protocol("a header came in place of a document".to_owned())),
                Frame::Commit(commit) if commit.from != seen => {
                    return Err(SyncError::Protocol("a batch does not follow the one before".to_owned()));
                }
                Frame::Commit(commit) => {
                    seen = commit.to;
                    let batch = Batch { commit, documents: std::mem::take(&mut documents) };
                    batches.send(batch).await.map_err(|_| SyncError::BrokenOff)?;
                }
                Frame::End => {}
            }
        }
    }
    decoder.finish()?;
    Ok(bytes)
}

async fn open_all(
    sealer: Arc<DocumentSealer>,
    mut sealed: mpsc::Receiver<Batch<Sealed>>,
    open: mpsc::Sender<Batch<Incoming>>,
) -> Result<(), SyncError> {
    while let Some(batch) = sealed.recv().await {
        let sealer = sealer.clone();
        let opened = tokio::task::spawn_blocking(move || open_batch(&sealer, batch)).await;
        open.send(opened.map_err(|_| SyncError::BrokenOff)??).await.map_err(|_| SyncError::BrokenOff)?;
    }
    Ok(())
}

fn open_batch(sealer: &DocumentSealer, batch: Batch<Sealed>) -> Result<Batch<Incoming>, SyncError> {
    let documents = batch.documents.into_iter().map(|sealed| open(sealer, sealed)).collect::<Result<_, _>>()?;
    Ok(Batch { commit: batch.commit, documents })
}

/// Opens a document, or proves a header.
pub(super) fn open(sealer: &DocumentSealer, sealed: Sealed) -> Result<Incoming, SyncError> {
    let header = matches!(sealed, Sealed::Header(_));
    let (Sealed::Whole(SealedDocument { id, revision, sealed })
    | Sealed::Header(SealedDocument { id, revision, sealed })) = sealed;
    let text = revision.to_string();
    let opened = if header {
        let label = sealed.last_chunk().ok_or_else(|| SyncError::Protocol("a header has no label".to_owned()))?;
        sealer.open_label(id.as_str(), &text, label).map(|length| length.map_or(Held::Deleted, Held::Absent))
    } else {
        sealer.open(id.as_str(), &text, sealed.to_vec()).map(Held::from)
    };
    match opened {
        Ok(content) => Ok(Incoming { id, revision, content }),
        Err(source) => Err(SyncError::Open { document: id, source }),
    }
}

async fn insert(
    replica: &Replica,
    at: &mut Standing,
    report: &mut SyncReport,
    mut batches: mpsc::Receiver<Batch<Incoming>>,
) -> Result<(), SyncError> {
    while let Some(Batch { commit, documents }) = batches.recv().await {
        let count = documents.len() as u64;
        let received = replica.insert_from_peer(at.store, commit.from, commit.to, documents).await?;
        at.seen = commit.to;
        report.documents_received += count;
        report.conflicts += received.conflicts as u64;
    }
    Ok(())
}
