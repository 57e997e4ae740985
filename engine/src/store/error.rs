//! Errors of a store. No message may show a key or content.

use std::path::PathBuf;
use std::sync::Arc;

use super::IndexError;
use crate::document::{DocumentId, InvalidRevision, MAX_CONTENT, MergeError, Revision};

/// A database cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The key is wrong, or the file is not a database of this kind.
    #[error("{path} cannot be opened with this key: it belongs to other keys, is not encrypted, or is damaged")]
    WrongKey {
        /// The database's file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("{path} has schema {found}, but this program supports only {known}; use the newer program that wrote it")]
    Newer {
        /// The database's file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// A setting is invalid.
    #[error("setting {name} must be {why}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The valid values.
        why: &'static str,
    },
    /// This build of SQLite cannot encrypt.
    #[error("this program was built without SQLCipher and would store documents unencrypted")]
    NoCipher,
    /// The database failed.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The transaction could not be committed, so nothing was saved.
    #[error("nothing was saved: {0}")]
    Commit(Arc<rusqlite::Error>),
    /// Stored data violate an invariant.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The database is closed, or closing.
    #[error("the database is closed")]
    Closed,
    /// The system failed: a file could not be created, or a thread not started.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The cause.
        source: std::io::Error,
    },
}

/// An operation on a replica failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The document changed since the caller read it, or already exists, or was deleted.
    #[error("document {document} has changed (it is at {current:?}); get it again and repeat the change")]
    Stale {
        /// Which document.
        document: DocumentId,
        /// Its versions now.
        current: Vec<Revision>,
    },
    /// The document has concurrent versions, and the edit names only one of them.
    #[error("document {document} has {versions} concurrent versions; resolve the conflict first")]
    Conflicted {
        /// Which document.
        document: DocumentId,
        /// How many.
        versions: usize,
    },
    /// The content of a version is not on this device: only its header was received.
    #[error("the content of document {document} at {revision} is not on this device; fetch it first")]
    Absent {
        /// Which document.
        document: DocumentId,
        /// Which version of it.
        revision: Revision,
    },
    /// The content is larger than a document may be.
    #[error("document {document} has {length} bytes, more than {MAX_CONTENT}; store it as a blob")]
    TooLarge {
        /// Which document.
        document: DocumentId,
        /// Bytes of content.
        length: usize,
    },
    /// No revision can express the edit.
    #[error("document {document} cannot be edited again: {source}")]
    Revision {
        /// Which document.
        document: DocumentId,
        /// The cause.
        source: InvalidRevision,
    },
    /// A version from a peer contradicts one that is here.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// An index cannot be created or queried.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A batch does not follow the previous one: another synchronisation of this replica is in progress.
    #[error("another synchronisation of this replica is in progress; synchronise again")]
    Overtaken,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}
