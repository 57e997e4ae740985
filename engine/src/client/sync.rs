//! One exchange between a replica and a server: ask how both stand, send, fetch, note. Where there is nothing to do, the
//! first request is the only one. Nothing is exchanged with a server or by a replica that was restored or replaced.

use std::sync::Arc;

use reqwest::Method;

use super::connection::{self, Connection};
use super::{SyncError, pull, push};
use crate::config::{Config, UploadConfig};
use crate::crypto::{DocumentSealer, Keys};
use crate::document::{Generation, Position, ReplicaId};
use crate::pool::Pool;
use crate::protocol::{Note, SyncInfo, UserName};
use crate::store::{Peer, Replica, StoreError};

/// How often an exchange is begun. After a broken one the server may still be writing what had arrived, and the new one
/// then finds that it was overtaken. Where a copy of the replica is at work, the next beginning tells.
const ATTEMPTS: usize = 4;

/// Synchronises the replicas of one user with one server.
pub struct SyncClient {
    pub(super) connection: Connection,
    pub(super) sealer: Arc<DocumentSealer>,
    pub(super) upload: UploadConfig,
    pub(super) pool: Pool,
}

/// What an exchange did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Versions of documents that were sent and are durable at the server.
    pub documents_sent: u64,
    /// Versions of documents that came, and are durable here.
    pub documents_received: u64,
    /// Bytes of the bodies that carried documents to the server.
    pub bytes_sent: u64,
    /// Bytes of the bodies that carried documents from the server.
    pub bytes_received: u64,
    /// Requests made.
    pub requests: u64,
    /// Documents that came and now have concurrent versions.
    pub conflicts: u64,
}

impl SyncClient {
    /// A client for `user` at the server at `address`, such as `https://sync.example.org`. Plain `http` is accepted for
    /// addresses on this machine only.
    ///
    /// # Errors
    /// [`SyncError::Address`] or [`SyncError::Token`] where these cannot be used.
    pub fn new(config: &Config, address: &str, user: &UserName, token: &str, keys: &Keys) -> Result<Self, SyncError> {
        Ok(Self {
            connection: Connection::new(&config.http, Some(connection::PATIENCE), address, user, token)?,
            sealer: Arc::new(DocumentSealer::new(keys, config.crypto.cipher, config.padding)),
            upload: config.upload,
            pool: Pool::shared(config.crypto.pool),
        })
    }

    /// Exchanges everything that either side lacks. Changes made here meanwhile may have to wait for the next time.
    ///
    /// # Errors
    /// [`SyncError`]. What was acknowledged before an error stays; the next exchange goes on from there.
    pub async fn sync(&self, replica: &Replica) -> Result<SyncReport, SyncError> {
        let _turn = replica.sync_turn().await;
        let mut report = SyncReport::default();
        for _ in 1..ATTEMPTS {
            match self.exchange(replica, &mut report).await {
                Err(SyncError::Overtaken | SyncError::Store(StoreError::Overtaken)) => {}
                outcome => return outcome.map(|()| report),
            }
        }
        self.exchange(replica, &mut report).await.map(|()| report)
    }

    async fn exchange(&self, replica: &Replica, report: &mut SyncReport) -> Result<(), SyncError> {
        let known = replica.peers().await?.first().copied();
        let seen = known.map_or(Position::START, |peer| peer.seen);
        let info = self.info(replica.id(), seen, report).await?;
        let mut standing = standing(replica, known, &info).await?;
        if replica.has_news_for(standing.store, standing.pushed).await? {
            push::push(self, replica, &mut standing, report).await?;
        }
        if standing.seen != standing.position {
            pull::pull(self, replica, &mut standing, report).await?;
            self.note(replica, &standing, report).await?;
        }
        Ok(())
    }

    async fn info(&self, replica: ReplicaId, seen: Position, report: &mut SyncReport) -> Result<SyncInfo, SyncError> {
        let request = self.connection.request(Method::GET, &["peers", &replica.to_string()]).query(&seen);
        report.requests += 1;
        let answer = connection::read(connection::send(request).await?).await?;
        serde_json::from_slice(&answer).map_err(|error| SyncError::Protocol(error.to_string()))
    }

    /// Tells the server how far this replica has come, so that it knows when it is restored from an old copy.
    async fn note(&self, replica: &Replica, at: &Standing, report: &mut SyncReport) -> Result<(), SyncError> {
        let to = replica.pushed_to(at.store).await?;
        let note = Note { from: at.noted, to, seen: at.seen };
        let path = ["peers", &replica.id().to_string()];
        report.requests += 1;
        connection::send(self.connection.request(Method::PUT, &path).json(&note)).await?;
        replica.record_push(at.store, to.generation, None).await?;
        Ok(())
    }
}

/// How a replica and a store stand to each other.
pub(super) struct Standing {
    /// The store's name.
    pub(super) store: ReplicaId,
    /// Where the store's history stands.
    pub(super) position: Position,
    /// How much of it is here.
    pub(super) seen: Position,
    /// Up to here the store has everything made here.
    pub(super) pushed: Generation,
    /// The place in the replica's history that the store has noted.
    pub(super) noted: Position,
}

/// Compares what the replica knows of the store with what the store says.
async fn standing(replica: &Replica, known: Option<Peer>, info: &SyncInfo) -> Result<Standing, SyncError> {
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
    // What the server noted was pushed, even if its acknowledgement never arrived.
    let pushed = peer.pushed.max(info.noted.generation);
    Ok(Standing { store: info.store, position: info.position, seen: peer.seen, pushed, noted: info.noted })
}
