//! Errors of operations on blobs. No message may show content.

use crate::client::SyncError;
use crate::crypto::{OpenError, SealError};
use crate::pool::PoolError;
use crate::store::{BlobAddress, BlobState, BlobStoreError, FailureCause, InvalidBlobAddress, TransferFailure};

/// An operation on a blob failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The store or index of this device failed, or rejected the operation.
    #[error(transparent)]
    Store(#[from] BlobStoreError),
    /// The exchange with the server failed.
    #[error(transparent)]
    Exchange(#[from] SyncError),
    /// The server sent an invalid blob name.
    #[error("from the server: {0}")]
    Name(#[from] InvalidBlobAddress),
    /// The content cannot be sealed.
    #[error("blob {address} cannot be sealed: {source}")]
    Seal {
        /// Which blob.
        address: BlobAddress,
        /// The cause.
        source: SealError,
    },
    /// The stored bytes cannot be opened: they were altered, or belong to other keys.
    #[error("blob {address} cannot be opened from this device's storage: {source}")]
    Open {
        /// Which blob.
        address: BlobAddress,
        /// The cause.
        source: OpenError,
    },
    /// The crypto pool failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The content has another length than announced.
    #[error("blob {address} was announced with {length} bytes, but its content has more or fewer")]
    Length {
        /// Which blob.
        address: BlobAddress,
        /// Bytes announced.
        length: u64,
    },
    /// The content cannot be read, or what was opened cannot be written.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A range is not within the blob.
    #[error("blob {address} has {length} bytes; the requested range is not within it")]
    Range {
        /// Which blob.
        address: BlobAddress,
        /// Bytes of its content.
        length: u64,
    },
    /// The content is not on this device.
    #[error("blob {address} is {} and not on this device; fetch it first", state.as_str())]
    NotHere {
        /// Which blob.
        address: BlobAddress,
        /// Its state.
        state: BlobState,
    },
    /// The transfer was given up.
    #[error("blob {address} cannot be transferred: {failure}")]
    Failed {
        /// Which blob.
        address: BlobAddress,
        /// The cause.
        failure: TransferFailure,
    },
    /// The server's bytes for this blob failed verification.
    #[error("blob {0} failed verification three times; the server's copy is unusable and was discarded")]
    Quarantined(BlobAddress),
    /// The server is unreachable or rejected the token.
    #[error("blob {address} waits for the server: {failure}")]
    Waiting {
        /// Which blob.
        address: BlobAddress,
        /// The cause.
        failure: TransferFailure,
    },
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
}

impl From<BlobError> for TransferFailure {
    fn from(error: BlobError) -> Self {
        let cause = match &error {
            BlobError::Failed { failure, .. } | BlobError::Waiting { failure, .. } => failure.cause,
            _ => FailureCause::Other,
        };
        Self { message: error.to_string(), cause }
    }
}
