//! A database that asynchronous code can use: one writer, some readers, one schema.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::DatabaseError;
use super::connection::{self, KeyText};
use super::readers::Readers;
use super::schema::migrate;
use super::writer::Writer;
use crate::config::StoreConfig;

/// What distinguishes one kind of database from another.
pub(crate) struct Kind {
    /// Its migrations, each leading to the next version.
    pub(crate) migrations: &'static [&'static str],
    /// How many connections may read at once.
    pub(crate) readers: usize,
    /// Whose data is in it, where it is one user's of a server. Migrations read it as `:user`.
    pub(crate) user: Option<i64>,
}

/// An open database.
pub(crate) struct Database {
    writer: Writer,
    readers: Arc<Readers>,
}

impl Database {
    /// Opens `path`, creating and migrating it where necessary. With a key it is encrypted.
    pub(crate) async fn open(
        path: PathBuf,
        key: KeyText,
        kind: Kind,
        config: StoreConfig,
    ) -> Result<Self, DatabaseError> {
        let open = tokio::task::spawn_blocking(move || Self::open_blocking(path, key, &kind, config));
        open.await.unwrap_or(Err(DatabaseError::Closed))
    }

    fn open_blocking(path: PathBuf, key: KeyText, kind: &Kind, config: StoreConfig) -> Result<Self, DatabaseError> {
        make_private(&path)?;
        let mut connection = connection::open(&path, &key, &config)?;
        migrate(&mut connection, &path, kind.migrations, kind.user)?;
        let writer = Writer::start(connection, config.group_commit)?;
        let reader = move || {
            let connection = connection::open(&path, &key, &config)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        };
        Ok(Self { writer, readers: Arc::new(Readers::new(kind.readers, Box::new(reader))) })
    }

    /// Does `work` in a transaction and returns its result once that is durable; an error undoes what `work` did.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        self.writer.write(work, |_| ()).await
    }

    /// As [`Database::write`]; once the result is durable `then` sees it, whether or not the caller still waits.
    pub(crate) async fn write_then<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        self.writer.write(work, then).await
    }

    /// Does `work` on one moment of the database, on a thread that may block.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Writes what waits and closes the files. Later calls answer [`DatabaseError::Closed`].
    pub(crate) async fn close(self: &Arc<Self>) {
        let database = self.clone();
        // The writer last: who closes last folds the log away.
        let close = move || {
            database.readers.close();
            database.writer.close();
        };
        // It ends early only if the runtime does.
        let _ = tokio::task::spawn_blocking(close).await;
    }
}

/// Makes the file where it is absent, for its owner alone. SQLite gives the files beside it the same permissions.
fn make_private(path: &Path) -> Result<(), DatabaseError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    file.map(drop).map_err(|source| DatabaseError::Io { what: "the database's file cannot be opened or made", source })
}
