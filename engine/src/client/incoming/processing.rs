//! One message under one lease, step by step: fetch, open, store, say so, delete. The future may be dropped between any
//! two of them; what is left is a lease that runs out, and whoever comes next finds what was stored.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::client::IncomingClient;
use super::requests::{self, OnLease};
use super::stored::{self, KeepError};
use crate::client::{KeyRingError, SyncError};
use crate::crypto::{Decrypted, OpenPgpError};
use crate::pool::PoolError;
use crate::protocol::{Lease, Outcome};
use crate::store::StoreError;

/// Most bytes of a message, encrypted or not.
pub(super) const MESSAGE_LIMIT: usize = 128 << 20;

/// Messages longer than this are processed one at a time, each being in memory several times while it is opened.
const LARGE: u64 = 8 << 20;

/// Reservations of a message to another key after which it is given up. Until then a synchronisation may bring the key.
const TRIES: u32 = 5;

/// The longest that a lease goes without being renewed, while its message is processed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What became of a message.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is stored on this device, and was just now.
    Stored,
    /// It had been stored before.
    Known,
    /// Another device has it, or is done with it.
    Lost,
    /// It will never be opened, and the server knows.
    Failed(String),
    /// Something was in the way. Its lease runs out, and it comes again.
    Postponed(String),
}

/// Why the steps were not gone to their end.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("its lease is lost")]
    Lost,
    #[error("{0}")]
    Unreadable(#[from] OpenPgpError),
    #[error(transparent)]
    Exchange(#[from] SyncError),
    #[error(transparent)]
    Ring(#[from] KeyRingError),
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Takes a message as far as it goes, and keeps its lease meanwhile.
pub(super) async fn process(client: &IncomingClient, lease: &Lease) -> Fate {
    let outcome = tokio::select! {
        outcome = steps(client, lease) => outcome,
        () = keep_lease(client, lease) => Err(Obstacle::Lost),
    };
    match outcome {
        Ok(fate) => fate,
        Err(Obstacle::Lost) => Fate::Lost,
        Err(Obstacle::Unreadable(error)) if error != OpenPgpError::AnotherKey || lease.tries >= TRIES => {
            match requests::set_state(&client.connection, lease, Outcome::Failed).await {
                Ok(OnLease::Done(())) => Fate::Failed(error.to_string()),
                Ok(OnLease::Lost) => Fate::Lost,
                Err(later) => Fate::Postponed(later.to_string()),
            }
        }
        Err(later) => Fate::Postponed(later.to_string()),
    }
}

async fn steps(client: &IncomingClient, lease: &Lease) -> Result<Fate, Obstacle> {
    let replica = client.ring.replica();
    let fate = if stored::is_stored(replica, &lease.id).await? {
        Fate::Known
    } else {
        let _turn = if lease.length > LARGE { client.large.acquire().await.ok() } else { None };
        let opened = open(client, lease).await?;
        stored::keep(replica, &client.blobs, &lease.id, opened).await?;
        Fate::Stored
    };
    // It is durable: from here on the server may forget it.
    if let OnLease::Lost = requests::set_state(&client.connection, lease, Outcome::Processed).await? {
        return Err(Obstacle::Lost);
    }
    // Where this fails, the server deletes it by itself in a while.
    if let Err(error) = requests::delete(&client.connection, lease).await {
        tracing::debug!(%error, "a processed message is not deleted yet");
    }
    Ok(fate)
}

async fn open(client: &IncomingClient, lease: &Lease) -> Result<Decrypted, Obstacle> {
    if lease.length > MESSAGE_LIMIT as u64 {
        return Err(OpenPgpError::TooLong { what: "message", limit: MESSAGE_LIMIT }.into());
    }
    let bytes = match requests::fetch(&client.connection, lease).await? {
        OnLease::Done(bytes) => bytes,
        OnLease::Lost => return Err(Obstacle::Lost),
    };
    let keys = client.ring.unlocked().await?;
    Ok(client.pool.decrypt(keys.all(), bytes, MESSAGE_LIMIT).await??)
}

/// Renews the lease for as long as it is polled; ends when it is lost.
async fn keep_lease(client: &IncomingClient, lease: &Lease) {
    let pause = renewal_pause(lease.expires, SystemTime::now());
    loop {
        tokio::time::sleep(pause).await;
        // Any other trouble shows in the steps, or passes.
        if let Ok(OnLease::Lost) = requests::renew(&client.connection, lease).await {
            return;
        }
    }
}

/// A third of what the lease has left; by the server's clock, so a clock that differs only makes it more or less often.
fn renewal_pause(expires: i64, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let left = u64::try_from(expires).unwrap_or(0).saturating_sub(now);
    Duration::from_secs(left / 3).clamp(Duration::from_secs(1), LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_renewed_in_time_and_not_all_the_time() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (expires, seconds) in [(1090, 30), (1300, 60), (i64::MAX, 60), (1001, 1), (0, 1), (i64::MIN, 1)] {
            assert_eq!(renewal_pause(expires, now), Duration::from_secs(seconds), "{expires}");
        }
    }
}
