//! Gets rid of tombstones, here, at the server and on the user's other devices, as soon as all of them have seen them;
//! and of the replicas that will never see anything again.

use reqwest::Method;

use super::SyncError;
use super::connection;
use super::sync::SyncClient;
use crate::document::{Position, ReplicaId};
use crate::protocol::{KnownReplica, KnownReplicas, PURGE_LIMIT, PurgeAnswer, PurgeRequest, Tombstone};
use crate::store::Replica;

/// Bytes of tombstones in one request, at most: the server reads a megabyte.
const REQUEST_BYTES: usize = 512 << 10;

impl SyncClient {
    /// Synchronises, has the server purge the tombstones that every replica of the user has, and drops them here. The other
    /// devices drop them when they synchronise. A replica that is gone for good holds up all that was deleted since: see
    /// [`SyncClient::replicas`] and [`SyncClient::forget`].
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn purge(&self, replica: &Replica) -> Result<PurgeAnswer, SyncError> {
        self.sync(replica).await?;
        let seen = replica.peers().await?.first().map_or(Position::START, |peer| peer.seen);
        let mut answer = PurgeAnswer::default();
        let mut after = 0;
        loop {
            let page = replica.tombstones(after, PURGE_LIMIT).await?;
            let (mut tombstones, mut bytes) = (Vec::new(), 0);
            for deleted in page {
                bytes += deleted.id.as_str().len() + deleted.revision.to_string().len() + 64;
                if bytes > REQUEST_BYTES && !tombstones.is_empty() {
                    break;
                }
                after = deleted.generation;
                tombstones.push(Tombstone { id: deleted.id, revision: deleted.revision });
            }
            let last = tombstones.is_empty();
            let part = self.ask_to_purge(replica.id(), PurgeRequest { seen, tombstones }).await?;
            answer.purged += part.purged;
            answer.waiting += part.waiting;
            if last {
                break;
            }
        }
        self.sync(replica).await?;
        Ok(answer)
    }

    async fn ask_to_purge(&self, replica: ReplicaId, request: PurgeRequest) -> Result<PurgeAnswer, SyncError> {
        let path = ["peers", &replica.to_string(), "tombstones"];
        let answer = connection::send(self.connection.request(Method::POST, &path).json(&request)).await?;
        read(&connection::read(answer).await?)
    }

    /// The user's replicas as the server knows them, the one that it has not heard of for longest first.
    ///
    /// # Errors
    /// [`SyncError`].
    pub async fn replicas(&self) -> Result<Vec<KnownReplica>, SyncError> {
        let answer = connection::send(self.connection.request(Method::GET, &["peers"])).await?;
        Ok(read::<KnownReplicas>(&connection::read(answer).await?)?.replicas)
    }

    /// Has the server forget a replica that will not come back. If it does, it is refused ([`SyncError::Forgotten`]), for it
    /// might bring back what was deleted. What it had not sent by then is on it alone.
    ///
    /// # Errors
    /// [`SyncError::Refused`] where the server knows no such replica.
    pub async fn forget(&self, replica: ReplicaId) -> Result<(), SyncError> {
        connection::send(self.connection.request(Method::DELETE, &["peers", &replica.to_string()])).await?;
        Ok(())
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, SyncError> {
    serde_json::from_slice(answer).map_err(|error| SyncError::Protocol(error.to_string()))
}
