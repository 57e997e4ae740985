//! What can go wrong with a database. Every message says what happened, where, and what to do.

use std::{io, path::PathBuf};

use rusqlite::{Error as SqlError, ErrorCode};

use super::store::Store;

/// An error of a database. Whatever it says, the database holds what it held before the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// Another writer has the store open.
    #[error(
        "the {} {} is being written by another process; wait until it ends (or stop it), or name another file with {}",
        store.name, path.display(), store.path_option
    )]
    Busy {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
    },
    /// There is no such store yet.
    #[error("there is no {} at {} yet; `{}` creates one", store.name, path.display(), store.create_command)]
    Missing {
        /// Which kind of store.
        store: &'static Store,
        /// Where the database was looked for.
        path: PathBuf,
    },
    /// A newer Benchline wrote the store.
    #[error(
        "the {} {} has schema version {found}, and this program knows versions up to {}; use a newer benchline. Nothing was changed",
        store.name, path.display(), store.version()
    )]
    NewerVersion {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: u32,
    },
    /// The store needs a migration, which a reader must not perform.
    #[error(
        "the {} {} has the old schema version {found}, and this program reads version {}; `{}` migrates it",
        store.name, path.display(), store.version(), store.verify_command
    )]
    OlderVersion {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: u32,
    },
    /// The store has a format from before version 0.1.0.
    #[error(
        "the {} {} was written by a version of benchline before 0.1.0, whose format this program cannot read; \
         keep the file, and move it away to measure anew, or name another file with {}. Nothing was changed",
        store.name, path.display(), store.path_option
    )]
    BeforeFirstRelease {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
    },
    /// The folder or the file cannot be written.
    #[error(
        "the {} {} cannot be written ({source}); make its folder writable, or name another file with {}",
        store.name, path.display(), store.path_option
    )]
    ReadOnly {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "{} is not a benchline {} ({found}); name another file with {}. Nothing was changed",
        path.display(), store.name, store.path_option
    )]
    WrongFile {
        /// Which kind of store.
        store: &'static Store,
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: &'static str,
    },
    /// A backup could not be written, so that nothing was migrated.
    #[error(
        "the {} {} was not migrated, because its backup {} cannot be written ({source}); free space or make the folder writable",
        store.name, path.display(), backup.display()
    )]
    Backup {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
        /// Where the backup was to be.
        backup: PathBuf,
        /// What the system or SQLite reported.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A migration failed.
    #[error("the {} {} could not be migrated ({source}). Nothing was changed", store.name, path.display())]
    Migration {
        /// Which kind of store.
        store: &'static Store,
        /// The database.
        path: PathBuf,
        /// What went wrong.
        source: Box<rusqlite_migration::Error>,
    },
    /// Something in the file is not what was written there.
    #[error("the database is damaged: {0}. Keep a copy of the file before anything else")]
    Damaged(String),
    /// SQLite refused.
    #[error("the database failed ({0}); is the disk full, the file moved, or another program writing it?")]
    Sqlite(#[source] SqlError),
}

impl DatabaseError {
    /// An error of opening a file as the caller should see it.
    pub(super) fn of_opening(store: &'static Store, path: &std::path::Path, error: SqlError) -> DatabaseError {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                DatabaseError::ReadOnly { store, path, source: io::Error::other(error) }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DatabaseError::Busy { store, path },
            _ => error.into(),
        }
    }
}

impl From<SqlError> for DatabaseError {
    /// What SQLite reports about its file or about a value that is not of its column's type is damage; all else is a refusal.
    fn from(error: SqlError) -> DatabaseError {
        let damage = match &error {
            SqlError::FromSqlConversionFailure(..)
            | SqlError::IntegralValueOutOfRange(..)
            | SqlError::Utf8Error(..)
            | SqlError::InvalidColumnType(..) => true,
            other => matches!(other.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)),
        };
        if damage { DatabaseError::Damaged(error.to_string()) } else { DatabaseError::Sqlite(error) }
    }
}
