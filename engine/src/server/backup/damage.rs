//! Damage: how contents and databases can differ from what they should be.

use std::fmt;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};

use crate::protocol::BlobDigest;
use crate::server::blobs::ObjectName;

/// The state of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentState {
    /// It matches its row.
    Intact,
    /// It does not exist.
    Missing,
    /// Its length or its digest differs.
    Wrong,
}

impl ContentState {
    /// The state of a content that should have this length and digest.
    pub(super) fn of(length: u64, expected: BlobDigest, content: &[u8]) -> Self {
        let intact = content.len() as u64 == length && digest(&SHA256, content).as_ref() == expected.0;
        if intact { Self::Intact } else { Self::Wrong }
    }
}

/// A damaged database or content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A database is inconsistent or cannot be read.
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite reports.
        what: String,
    },
    /// The content of a blob is missing.
    Missing(ObjectName),
    /// A content does not match the row of its blob.
    Wrong(ObjectName),
    /// No row names this content. It wastes space but is harmless; the next start of the server removes it.
    Unnamed(ObjectName),
}

impl Damage {
    /// The damage to a content in this state, if any.
    pub(super) fn of(state: ContentState, object: ObjectName) -> Option<Self> {
        match state {
            ContentState::Intact => None,
            ContentState::Missing => Some(Self::Missing(object)),
            ContentState::Wrong => Some(Self::Wrong(object)),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database { path, what } => write!(f, "the database {} is damaged: {what}", path.display()),
            Self::Missing(object) => write!(f, "the content {object} of a blob of user {} is missing", object.user),
            Self::Wrong(object) => write!(f, "the content {object} of a blob of user {} is damaged", object.user),
            Self::Unnamed(object) => write!(f, "no blob of user {} uses the content {object}", object.user),
        }
    }
}
