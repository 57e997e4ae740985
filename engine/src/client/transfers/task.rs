//! What every transfer works with: what all share, and its own way to wait. Waiting for the network ends when the
//! transfer is told to stop or when nothing moves; work on the store is never broken off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::deletions::Deletions;
use super::failure::TransferError;
use super::progress::TransferProgress;
use super::throttle::Throttle;
use crate::client::blobs::Blobs;
use crate::client::connection::Connection;
use crate::store::{BlobAddress, BlobRecord};

/// How long nothing may move.
const STALL: Duration = Duration::from_secs(30);

/// What all transfers of a client share.
pub(in crate::client) struct Shared {
    pub(in crate::client) blobs: Blobs,
    pub(in crate::client) connection: Connection,
    pub(in crate::client) throttle: Throttle,
    pub(in crate::client) progress: watch::Sender<TransferProgress>,
    pub(in crate::client) deletions: Deletions,
}

impl Shared {
    /// No bound on the bandwidth, and nothing under way.
    pub(in crate::client) fn new(blobs: Blobs, connection: Connection) -> Self {
        Self {
            blobs,
            connection,
            throttle: Throttle::new(None),
            progress: watch::Sender::default(),
            deletions: Deletions::default(),
        }
    }
}

/// One transfer under way.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    /// As the index said at the start.
    pub(super) record: BlobRecord,
    pub(super) stop: CancellationToken,
    /// Goes up with every sign of life.
    pulse: Arc<AtomicU64>,
    /// Whether some of the blob is here now that was not here before.
    advanced: Arc<AtomicBool>,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, record: BlobRecord, stop: CancellationToken) -> Self {
        Self { shared, record, stop, pulse: Arc::default(), advanced: Arc::default() }
    }

    pub(super) fn address(&self) -> &BlobAddress {
        &self.record.address
    }

    /// Where the blob is at the server.
    pub(super) fn path(&self) -> [&str; 3] {
        ["blobs", self.address().namespace(), self.address().id()]
    }

    /// Where an upload of it is, that is not whole yet.
    pub(super) fn upload_path(&self) -> [&str; 4] {
        ["blobs", self.address().namespace(), self.address().id(), "upload"]
    }

    /// Waits for the network.
    pub(super) async fn network<T, E: Into<TransferError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, TransferError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(TransferError::Stopped),
            result = work => result.map_err(Into::into),
            () = self.stalled() => Err(TransferError::Stalled(STALL)),
        }
    }

    /// Waits until so many bytes may be moved, or until told to stop.
    pub(super) async fn throttle(&self, bytes: usize) -> Result<(), TransferError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(TransferError::Stopped),
            () = self.shared.throttle.take(bytes, || self.alive()) => Ok(()),
        }
    }

    /// Says where the transfer stands.
    pub(super) fn at(&self, done: u64, total: Option<u64>) {
        self.alive();
        self.shared.progress.send_modify(|progress| progress.at(self.address(), done, total));
    }

    /// Notes that the next try begins further on than this one did.
    pub(super) fn advance(&self) {
        self.advanced.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_advanced(&self) -> bool {
        self.advanced.load(Ordering::Relaxed)
    }

    /// Gives a sign of life.
    pub(super) fn alive(&self) {
        self.pulse.fetch_add(1, Ordering::Relaxed);
    }

    async fn stalled(&self) {
        loop {
            let before = self.pulse.load(Ordering::Relaxed);
            tokio::time::sleep(STALL).await;
            if self.pulse.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}
