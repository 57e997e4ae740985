//! Fetches what others made. Three stages run at once, a batch apart: frames are taken from the network, documents are
//! opened in the crypto pool, and whole batches enter the replica. A batch that does not open never enters.

use reqwest::{Method, Response};
use tokio::sync::mpsc;

use super::SyncError;
use super::connection::send;
use super::sync::{Standing, SyncClient, SyncReport};
use crate::document::{Document, Position};
use crate::pool::{OpenDocuments, Unopened};
use crate::protocol::{Commit, Decoder, Frame, SealedDocument};
use crate::store::Replica;

/// Batches that wait between two stages.
const BETWEEN: usize = 1;

/// A complete batch, sealed or open.
struct Batch<D> {
    commit: Commit,
    documents: Vec<D>,
}

/// Fetches everything of the store that this replica lacks.
pub(super) async fn pull(
    client: &SyncClient,
    replica: &Replica,
    at: &mut Standing,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    report.requests += 1;
    let path = ["peers", &replica.id().to_string(), "documents"];
    let answer = send(client.connection.request(Method::GET, &path).query(&at.seen)).await?;
    let (sealed, to_open) = mpsc::channel(BETWEEN);
    let (open, to_insert) = mpsc::channel(BETWEEN);
    // All stages come to their end even if one fails: complete batches that have arrived are kept, and no write is left
    // under way when the next exchange begins.
    let (received, opened, inserted) = tokio::join!(
        receive(answer, at.seen, sealed),
        open_all(client, to_open, open),
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
    mut seen: Position,
    batches: mpsc::Sender<Batch<SealedDocument>>,
) -> Result<u64, SyncError> {
    let mut decoder = Decoder::new();
    let mut documents = Vec::new();
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await? {
        bytes += piece.len() as u64;
        decoder.push(&piece);
        while let Some(frame) = decoder.next_frame()? {
            match frame {
                Frame::Document(document) => documents.push(document),
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
    client: &SyncClient,
    mut sealed: mpsc::Receiver<Batch<SealedDocument>>,
    open: mpsc::Sender<Batch<Document>>,
) -> Result<(), SyncError> {
    while let Some(batch) = sealed.recv().await {
        open.send(open_batch(client, batch).await?).await.map_err(|_| SyncError::BrokenOff)?;
    }
    Ok(())
}

async fn open_batch(client: &SyncClient, batch: Batch<SealedDocument>) -> Result<Batch<Document>, SyncError> {
    let (mut names, mut documents) = (Vec::new(), Vec::new());
    for SealedDocument { id, revision, sealed } in batch.documents {
        documents.push((id.to_string(), revision.to_string(), sealed.to_vec()));
        names.push((id, revision));
    }
    let opened = client.pool.run(OpenDocuments { sealer: client.sealer.clone(), documents }).await?;
    let contents = opened
        .map_err(|Unopened { place, source }| SyncError::Open { document: names.swap_remove(place).0, source })?;
    let document = |((id, revision), content)| Document { id, revision, content };
    Ok(Batch { commit: batch.commit, documents: names.into_iter().zip(contents).map(document).collect() })
}

async fn insert(
    replica: &Replica,
    at: &mut Standing,
    report: &mut SyncReport,
    mut batches: mpsc::Receiver<Batch<Document>>,
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
