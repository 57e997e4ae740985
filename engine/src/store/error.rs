//! What can go wrong in a store. No message may show a key or content.

use std::path::PathBuf;
use std::sync::Arc;

use super::IndexError;
use crate::document::{DocumentId, InvalidRevision, MAX_CONTENT, MergeError, Revision};

/// A database cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The key is another one's, or the file is no database of this kind.
    #[error("{path} does not open with this key: it belongs to other keys, is not encrypted, or is damaged")]
    WrongKey {
        /// The database's file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("{path} has schema {found}, this program knows {known}: use the newer program that wrote it")]
    Newer {
        /// The database's file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// A setting makes no sense.
    #[error("setting {name}: {why}")]
    Setting {
        /// The knob.
        name: &'static str,
        /// What would make sense.
        why: &'static str,
    },
    /// This build of SQLite cannot encrypt.
    #[error("this program was built without SQLCipher, so it would store documents in clear; it refuses to")]
    NoCipher,
    /// The database failed.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What was written could not be made durable, so none of it counts.
    #[error("nothing was saved: {0}")]
    Commit(Arc<rusqlite::Error>),
    /// What is stored breaks a rule that every writer obeys.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The database is closed, or closing.
    #[error("the database is closed")]
    Closed,
    /// The system failed: a file could not be made, or a thread not started.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
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
    /// The document changed since the caller saw it, or exists already, or is gone.
    #[error("document {document} is not as expected (it is at {current:?}): get it again and repeat the change")]
    Stale {
        /// Which document.
        document: DocumentId,
        /// Its versions now.
        current: Vec<Revision>,
    },
    /// The document has concurrent versions, and the edit names only one of them.
    #[error("document {document} has {versions} concurrent versions: resolve the conflict first")]
    Conflicted {
        /// Which document.
        document: DocumentId,
        /// How many.
        versions: usize,
    },
    /// The content is larger than a document may be.
    #[error("document {document} has {length} bytes, more than {MAX_CONTENT}: store it as a blob")]
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
        /// Why not.
        source: InvalidRevision,
    },
    /// What came from a peer contradicts what is here.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// An index cannot be made or asked.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A batch does not follow the one before: another synchronisation of this replica is under way.
    #[error("another synchronisation moved on meanwhile: synchronise again")]
    Overtaken,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}
