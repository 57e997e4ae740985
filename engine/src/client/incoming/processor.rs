//! Processes one message under one lease, step by step: fetch, decrypt, store, report, delete. The future may be dropped
//! between any two steps; the lease then expires, and the next device finds what was stored.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use super::requests::{self, LeaseResult};
use super::stored_message::{self, StoreMessageError};
use crate::client::connection::Connection;
use crate::client::{Blobs, KeyRing, KeyRingError, SyncError};
use crate::crypto::{Decrypted, OpenPgpError};
use crate::pool::{Pool, PoolError};
use crate::protocol::{Lease, Outcome};
use crate::store::StoreError;

/// Most bytes of a message, encrypted or not.
const MESSAGE_LIMIT: usize = 128 << 20;

/// Messages longer than this are processed one at a time, because decryption holds several copies of one in memory.
const LARGE: u64 = 8 << 20;

/// Leases of a message encrypted to another key after which it fails. Until then a synchronisation may bring the key.
const TRIES: u32 = 5;

/// The longest interval between renewals of a lease while its message is processed.
const MAX_RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// What became of a message.
#[derive(Debug)]
pub(super) enum MessageOutcome {
    /// It was stored on this device just now.
    Stored,
    /// It had been stored before.
    AlreadyStored,
    /// Another device has the lease, or has processed it.
    LeaseLost,
    /// It can never be decrypted, and the server was told so.
    Failed(String),
    /// A temporary error occurred. Its lease expires, and it is leased again.
    Postponed(String),
}

/// Why the steps were not completed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("its lease is lost")]
    LeaseLost,
    #[error("{0}")]
    Unreadable(#[from] OpenPgpError),
    #[error(transparent)]
    Exchange(#[from] SyncError),
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    #[error(transparent)]
    StoreMessage(#[from] StoreMessageError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// What the steps need.
pub(super) struct Processor {
    pub(super) connection: Connection,
    pub(super) ring: KeyRing,
    pub(super) blobs: Blobs,
    /// Where messages are decrypted.
    pub(super) pool: Pool,
    /// One permit, for large messages.
    pub(super) large: Semaphore,
}

impl Processor {
    /// Processes a message as far as possible, and renews its lease meanwhile.
    pub(super) async fn process(&self, lease: &Lease) -> MessageOutcome {
        let result = tokio::select! {
            result = self.run_steps(lease) => result,
            () = self.keep_lease(lease) => Err(StepError::LeaseLost),
        };
        match result {
            Ok(outcome) => outcome,
            Err(StepError::LeaseLost) => MessageOutcome::LeaseLost,
            Err(StepError::Unreadable(error)) if error != OpenPgpError::AnotherKey || lease.tries >= TRIES => {
                match requests::set_state(&self.connection, lease, Outcome::Failed).await {
                    Ok(LeaseResult::Done(())) => MessageOutcome::Failed(error.to_string()),
                    Ok(LeaseResult::Lost) => MessageOutcome::LeaseLost,
                    Err(error) => MessageOutcome::Postponed(error.to_string()),
                }
            }
            Err(error) => MessageOutcome::Postponed(error.to_string()),
        }
    }

    async fn run_steps(&self, lease: &Lease) -> Result<MessageOutcome, StepError> {
        let replica = self.ring.replica();
        let outcome = if stored_message::is_stored(replica, &lease.id).await? {
            MessageOutcome::AlreadyStored
        } else {
            let _permit = if lease.length > LARGE { self.large.acquire().await.ok() } else { None };
            let decrypted = self.decrypt(lease).await?;
            stored_message::store(replica, &self.blobs, &lease.id, decrypted).await?;
            MessageOutcome::Stored
        };
        // The message is durable: from here on the server may forget it.
        if let LeaseResult::Lost = requests::set_state(&self.connection, lease, Outcome::Processed).await? {
            return Err(StepError::LeaseLost);
        }
        // If this fails, the server deletes the message by itself later.
        if let Err(error) = requests::delete(&self.connection, lease).await {
            tracing::debug!(%error, "a processed message is not deleted yet");
        }
        Ok(outcome)
    }

    async fn decrypt(&self, lease: &Lease) -> Result<Decrypted, StepError> {
        if lease.length > MESSAGE_LIMIT as u64 {
            return Err(OpenPgpError::TooLong { what: "message", limit: MESSAGE_LIMIT }.into());
        }
        let bytes = match requests::fetch(&self.connection, lease).await? {
            LeaseResult::Done(bytes) => bytes,
            LeaseResult::Lost => return Err(StepError::LeaseLost),
        };
        let keys = self.ring.unlocked().await?;
        Ok(self.pool.decrypt(keys.all(), bytes, MESSAGE_LIMIT).await??)
    }

    /// Renews the lease for as long as it is polled; returns when the lease is lost.
    async fn keep_lease(&self, lease: &Lease) {
        let interval = renewal_interval(lease.expires, SystemTime::now());
        loop {
            tokio::time::sleep(interval).await;
            // Any other error also occurs in the steps, or is temporary.
            if let Ok(LeaseResult::Lost) = requests::renew(&self.connection, lease).await {
                return;
            }
        }
    }
}

/// A third of the lease's remaining time. It is the server's clock; a clock that differs only changes how often it is renewed.
fn renewal_interval(expires: i64, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let remaining = u64::try_from(expires).unwrap_or(0).saturating_sub(now);
    Duration::from_secs(remaining / 3).clamp(Duration::from_secs(1), MAX_RENEWAL_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_renewed_in_time_but_not_too_often() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (expires, seconds) in [(1090, 30), (1300, 60), (i64::MAX, 60), (1001, 1), (0, 1), (i64::MIN, 1)] {
            assert_eq!(renewal_interval(expires, now), Duration::from_secs(seconds), "{expires}");
        }
    }
}
