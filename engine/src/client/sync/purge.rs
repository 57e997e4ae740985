//! Purges tombstones here, at the server and on the user's other devices once every replica has received them, and forgets
//! replicas that no longer exist.

use reqwest::Method;

use super::client::SyncClient;
use crate::client::SyncError;
use crate::client::connection::{self, parse};
use crate::document::{Position, ReplicaId};
use crate::protocol::{KnownReplica, KnownReplicas, PURGE_LIMIT, PurgeAnswer, PurgeRequest, Tombstone};
use crate::store::Replica;

/// Most bytes of tombstones in one request. The server accepts a megabyte.
const REQUEST_BYTES: usize = 512 << 10;

impl SyncClient {
    /// Synchronises, requests that the server purge the tombstones that every replica of the user has, and drops them here.
    /// The other devices drop them when they synchronise. A replica that no longer exists blocks purging of everything
    /// deleted since its last exchange: see [`SyncClient::replicas`] and [`SyncClient::forget`].
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
            let part = self.request_purge(replica.id(), PurgeRequest { seen, tombstones }).await?;
            answer.purged += part.purged;
            answer.waiting += part.waiting;
            if last {
                break;
            }
        }
        self.sync(replica).await?;
        Ok(answer)
    }

    async fn request_purge(&self, replica: ReplicaId, request: PurgeRequest) -> Result<PurgeAnswer, SyncError> {
        let path = ["peers", &replica.to_string(), "tombstones"];
        let answer = connection::send(self.connection.request(Method::POST, &path).json(&request)).await?;
        parse(&connection::read(answer).await?)
    }

    /// The user's replicas that the server knows, the one that has been silent longest first.
    ///
    /// # Errors
    /// [`SyncError`].
    pub async fn replicas(&self) -> Result<Vec<KnownReplica>, SyncError> {
        let answer = connection::send(self.connection.request(Method::GET, &["peers"])).await?;
        Ok(parse::<KnownReplicas>(&connection::read(answer).await?)?.replicas)
    }

    /// Makes the server forget a replica that no longer exists. If it does connect again, the server rejects it
    /// ([`SyncError::Forgotten`]), because it might bring back deleted documents. Whatever it had not sent stays only on it.
    ///
    /// # Errors
    /// [`SyncError::Rejected`] where the server knows no such replica.
    pub async fn forget(&self, replica: ReplicaId) -> Result<(), SyncError> {
        connection::send(self.connection.request(Method::DELETE, &["peers", &replica.to_string()])).await?;
        Ok(())
    }
}
