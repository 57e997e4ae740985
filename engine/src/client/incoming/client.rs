//! The client for incoming messages. It processes one round of them, or rounds until it is stopped. Messages of a round are
//! processed a few at a time; one that fails never delays the others.

use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::processor::{MessageOutcome, Processor};
use super::requests;
use super::stored_message::StoredMessage;
use crate::client::connection::{self, Connection};
use crate::client::keyring::{KeyRing, KeyRingError, register};
use crate::client::transfers::{delay, random};
use crate::client::{Blobs, SyncError};
use crate::config::Config;
use crate::crypto::Fingerprint;
use crate::document::DocumentId;
use crate::pool::Pool;

/// Messages that are processed concurrently.
const CONCURRENCY: usize = 4;

/// Messages of one round of [`IncomingClient::run`]; after each round it checks whether to stop.
const ROUND: usize = 64;

/// Processes the incoming messages of one user on one device. Several devices may do so concurrently.
pub struct IncomingClient {
    processor: Processor,
}

/// What a round did.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingReport {
    /// Messages that were leased.
    pub reserved: usize,
    /// Messages that were stored as documents: durable here, and deleted by the server. Synchronise them next.
    pub stored: usize,
    /// Messages that had been stored before, and were reported to the server now.
    pub known: usize,
    /// Messages whose lease moved to another device.
    pub lost: usize,
    /// Messages that cannot be decrypted, by the id of the document they would have become, and why.
    pub failed: Vec<(DocumentId, String)>,
    /// Messages that are tried again when their lease has expired, and why.
    pub postponed: Vec<(DocumentId, String)>,
}

impl IncomingClient {
    /// A client for the messages of the user whose blobs and key ring these are, at the server at `address`.
    ///
    /// # Errors
    /// [`SyncError::Address`] or [`SyncError::Token`] where these cannot be used.
    pub fn new(config: &Config, address: &str, token: &str, ring: KeyRing, blobs: &Blobs) -> Result<Self, SyncError> {
        let processor = Processor {
            connection: Connection::new(&config.http, Some(connection::TIMEOUT), address, blobs.user(), token)?,
            ring,
            blobs: blobs.clone(),
            pool: Pool::shared(config.crypto.pool),
            large: Semaphore::new(1),
        };
        Ok(Self { processor })
    }

    /// The user's keys.
    pub fn ring(&self) -> &KeyRing {
        &self.processor.ring
    }

    /// Makes the server encrypt to the current key of the ring ([`KeyRing::establish`] makes sure that there is one), and
    /// returns its fingerprint, which the server has confirmed.
    ///
    /// # Errors
    /// [`KeyRingError::Foreign`] where the server has a key that is not in the ring; it is not replaced.
    pub async fn register(&self) -> Result<Fingerprint, KeyRingError> {
        register(&self.processor.connection, &self.processor.ring).await
    }

    /// Leases and processes messages until none is waiting, `limit` have been leased, or one is leased for the second time.
    /// The future may be dropped at any moment: nothing is lost, and nothing is stored twice.
    ///
    /// # Errors
    /// Where no message can be leased. The outcome of each message is in the report.
    pub async fn process_once(&self, limit: usize) -> Result<IncomingReport, SyncError> {
        let mut report = IncomingReport::default();
        let mut seen = std::collections::HashSet::new();
        while report.reserved < limit {
            let leases =
                requests::reserve(&self.processor.connection, CONCURRENCY.min(limit - report.reserved)).await?;
            // A message that this round leased before comes again only because its lease is short. It can wait.
            let again = leases.iter().any(|lease| seen.contains(&lease.id));
            let leases: Vec<_> = leases.into_iter().filter(|lease| seen.insert(lease.id.clone())).collect();
            if leases.is_empty() {
                break;
            }
            report.reserved += leases.len();
            let outcomes = join_all(leases.iter().map(|lease| self.processor.process(lease))).await;
            for (lease, outcome) in leases.iter().zip(outcomes) {
                report.count(StoredMessage::document_id(&lease.id), outcome);
            }
            if again {
                break;
            }
        }
        Ok(report)
    }

    /// Processes messages until `stop` is ready. It looks for new ones once per `interval`, and less often while the server
    /// is unreachable. Work in progress is dropped when it stops.
    pub async fn run(&self, interval: Duration, stop: impl Future<Output = ()>) {
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
                    interval
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "incoming messages cannot be leased; will retry");
                    interval.max(delay(failures, random()))
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
    fn count(&mut self, document: DocumentId, outcome: MessageOutcome) {
        match outcome {
            MessageOutcome::Stored => self.stored += 1,
            MessageOutcome::AlreadyStored => self.known += 1,
            MessageOutcome::LeaseLost => self.lost += 1,
            MessageOutcome::Failed(why) => {
                tracing::warn!(%document, why, "an incoming message cannot be decrypted");
                self.failed.push((document, why));
            }
            MessageOutcome::Postponed(why) => {
                tracing::info!(%document, why, "an incoming message is postponed");
                self.postponed.push((document, why));
            }
        }
    }
}
