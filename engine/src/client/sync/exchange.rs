//! One exchange between a replica and a server: compare both states, push, pull, record. Where there is nothing to do, the
//! first request is the only one.

use reqwest::Method;

use super::client::{SyncClient, SyncReport};
use super::pull::pull;
use super::push::push;
use super::state::SyncState;
use crate::client::SyncError;
use crate::client::connection::{self, parse};
use crate::document::{Position, ReplicaId};
use crate::protocol::{Contents, Note, SyncInfo};
use crate::store::{Replica, StoreError};

/// Attempts at an exchange. After an interrupted one the server may still be writing what had arrived, so the next one may
/// find that it was overtaken. Where a copy of the replica is active, the next attempt detects it.
const ATTEMPTS: usize = 4;

impl SyncClient {
    /// Exchanges everything that either side lacks. Changes made here meanwhile may have to wait for the next exchange.
    ///
    /// # Errors
    /// [`SyncError`]. What was acknowledged before an error stays; the next exchange continues from there.
    pub async fn sync(&self, replica: &Replica) -> Result<SyncReport, SyncError> {
        self.sync_with(replica, Contents::Yes).await
    }

    /// As [`SyncClient::sync`], but receives only the headers of others' documents: ids, revisions, lengths, and which are
    /// deleted. [`SyncClient::fetch_contents`] fetches their contents; until then [`Replica::get`] returns
    /// [`StoreError::Absent`]. A later [`SyncClient::sync`] receives whole documents that are new then, and fetches no
    /// contents that were left out before.
    ///
    /// # Errors
    /// As [`SyncClient::sync`].
    pub async fn sync_metadata(&self, replica: &Replica) -> Result<SyncReport, SyncError> {
        self.sync_with(replica, Contents::No).await
    }

    async fn sync_with(&self, replica: &Replica, contents: Contents) -> Result<SyncReport, SyncError> {
        let _lock = replica.lock_sync().await;
        let mut report = SyncReport::default();
        for _ in 1..ATTEMPTS {
            match self.exchange(replica, contents, &mut report).await {
                Err(SyncError::Overtaken | SyncError::Store(StoreError::Overtaken)) => {}
                result => return result.map(|()| report),
            }
        }
        self.exchange(replica, contents, &mut report).await.map(|()| report)
    }

    async fn exchange(&self, replica: &Replica, contents: Contents, report: &mut SyncReport) -> Result<(), SyncError> {
        let known = replica.peers().await?.first().copied();
        let seen = known.map_or(Position::START, |peer| peer.seen);
        let info = self.info(replica.id(), seen, report).await?;
        let mut state = SyncState::compare(replica, known, &info).await?;
        if replica.has_changes_for(state.store, state.pushed).await? {
            push(self, replica, &mut state, report).await?;
        }
        if state.seen != state.position {
            pull(self, replica, contents, &mut state, report).await?;
            self.record_seen(replica, &state, report).await?;
        }
        Ok(())
    }

    async fn info(&self, replica: ReplicaId, seen: Position, report: &mut SyncReport) -> Result<SyncInfo, SyncError> {
        let request = self.connection.request(Method::GET, &["peers", &replica.to_string()]).query(&seen);
        report.requests += 1;
        parse(&connection::read(connection::send(request).await?).await?)
    }

    /// Reports to the server how far this replica has synchronised, so that the server detects an old copy of it.
    async fn record_seen(
        &self,
        replica: &Replica,
        state: &SyncState,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let to = replica.pushed_to(state.store).await?;
        let note = Note { from: state.noted, to, seen: state.seen };
        let path = ["peers", &replica.id().to_string()];
        report.requests += 1;
        connection::send(self.connection.request(Method::PUT, &path).json(&note)).await?;
        replica.record_push(state.store, to.generation, None).await?;
        Ok(())
    }
}
