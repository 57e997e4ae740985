//! Fetches contents of documents whose headers alone are here. Each batch enters the replica as it arrives; after an
//! interrupted fetch, the next one requests only what is still absent.

use std::collections::BTreeSet;

use reqwest::{Method, Response};

use super::client::{SyncClient, SyncReport};
use super::decrypt::{Sealed, decrypt};
use crate::client::SyncError;
use crate::client::connection::send;
use crate::document::{DocumentId, ReplicaId};
use crate::protocol::{Decoder, Frame, MAX_WANTED, WantedContents};
use crate::store::Replica;

impl SyncClient {
    /// Fetches the contents of those of `ids` that are here as headers only, and newer versions of them that the server
    /// has. A content that the server no longer has, because it was replaced, stays absent until the next exchange.
    ///
    /// # Errors
    /// [`SyncError`]. What arrived before an error stays.
    pub async fn fetch_contents(&self, replica: &Replica, ids: &[DocumentId]) -> Result<SyncReport, SyncError> {
        let _lock = replica.lock_sync().await;
        let mut report = SyncReport::default();
        // Without a peer, nothing was ever received without its content.
        let Some(peer) = replica.peers().await?.first().copied() else { return Ok(report) };
        let absent = replica.absent_among(ids.to_vec()).await?;
        for documents in absent.chunks(MAX_WANTED) {
            report.requests += 1;
            let request = self.connection.request(Method::POST, &["contents"]).query(&peer.seen);
            let answer = send(request.json(&WantedContents { documents: documents.to_vec() })).await?;
            self.receive_contents(replica, peer.id, &documents.iter().collect(), answer, &mut report).await?;
        }
        Ok(report)
    }

    async fn receive_contents(
        &self,
        replica: &Replica,
        peer: ReplicaId,
        wanted: &BTreeSet<&DocumentId>,
        mut answer: Response,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let (mut decoder, mut documents) = (Decoder::new(), Vec::new());
        while let Some(piece) = answer.chunk().await? {
            report.bytes_received += piece.len() as u64;
            decoder.push(&piece);
            while let Some(frame) = decoder.next_frame()? {
                match frame {
                    Frame::Document(document) if wanted.contains(&document.id) => {
                        documents.push(Sealed::Whole(document));
                    }
                    Frame::Commit(_) => self.insert(replica, peer, std::mem::take(&mut documents), report).await?,
                    Frame::End => {}
                    Frame::Document(_) | Frame::Header(_) => {
                        return Err(SyncError::Protocol(
                            "the answer contains a document that was not requested".to_owned(),
                        ));
                    }
                }
            }
        }
        Ok(decoder.finish()?)
    }

    async fn insert(
        &self,
        replica: &Replica,
        peer: ReplicaId,
        documents: Vec<Sealed>,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let count = documents.len() as u64;
        let received = replica.insert_contents(peer, decrypt(self, documents).await?).await?;
        report.documents_received += count;
        report.conflicts += received.conflicts as u64;
        Ok(())
    }
}
