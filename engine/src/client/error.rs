//! Errors of an exchange with a server. What was acknowledged before stays; the next exchange continues from there.

use std::path::PathBuf;

use crate::crypto::{OpenError, SealError, UnlockError};
use crate::document::DocumentId;
use crate::pool::PoolError;
use crate::protocol::{FrameError, Problem};
use crate::store::{DatabaseError, StoreError};

/// An exchange with a server failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The server's address cannot be used.
    #[error("the server's address {address}: {why}")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The certificate authorities that the client trusts cannot be read.
    #[error("setting http.ca: {path}: {why}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The token has characters that no token has.
    #[error("invalid token: it contains characters that are not allowed in an HTTP header")]
    Token,
    /// The server cannot be reached, or the connection broke.
    #[error("no answer from the server: {}; try again", chain(.0))]
    Connection(#[source] reqwest::Error),
    /// The server rejected the token.
    #[error("the server rejected the token: it is wrong, expired or revoked")]
    Unauthorized,
    /// The server rejected the request for another reason.
    #[error("the server rejected the request: {0}")]
    Rejected(Problem),
    /// The server's history does not contain what this replica has seen of it.
    #[error("the server was replaced or restored from an old copy; nothing was exchanged, to avoid data loss")]
    ServerMismatch,
    /// The server has recorded a position that this replica's history does not contain.
    #[error("this replica was copied or restored from an old copy; nothing was exchanged; create a new replica")]
    ReplicaMismatch,
    /// The server was told to forget this replica.
    #[error(
        "the server has forgotten this replica and may have purged deletions that it has not seen; nothing was exchanged, \
         so that deleted documents do not come back; create a new replica"
    )]
    Forgotten,
    /// The server has recorded more of this replica than it had when the exchange began.
    #[error("another exchange of this replica is in progress; try again")]
    Overtaken,
    /// The server sent something that violates the protocol.
    #[error("the server violated the protocol: {0}")]
    Protocol(String),
    /// A document from the server cannot be decrypted.
    #[error("document {document} from the server cannot be decrypted: {source}")]
    Open {
        /// Which document.
        document: DocumentId,
        /// The cause.
        source: OpenError,
    },
    /// A document cannot be sealed.
    #[error("a document cannot be sealed: {0}")]
    Seal(#[from] SealError),
    /// The replica failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The crypto pool failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The client is shutting down.
    #[error("the exchange was cancelled")]
    Cancelled,
}

/// The root secret could not be established.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The exchange with the server failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The recovery document cannot be unlocked, for example with a wrong passphrase.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The crypto pool failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Another device changed the slot at the same time.
    #[error("another device changed the recovery document at the same time; try again")]
    Overtaken,
    /// There is nothing to change yet.
    #[error("the server has no recovery document yet; establish one first")]
    Absent,
    /// The local copy cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl From<FrameError> for SyncError {
    fn from(error: FrameError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<DatabaseError> for SyncError {
    fn from(error: DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

impl From<reqwest::Error> for SyncError {
    fn from(error: reqwest::Error) -> Self {
        // The URL contains the user name, which does not belong in a log.
        Self::Connection(error.without_url())
    }
}

/// An error with all its causes; for connections these have the details.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
