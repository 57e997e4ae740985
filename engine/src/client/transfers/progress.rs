//! What the transfers are doing, for whoever watches: a snapshot that is replaced at every chunk. Nothing is decided from it.

use crate::store::{BlobAddress, Priority, Work};

/// All transfers of a client at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferProgress {
    /// How many wait, for their turn or for another try.
    pub waiting: usize,
    /// Those under way, in the order of their start.
    pub running: Vec<RunningTransfer>,
    /// How many came to their end since the client was opened.
    pub done: u64,
    /// How many were given up since then.
    pub failed: u64,
    /// Bytes of blobs sent since then; what was sent twice counts twice.
    pub bytes_sent: u64,
    /// Bytes of blobs received since then.
    pub bytes_received: u64,
}

/// A transfer that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningTransfer {
    /// Of which blob.
    pub address: BlobAddress,
    /// How urgent.
    pub priority: Priority,
    /// Whether the blob goes to the server; else it comes from there, or is deleted.
    pub upload: bool,
    /// Sealed bytes that are over there, or here and verified.
    pub done: u64,
    /// Sealed bytes in all, once known.
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

    /// Where a transfer stands.
    pub(super) fn at(&mut self, address: &BlobAddress, done: u64, total: Option<u64>) {
        if let Some(running) = self.running.iter_mut().find(|running| running.address == *address) {
            (running.done, running.total) = (done, total);
        }
    }
}
