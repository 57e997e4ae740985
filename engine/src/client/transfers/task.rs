//! The context of a transfer: what all transfers share, and how one waits. Waiting for the network ends when the transfer is
//! stopped or stalls; work on the store is never interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::deletions::Deletions;
use super::error::TransferError;
use super::progress::TransferProgress;
use super::throttle::Throttle;
use crate::client::Blobs;
use crate::client::connection::Connection;
use crate::store::{BlobAddress, BlobRecord};

/// How long a transfer may make no progress.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What all transfers of a client share.
pub(super) struct Shared {
    pub(super) blobs: Blobs,
    pub(super) connection: Connection,
    pub(super) throttle: Throttle,
    pub(super) progress: watch::Sender<TransferProgress>,
    pub(super) deletions: Deletions,
}

impl Shared {
    /// Without a bandwidth limit, and without running transfers.
    pub(super) fn new(blobs: Blobs, connection: Connection) -> Self {
        Self {
            blobs,
            connection,
            throttle: Throttle::new(None),
            progress: watch::Sender::default(),
            deletions: Deletions::default(),
        }
    }
}

/// One running transfer.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    /// The record of the blob at the start.
    pub(super) record: BlobRecord,
    pub(super) stop: CancellationToken,
    /// Incremented with every sign of progress.
    heartbeats: Arc<AtomicU64>,
    /// Whether the device has more of the blob than before.
    advanced: Arc<AtomicBool>,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, record: BlobRecord, stop: CancellationToken) -> Self {
        Self { shared, record, stop, heartbeats: Arc::default(), advanced: Arc::default() }
    }

    pub(super) fn address(&self) -> &BlobAddress {
        &self.record.address
    }

    /// The path of the blob at the server.
    pub(super) fn path(&self) -> [&str; 3] {
        ["blobs", self.address().namespace(), self.address().id()]
    }

    /// The path of an unfinished upload of it.
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
            () = self.stalled() => Err(TransferError::Stalled(STALL_TIMEOUT)),
        }
    }

    /// Waits until `bytes` may be transferred, or until the transfer is stopped.
    pub(super) async fn throttle(&self, bytes: usize) -> Result<(), TransferError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(TransferError::Stopped),
            () = self.shared.throttle.take(bytes, || self.heartbeat()) => Ok(()),
        }
    }

    /// Publishes the progress of the transfer.
    pub(super) fn report_progress(&self, done: u64, total: Option<u64>) {
        self.heartbeat();
        self.shared.progress.send_modify(|progress| progress.update(self.address(), done, total));
    }

    /// Records that the next try resumes further on than this one did.
    pub(super) fn mark_advanced(&self) {
        self.advanced.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_advanced(&self) -> bool {
        self.advanced.load(Ordering::Relaxed)
    }

    /// Records progress, so that the transfer does not count as stalled.
    pub(super) fn heartbeat(&self) {
        self.heartbeats.fetch_add(1, Ordering::Relaxed);
    }

    async fn stalled(&self) {
        loop {
            let before = self.heartbeats.load(Ordering::Relaxed);
            tokio::time::sleep(STALL_TIMEOUT).await;
            if self.heartbeats.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}
