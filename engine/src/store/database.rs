//! A database for asynchronous code: one writer, several readers, one schema.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::DatabaseError;
use super::connection::{self, KeyText};
use super::readers::Readers;
use super::schema::migrate;
use super::writer::Writer;
use crate::config::StoreConfig;

/// The properties of one kind of database.
pub(crate) struct Kind {
    /// Its migrations; each leads to the next version.
    pub(crate) migrations: &'static [&'static str],
    /// Connections for concurrent reads.
    pub(crate) readers: usize,
    /// The user whose data it holds, for a server's database of one user. Migrations read it as `:user`.
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
        create_private(&path)?;
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

    /// Runs `work` in a transaction and returns its result once that is durable; an error rolls back what `work` did.
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

    /// As [`Database::write`]; once the result is durable `then` is called with it, even if the caller no longer waits.
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

    /// Runs `work` on a snapshot of the database, on a thread that may block.
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

    /// Completes pending writes and closes the files. Later calls return [`DatabaseError::Closed`].
    pub(crate) async fn close(self: &Arc<Self>) {
        let database = self.clone();
        // The writer last: the last connection to close removes the log.
        let close = move || {
            database.readers.close();
            database.writer.close();
        };
        // It is cancelled only if the runtime shuts down.
        let _ = tokio::task::spawn_blocking(close).await;
    }
}

/// Creates the file where it is absent, accessible only by its owner. SQLite gives its other files the same permissions.
fn create_private(path: &Path) -> Result<(), DatabaseError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    file.map(drop).map_err(|source| DatabaseError::Io { what: "the database file cannot be opened or created", source })
}
