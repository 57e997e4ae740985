//! Opens what a server sends: documents in the pool, headers by their labels alone. Nothing leaves here that was not
//! proved to be the version that it claims to be.

use super::SyncError;
use super::off_reactor::off_reactor;
use super::sync::SyncClient;
use crate::crypto::DocumentSealer;
use crate::pool::{OpenDocuments, Unopened};
use crate::protocol::SealedDocument;
use crate::store::{Held, Incoming};

/// A version as it arrives.
pub(super) enum Sealed {
    /// All of it.
    Whole(SealedDocument),
    /// Its label.
    Header(SealedDocument),
}

/// Opens a batch. Its order is lost, which means nothing: versions may arrive in any.
pub(super) async fn open(client: &SyncClient, sealed: Vec<Sealed>) -> Result<Vec<Incoming>, SyncError> {
    let (mut names, mut documents, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for version in sealed {
        match version {
            Sealed::Whole(SealedDocument { id, revision, sealed }) => {
                documents.push((id.to_string(), revision.to_string(), sealed.to_vec()));
                names.push((id, revision));
            }
            Sealed::Header(header) => headers.push(header),
        }
    }
    let mut all = Vec::new();
    if !documents.is_empty() {
        let opened = client.pool.run(OpenDocuments { sealer: client.sealer.clone(), documents }).await?;
        let contents = opened
            .map_err(|Unopened { place, source }| SyncError::Open { document: names.swap_remove(place).0, source })?;
        let version = |((id, revision), content)| Incoming { id, revision, content: Held::from(content) };
        all.extend(names.into_iter().zip(contents).map(version));
    }
    if !headers.is_empty() {
        let sealer = client.sealer.clone();
        let prove = move || headers.into_iter().map(|header| prove(&sealer, header)).collect::<Result<Vec<_>, _>>();
        all.extend(off_reactor(prove).await.ok_or(SyncError::BrokenOff)??);
    }
    Ok(all)
}

fn prove(sealer: &DocumentSealer, header: SealedDocument) -> Result<Incoming, SyncError> {
    let SealedDocument { id, revision, sealed } = header;
    let label = sealed.last_chunk().ok_or_else(|| SyncError::Protocol("a header has no label".to_owned()))?;
    match sealer.open_label(id.as_str(), &revision.to_string(), label) {
        Ok(length) => Ok(Incoming { id, revision, content: length.map_or(Held::Deleted, Held::Absent) }),
        Err(source) => Err(SyncError::Open { document: id, source }),
    }
}
