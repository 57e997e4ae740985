//! Decrypts what a server sends: documents in the crypto pool, headers by their labels. Nothing leaves this file without
//! proof that it is the version it claims to be.

use super::client::SyncClient;
use crate::client::SyncError;
use crate::client::blocking::spawn_blocking;
use crate::crypto::DocumentSealer;
use crate::pool::{OpenDocuments, OpenFailure};
use crate::protocol::SealedDocument;
use crate::store::{Incoming, IncomingContent, PeerChange};

/// A version as it arrives.
pub(super) enum Sealed {
    /// All of it.
    Whole(SealedDocument),
    /// Its label only.
    Header(SealedDocument),
}

/// Decrypts a batch and keeps its order: a purge mark applies before what follows it.
pub(super) async fn decrypt(client: &SyncClient, sealed: Vec<Sealed>) -> Result<Vec<PeerChange>, SyncError> {
    let mut all: Vec<Option<PeerChange>> = sealed.iter().map(|_| None).collect();
    let (mut names, mut documents, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for (index, version) in sealed.into_iter().enumerate() {
        match version {
            Sealed::Whole(SealedDocument { id, revision, sealed }) if sealed.is_empty() => {
                all[index] = Some(PeerChange::Purged { id, revision });
            }
            Sealed::Whole(SealedDocument { id, revision, sealed }) => {
                documents.push((id.to_string(), revision.to_string(), sealed.to_vec()));
                names.push((index, id, revision));
            }
            Sealed::Header(header) => headers.push((index, header)),
        }
    }
    if !documents.is_empty() {
        let opened = client.pool.run(OpenDocuments { sealer: client.sealer.clone(), documents }).await?;
        let contents = opened.map_err(|OpenFailure { index, source }| SyncError::Open {
            document: names.swap_remove(index).1,
            source,
        })?;
        for ((index, id, revision), content) in names.into_iter().zip(contents) {
            all[index] = Some(PeerChange::Version(Incoming { id, revision, content: IncomingContent::from(content) }));
        }
    }
    if !headers.is_empty() {
        let sealer = client.sealer.clone();
        let verify = move |(index, header)| Ok::<_, SyncError>((index, verify_header(&sealer, header)?));
        let verified = spawn_blocking(move || headers.into_iter().map(verify).collect::<Result<Vec<_>, _>>()).await;
        for (index, incoming) in verified.ok_or(SyncError::Cancelled)?? {
            all[index] = Some(PeerChange::Version(incoming));
        }
    }
    Ok(all.into_iter().flatten().collect())
}

fn verify_header(sealer: &DocumentSealer, header: SealedDocument) -> Result<Incoming, SyncError> {
    let SealedDocument { id, revision, sealed } = header;
    let label = sealed.last_chunk().ok_or_else(|| SyncError::Protocol("a header has no label".to_owned()))?;
    match sealer.open_label(id.as_str(), &revision.to_string(), label) {
        Ok(length) => {
            let content = length.map_or(IncomingContent::Deleted, IncomingContent::Absent);
            Ok(Incoming { id, revision, content })
        }
        Err(source) => Err(SyncError::Open { document: id, source }),
    }
}
