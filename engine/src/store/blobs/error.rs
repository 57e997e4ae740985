//! What can go wrong with the blobs of a device. No message may show a key or content.

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
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// There is a blob of this name, and blobs are immutable.
    #[error("there is a blob {0} already: blobs do not change; delete it, or choose another id")]
    Exists(BlobAddress),
    /// There is no blob of this name here.
    #[error("there is no blob {0} on this device: fetch it first")]
    Absent(BlobAddress),
    /// The blob is not in a state in which this can be done.
    #[error("blob {address} is {}, so it cannot be {wanted}", state.as_str())]
    State {
        /// Which blob.
        address: BlobAddress,
        /// Its state.
        state: BlobState,
        /// What was wanted, as a participle.
        wanted: &'static str,
    },
    /// Another process, or another part of this one, has these blobs open.
    #[error("the blobs in {0} are open already: close the other program first")]
    InUse(std::path::PathBuf),
    /// Content was read or continued where there is none.
    #[error("the content is not all there: {length} bytes of it are stored, and byte {offset} was to be reached")]
    Gap {
        /// Bytes stored.
        length: u64,
        /// Where the reading or writing was to begin or end.
        offset: u64,
    },
}

impl From<rusqlite::Error> for BlobStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}
