//! Errors of the blobs on a device. No message may show a key or content.

use super::{BlobAddress, BlobState};
use crate::store::DatabaseError;

/// An operation on the blobs of a device failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobStoreError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The file system failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A blob of this name exists, and blobs are immutable.
    #[error("blob {0} already exists, and blobs cannot be changed; delete it or choose another id")]
    Exists(BlobAddress),
    /// There is no blob of this name on this device.
    #[error("blob {0} is not on this device; fetch it first")]
    Absent(BlobAddress),
    /// The state of the blob does not allow the operation.
    #[error("blob {address} is {}, so it cannot be {wanted}", state.as_str())]
    State {
        /// Which blob.
        address: BlobAddress,
        /// Its state.
        state: BlobState,
        /// The operation, as a participle.
        wanted: &'static str,
    },
    /// Another process, or another part of this one, has these blobs open.
    #[error("the blobs in {0} are in use by another program; close it first")]
    InUse(std::path::PathBuf),
    /// A read or write is beyond the stored bytes.
    #[error("incomplete content: {length} bytes are stored, and the operation needs byte {offset}")]
    Gap {
        /// Bytes stored.
        length: u64,
        /// Where the read or write begins or ends.
        offset: u64,
    },
}

impl From<rusqlite::Error> for BlobStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}
