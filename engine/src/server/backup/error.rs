//! Why there is no copy, or no server made of one.

use std::path::{Path, PathBuf};

use super::verify::Damage;
use crate::store::DatabaseError;

/// A copy could not be taken, put back or checked. What was there before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The folder is no server's.
    #[error("{0} holds no server's data (there is no accounts.db): name the folder that the server works on")]
    NoData(PathBuf),
    /// The folder holds something, but no backup.
    #[error("{0} is not empty and holds no backup: name an empty folder, or one that holds a backup of this server")]
    NoBackup(PathBuf),
    /// Nothing is ever restored over something else.
    #[error("{0} is not empty: restore into a folder that is, or that does not exist yet")]
    NotEmpty(PathBuf),
    /// Another backup or check is at work on the same folder.
    #[error("another backup or check of {0} is under way: wait until it has ended")]
    Busy(PathBuf),
    /// The backup was written by a newer version of this program.
    #[error("the backup has format {found}, this program knows {known}: use the newer program that wrote it")]
    Newer {
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The backup is not whole.
    #[error("the backup is damaged, so nothing was restored: {}", first(.0))]
    Damaged(Vec<Damage>),
    /// A database failed.
    #[error("{path}: {source}")]
    Database {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: DatabaseError,
    },
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn first(damage: &[Damage]) -> String {
    let rest = damage.len().saturating_sub(1);
    let first = damage.first().map(ToString::to_string).unwrap_or_default();
    if rest == 0 { first } else { format!("{first}, and {rest} more") }
}

/// Says where something failed.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, BackupError>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|source| BackupError::Io { path: path.to_owned(), source })
    }
}

impl<T> At<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|error| BackupError::Database { path: path.to_owned(), source: error.into() })
    }
}

impl<T> At<T> for Result<T, DatabaseError> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|source| BackupError::Database { path: path.to_owned(), source })
    }
}
