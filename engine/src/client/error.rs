//! Why an exchange with a server failed. What was acknowledged before stays; the next exchange goes on from there.

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
    /// The authorities that the client shall trust cannot be read.
    #[error("setting http.ca: {path}: {why}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The token has characters that no token has.
    #[error("the token is not one: it has characters that no header may have")]
    Token,
    /// The server cannot be reached, or the connection broke.
    #[error("no answer from the server: {}; try again", chain(.0))]
    Connection(#[source] reqwest::Error),
    /// The server does not accept the token.
    #[error("the server does not accept the token: it is wrong, expired or revoked")]
    Unauthorized,
    /// The server refused for another reason.
    #[error("the server refused: {0}")]
    Refused(Problem),
    /// The server's history does not contain what this replica has seen of it.
    #[error("the server was restored from an old copy, or replaced: nothing was exchanged, lest something be lost")]
    ServerMismatch,
    /// The server has noted what this replica's history does not contain.
    #[error("this replica was copied or restored from an old copy: nothing was exchanged; start from a fresh replica")]
    ReplicaMismatch,
    /// The server has noted more of this replica than it had when the exchange began.
    #[error("another exchange of this replica is under way: try again")]
    Overtaken,
    /// What the server sent is not what the protocol says.
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(String),
    /// A document does not open.
    #[error("document {document} from the server does not open: {source}")]
    Open {
        /// Which document.
        document: DocumentId,
        /// Why not.
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
    /// The client is being shut down.
    #[error("the exchange was broken off")]
    BrokenOff,
}

/// The root secret could not be established.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The exchange with the server failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The recovery document does not open; see there for a wrong passphrase.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The crypto pool failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Another device changed the slot meanwhile.
    #[error("another device changed the recovery document meanwhile: try again")]
    Overtaken,
    /// There is nothing to change yet.
    #[error("the server has no recovery document yet: establish one first")]
    Absent,
    /// The local copy cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
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
        // The address names the user; who reads a log need not know.
        Self::Connection(error.without_url())
    }
}

/// An error with all its causes, which for connections tell more than it does itself.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
