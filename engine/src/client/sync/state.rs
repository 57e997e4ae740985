//! How far a replica and a server's store have synchronised, as an exchange knows it.

use crate::client::SyncError;
use crate::document::{Generation, Position, ReplicaId};
use crate::protocol::SyncInfo;
use crate::store::{Peer, Replica};

/// The progress of synchronisation between a replica and a store.
pub(super) struct SyncState {
    /// The store's id.
    pub(super) store: ReplicaId,
    /// The head of the store's history.
    pub(super) position: Position,
    /// Up to this position of the store's history, everything is here.
    pub(super) seen: Position,
    /// Up to this generation, the store has everything made here.
    pub(super) pushed: Generation,
    /// The position of the replica's history that the store has recorded.
    pub(super) noted: Position,
}

impl SyncState {
    /// Compares what the replica knows of the store with what the store reports.
    ///
    /// # Errors
    /// [`SyncError::ReplicaMismatch`] and [`SyncError::ServerMismatch`] where one side was restored or replaced.
    pub(super) async fn compare(replica: &Replica, known: Option<Peer>, info: &SyncInfo) -> Result<Self, SyncError> {
        if !replica.has_been_at(info.noted).await? {
            return Err(SyncError::ReplicaMismatch);
        }
        let peer = match known {
            Some(peer) if peer.id != info.store || info.noted.generation < peer.acknowledged => {
                return Err(SyncError::ServerMismatch);
            }
            Some(peer) => peer,
            None => Peer { id: info.store, pushed: 0, acknowledged: 0, seen: Position::START },
        };
        // What the server recorded was pushed, even if its acknowledgement never arrived.
        let pushed = peer.pushed.max(info.noted.generation);
        Ok(Self { store: info.store, position: info.position, seen: peer.seen, pushed, noted: info.noted })
    }
}
