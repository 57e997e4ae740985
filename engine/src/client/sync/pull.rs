//! Fetches what other replicas made. Three stages run concurrently, a batch apart: frames are decoded from the network,
//! documents are decrypted in the crypto pool, and whole batches enter the replica. A batch that fails verification never
//! enters.

use reqwest::{Method, Response};
use tokio::sync::mpsc;

use super::client::{SyncClient, SyncReport};
use super::decrypt::{Sealed, decrypt};
use super::state::SyncState;
use crate::client::SyncError;
use crate::client::connection::send;
use crate::document::Position;
use crate::protocol::{Commit, Contents, Decoder, Frame};
use crate::store::{PeerChange, Replica};

/// Batches queued between two stages.
const QUEUED_BATCHES: usize = 1;

/// A complete batch, sealed or decrypted.
struct Batch<D> {
    commit: Commit,
    documents: Vec<D>,
}

/// Fetches everything of the store that this replica lacks.
pub(super) async fn pull(
    client: &SyncClient,
    replica: &Replica,
    contents: Contents,
    state: &mut SyncState,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    report.requests += 1;
    let path = ["peers", &replica.id().to_string(), "documents"];
    let mut request = client.connection.request(Method::GET, &path).query(&state.seen);
    if contents == Contents::No {
        request = request.query(&[("contents", Contents::No)]);
    }
    let answer = send(request).await?;
    let (sealed, to_decrypt) = mpsc::channel(QUEUED_BATCHES);
    let (decrypted, to_insert) = mpsc::channel(QUEUED_BATCHES);
    // All stages run to their end even if one fails: complete batches that arrived are kept, and no write is in progress
    // when the next exchange begins.
    let (received, all_decrypted, inserted) = tokio::join!(
        receive(answer, contents, state.seen, sealed),
        decrypt_all(client, to_decrypt, decrypted),
        insert(replica, state, report, to_insert),
    );
    // A stage whose successor failed reports only that it was cancelled.
    inserted?;
    all_decrypted?;
    report.bytes_received += received?;
    Ok(())
}

/// Decodes the stream, checks that its batches follow each other from `seen`, and returns its length in bytes.
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
                Frame::Header(_) => {
                    return Err(SyncError::Protocol("a header arrived instead of a document".to_owned()));
                }
                Frame::Commit(commit) if commit.from != seen => {
                    return Err(SyncError::Protocol("a batch does not follow the one before".to_owned()));
                }
                Frame::Commit(commit) => {
                    seen = commit.to;
                    let batch = Batch { commit, documents: std::mem::take(&mut documents) };
                    batches.send(batch).await.map_err(|_| SyncError::Cancelled)?;
                }
                Frame::End => {}
            }
        }
    }
    decoder.finish()?;
    Ok(bytes)
}

async fn decrypt_all(
    client: &SyncClient,
    mut sealed: mpsc::Receiver<Batch<Sealed>>,
    decrypted: mpsc::Sender<Batch<PeerChange>>,
) -> Result<(), SyncError> {
    while let Some(Batch { commit, documents }) = sealed.recv().await {
        let documents = decrypt(client, documents).await?;
        decrypted.send(Batch { commit, documents }).await.map_err(|_| SyncError::Cancelled)?;
    }
    Ok(())
}

async fn insert(
    replica: &Replica,
    state: &mut SyncState,
    report: &mut SyncReport,
    mut batches: mpsc::Receiver<Batch<PeerChange>>,
) -> Result<(), SyncError> {
    while let Some(Batch { commit, documents }) = batches.recv().await {
        let count = documents.iter().filter(|incoming| matches!(incoming, PeerChange::Version(_))).count() as u64;
        let received = replica.insert_from_peer(state.store, commit.from, commit.to, documents).await?;
        state.seen = commit.to;
        report.documents_received += count;
        report.conflicts += received.conflicts as u64;
    }
    Ok(())
}
