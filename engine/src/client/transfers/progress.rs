//! The progress of transfers, for display: a snapshot that is updated with every chunk. No decision depends on it.

use crate::store::{BlobAddress, Priority, Work};

/// All transfers of a client at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferProgress {
    /// Transfers that wait for a slot or for a retry.
    pub waiting: usize,
    /// Running transfers, in the order of their start.
    pub running: Vec<RunningTransfer>,
    /// Transfers completed since the client was created.
    pub done: u64,
    /// Transfers given up since then.
    pub failed: u64,
    /// Bytes of blobs sent since then; bytes that were sent twice count twice.
    pub bytes_sent: u64,
    /// Bytes of blobs received since then.
    pub bytes_received: u64,
}

/// A running transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningTransfer {
    /// The blob.
    pub address: BlobAddress,
    /// Its priority.
    pub priority: Priority,
    /// Whether the blob is uploaded; otherwise it is downloaded or deleted.
    pub upload: bool,
    /// Sealed bytes sent, or received and verified.
    pub done: u64,
    /// Sealed bytes of the whole blob, once known.
    pub total: Option<u64>,
}

impl TransferProgress {
    pub(super) fn start(&mut self, address: &BlobAddress, work: Work, priority: Priority) {
        let upload = work == Work::Upload;
        self.running.push(RunningTransfer { address: address.clone(), priority, upload, done: 0, total: None });
    }

    pub(super) fn end(&mut self, address: &BlobAddress) {
        self.running.retain(|running| running.address != *address);
    }

    /// Updates a transfer.
    pub(super) fn update(&mut self, address: &BlobAddress, done: u64, total: Option<u64>) {
        if let Some(running) = self.running.iter_mut().find(|running| running.address == *address) {
            (running.done, running.total) = (done, total);
        }
    }
}
