//! The client for incoming messages: a round of them, and rounds for ever. Messages of a round are processed a few at a
//! time; one that is in trouble never holds up the others.

use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::processing::{self, Fate};
use super::requests;
use super::stored::StoredMessage;
use crate::client::connection::{self, Connection};
use crate::client::keyring::{KeyRing, KeyRingError, register};
use crate::client::transfers::{delay, random};
use crate::client::{Blobs, SyncError};
use crate::config::Config;
use crate::crypto::Fingerprint;
use crate::document::DocumentId;

/// Messages that are processed at once.
const AT_ONCE: usize = 4;

/// Messages of a round of [`IncomingClient::run`], after which it looks whether it shall stop.
const ROUND: usize = 64;

/// Processes the incoming messages of one user on one device. Several devices may do so at the same time.
pub struct IncomingClient {
    pub(super) connection: Connection,
    pub(super) ring: KeyRing,
    pub(super) blobs: Blobs,
    /// The turn of large messages.
    pub(super) large: Semaphore,
}

/// What a round did.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingReport {
    /// Messages that were reserved.
    pub reserved: usize,
    /// Messages that are documents now: durable here, and forgotten by the server. They are to be synchronised next.
    pub stored: usize,
    /// Messages that were documents before, and that the server was told of now.
    pub known: usize,
    /// Messages that another device took over.
    pub lost: usize,
    /// Messages that cannot be opened, by the id of the document they would be, and why.
    pub failed: Vec<(DocumentId, String)>,
    /// Messages that come again when their lease has run out, and why.
    pub postponed: Vec<(DocumentId, String)>,
}

impl IncomingClient {
    /// A client for the messages of the user whose blobs and key ring these are, at the server at `address`.
    ///
    /// # Errors
    /// [`SyncError::Address`] or [`SyncError::Token`] where these cannot be used.
    pub fn new(config: &Config, address: &str, token: &str, ring: KeyRing, blobs: &Blobs) -> Result<Self, SyncError> {
        Ok(Self {
            connection: Connection::new(&config.http, Some(connection::PATIENCE), address, blobs.user(), token)?,
            ring,
            blobs: blobs.clone(),
            large: Semaphore::new(1),
        })
    }

    /// The user's keys.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Makes the server encrypt to the key of the ring that counts ([`KeyRing::establish`] makes sure that there is one).
    /// The fingerprint is the one that both ends show.
    ///
    /// # Errors
    /// [`KeyRingError::Foreign`] where the server has a key that is not in the ring; it is not replaced then.
    pub async fn register(&self) -> Result<Fingerprint, KeyRingError> {
        register(&self.connection, &self.ring).await
    }

    /// Reserves and processes messages until none waits, `limit` have been reserved, or one comes for the second time.
    /// It may be dropped at any moment: nothing is lost, and nothing is stored twice.
    ///
    /// # Errors
    /// Where no message can be reserved. What happens to a single message is in the report.
    pub async fn process_once(&self, limit: usize) -> Result<IncomingReport, SyncError> {
        let mut report = IncomingReport::default();
        let mut seen = std::collections::HashSet::new();
        while report.reserved < limit {
            let leases = requests::reserve(&self.connection, AT_ONCE.min(limit - report.reserved)).await?;
            // One that came before in this round is given to us only because its lease is short. It can wait.
            let again = leases.iter().any(|lease| seen.contains(&lease.id));
            let leases: Vec<_> = leases.into_iter().filter(|lease| seen.insert(lease.id.clone())).collect();
            if leases.is_empty() {
                break;
            }
            report.reserved += leases.len();
            let fates = join_all(leases.iter().map(|lease| processing::process(self, lease))).await;
            for (lease, fate) in leases.iter().zip(fates) {
                report.count(StoredMessage::document_id(&lease.id), fate);
            }
            if again {
                break;
            }
        }
        Ok(report)
    }

    /// Processes messages until `stop` is ready, looking for new ones once in `every`, and less often while the server is
    /// out of reach. What is under way when it stops is left as if the device had been switched off.
    pub async fn run(&self, every: Duration, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut failures = 0;
        loop {
            let round = tokio::select! {
                biased;
                () = &mut stop => return,
                round = self.process_once(ROUND) => round,
            };
            let pause = match round {
                Ok(report) if report.reserved == ROUND && report.postponed.is_empty() => Duration::ZERO,
                Ok(_) => {
                    failures = 0;
                    every
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "incoming messages cannot be reserved; this will be tried again");
                    every.max(delay(failures, random()))
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl IncomingReport {
    fn count(&mut self, document: DocumentId, fate: Fate) {
        match fate {
            Fate::Stored => self.stored += 1,
            Fate::Known => self.known += 1,
            Fate::Lost => self.lost += 1,
            Fate::Failed(why) => {
                tracing::warn!(%document, why, "an incoming message cannot be opened");
                self.failed.push((document, why));
            }
            Fate::Postponed(why) => {
                tracing::info!(%document, why, "an incoming message is left for later");
                self.postponed.push((document, why));
            }
        }
    }
}
