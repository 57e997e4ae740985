//! Opens what a server sends: documents in the pool, headers by their labels alone. Nothing leaves here that was not
//! proved to be the version that it claims to be.

use super::SyncError;
use super::off_reactor::off_reactor;
use super::sync::SyncClient;
use crate::crypto::DocumentSealer;
use crate::pool::{OpenDocuments, Unopened};
use crate::protocol::SealedDocument;
use crate::store::{FromPeer, Held, Incoming};

/// A version as it arrives.
pub(super) enum Sealed {
    /// All of it.
    Whole(SealedDocument),
    /// Its label.
    Header(SealedDocument),
}

/// Opens a batch and keeps its order: a mark of what was purged counts before what follows it.
pub(super) async fn open(client: &SyncClient, sealed: Vec<Sealed>) -> Result<Vec<FromPeer>, SyncError> {
    let mut all: Vec<Option<FromPeer>> = sealed.iter().map(|_| None).collect();
    let (mut names, mut documents, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for (place, version) in sealed.into_iter().enumerate() {
        match version {
            Sealed::Whole(SealedDocument { id, revision, sealed }) if sealed.is_empty() => {
                all[place] = Some(FromPeer::Purged { id, revision });
            }
            Sealed::Whole(SealedDocument { id, revision, sealed }) => {
                documents.push((id.to_string(), revision.to_string(), sealed.to_vec()));
                names.push((place, id, revision));
            }
            Sealed::Header(header) => headers.push((place, header)),
        }
    }
    if !documents.is_empty() {
        let opened = client.pool.run(OpenDocuments { sealer: client.sealer.clone(), documents }).await?;
        let contents = opened
            .map_err(|Unopened { place, source }| SyncError::Open { document: names.swap_remove(place).1, source })?;
        for ((place, id, revision), content) in names.into_iter().zip(contents) {
            all[place] = Some(FromPeer::Version(Incoming { id, revision, content: Held::from(content) }));
        }
    }
    if !headers.is_empty() {
        let sealer = client.sealer.clone();
        let prove = move |(place, header)| Ok::<_, SyncError>((place, prove(&sealer, header)?));
        let proved = off_reactor(move || headers.into_iter().map(prove).collect::<Result<Vec<_>, _>>()).await;
        for (place, incoming) in proved.ok_or(SyncError::BrokenOff)?? {
            all[place] = Some(FromPeer::Version(incoming));
        }
    }
    Ok(all.into_iter().flatten().collect())
}

fn prove(sealer: &DocumentSealer, header: SealedDocument) -> Result<Incoming, SyncError> {
    let SealedDocument { id, revision, sealed } = header;
    let label = sealed.last_chunk().ok_or_else(|| SyncError::Protocol("a header has no label".to_owned()))?;
    match sealer.open_label(id.as_str(), &revision.to_string(), label) {
        Ok(length) => Ok(Incoming { id, revision, content: length.map_or(Held::Deleted, Held::Absent) }),
        Err(source) => Err(SyncError::Open { document: id, source }),
    }
}
