//! Why a backup cannot be created, restored or verified.

use std::path::{Path, PathBuf};

use super::damage::Damage;
use crate::store::DatabaseError;

/// A backup could not be created, restored or verified. Existing data is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The folder does not hold a server's data.
    #[error("{0} does not hold a server's data (there is no accounts.db): name the server's data folder")]
    NoData(PathBuf),
    /// The folder is not empty and does not hold a backup.
    #[error("{0} is not empty and holds no backup: name an empty folder, or one that holds a backup of this server")]
    NoBackup(PathBuf),
    /// The folder to restore into is not empty.
    #[error("{0} is not empty: restore into an empty folder, or one that does not exist yet")]
    NotEmpty(PathBuf),
    /// Another backup or verification of the same folder is running.
    #[error("another backup or verification of {0} is running: wait until it has ended")]
    Busy(PathBuf),
    /// The backup was written by a newer version of this program.
    #[error(
        "the backup has format {found}, but this program supports only up to {known}: use the newer program that wrote it"
    )]
    Newer {
        /// Its format.
        found: u32,
        /// The newest supported format.
        known: u32,
    },
    /// The backup is damaged.
    #[error("the backup is damaged, so nothing was restored: {}", summary(.0))]
    Damaged(Vec<Damage>),
    /// A database failed.
    #[error("{path}: {source}")]
    Database {
        /// The database.
        path: PathBuf,
        /// The cause.
        source: DatabaseError,
    },
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

fn summary(damage: &[Damage]) -> String {
    let rest = damage.len().saturating_sub(1);
    let first = damage.first().map(ToString::to_string).unwrap_or_default();
    if rest == 0 { first } else { format!("{first}, and {rest} more") }
}

/// Adds the path of the file that an operation failed on.
pub(super) trait WithPath<T> {
    /// Adds `path` to the error.
    fn at(self, path: &Path) -> Result<T, BackupError>;
}

impl<T> WithPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|source| BackupError::Io { path: path.to_owned(), source })
    }
}

impl<T> WithPath<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|error| BackupError::Database { path: path.to_owned(), source: error.into() })
    }
}

impl<T> WithPath<T> for Result<T, DatabaseError> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|source| BackupError::Database { path: path.to_owned(), source })
    }
}
