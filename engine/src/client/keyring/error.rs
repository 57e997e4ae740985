//! Errors of the key ring. No message shows key material.

use crate::client::SyncError;
use crate::crypto::{Fingerprint, OpenPgpError};
use crate::store::StoreError;

/// The key ring could not be read, changed or registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The replica failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The exchange with the server failed.
    #[error(transparent)]
    Exchange(#[from] SyncError),
    /// A key cannot be generated or unwrapped.
    #[error("an OpenPGP key of this user: {0}")]
    Key(#[from] OpenPgpError),
    /// The document is not in the format that this program writes.
    #[error(
        "the document with the OpenPGP keys cannot be read ({0}) and was not changed; was it written by a newer program?"
    )]
    Damaged(String),
    /// There is no key yet.
    #[error("this user has no OpenPGP key yet; synchronise, then establish one")]
    Absent,
    /// The document or the server's slot changed during every attempt.
    #[error("other devices keep changing the OpenPGP keys; try again")]
    Overtaken,
    /// The server has a key that is not in the ring.
    #[error(
        "the server encrypts mail to the key {registered}, which is not in this user's key ring (its key is {own}); \
         synchronise and try again; if that does not help, somebody else registered it"
    )]
    Foreign {
        /// The key at the server.
        registered: Fingerprint,
        /// The key that should be there.
        own: Fingerprint,
    },
    /// Unlocking was cancelled.
    #[error("unlocking the OpenPGP keys was cancelled")]
    Cancelled,
}
