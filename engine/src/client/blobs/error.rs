//! Why something with a blob failed. No message may show content.

use crate::client::SyncError;
use crate::crypto::{OpenError, SealError};
use crate::pool::PoolError;
use crate::store::{BlobAddress, BlobState, BlobStoreError, InvalidBlobAddress};

/// An operation on a blob failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The device's own store or index failed, or refused.
    #[error(transparent)]
    Store(#[from] BlobStoreError),
    /// The exchange with the server failed.
    #[error(transparent)]
    Exchange(#[from] SyncError),
    /// The server named a blob as none can be named.
    #[error("from the server: {0}")]
    Name(#[from] InvalidBlobAddress),
    /// The content cannot be sealed.
    #[error("blob {address} cannot be sealed: {source}")]
    Seal {
        /// Which blob.
        address: BlobAddress,
        /// Why not.
        source: SealError,
    },
    /// What is stored here does not open: the disk altered it, or it belongs to other keys.
    #[error("blob {address}, as it is stored on this device, does not open: {source}")]
    Open {
        /// Which blob.
        address: BlobAddress,
        /// Why not.
        source: OpenError,
    },
    /// The crypto pool failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The content is not the one that was announced.
    #[error("blob {address} was said to have {length} bytes, and its content has more or fewer")]
    Length {
        /// Which blob.
        address: BlobAddress,
        /// Bytes announced.
        length: u64,
    },
    /// The content cannot be read, or what was opened cannot be written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A range goes beyond the blob's end.
    #[error("blob {address} has {length} bytes: the range asked for is not inside")]
    Range {
        /// Which blob.
        address: BlobAddress,
        /// Bytes of its content.
        length: u64,
    },
    /// The content is not here.
    #[error("blob {address} is {} and not on this device: fetch it first", state.as_str())]
    NotHere {
        /// Which blob.
        address: BlobAddress,
        /// How it stands.
        state: BlobState,
    },
    /// The transfer was given up.
    #[error("blob {address} cannot be transferred: {failure}")]
    Failed {
        /// Which blob.
        address: BlobAddress,
        /// Why not.
        failure: String,
    },
    /// The server has something under this name that is not the blob.
    #[error("blob {0} failed verification three times: what the server has is unusable, and was not kept")]
    Quarantined(BlobAddress),
    /// The server cannot be reached or does not accept the token.
    #[error("blob {address} waits for the server: {failure}")]
    Waiting {
        /// Which blob.
        address: BlobAddress,
        /// What is in the way.
        failure: String,
    },
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
}
