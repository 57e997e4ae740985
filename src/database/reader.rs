//! A pool of connections that read. They can never change the database, and never wait for its writer: each snapshot is
//! the newest state that was committed when it began.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, Error as SqlError};

use super::{
    connection::open_to_read,
    error::DatabaseError,
    lock,
    query::{query_first, unsigned},
    store::Store,
};

/// Idle connections that stay open between calls. More are opened while more calls run at once.
const MAX_IDLE: usize = 8;

/// Reads one store. Cheap to clone, and usable by many threads at once.
#[derive(Debug, Clone)]
pub struct StoreReader(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    store: &'static Store,
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl StoreReader {
    /// Opens the store at `path`. It may be written meanwhile, by this process or another.
    ///
    /// # Errors
    /// [`DatabaseError::Missing`] when there is none yet, [`DatabaseError::OlderVersion`] when a writer has to migrate it
    /// first, [`DatabaseError::NewerVersion`], [`DatabaseError::BeforeFirstRelease`], [`DatabaseError::WrongFile`].
    pub fn open(store: &'static Store, path: &Path) -> Result<StoreReader, DatabaseError> {
        let missing = |_| DatabaseError::Missing { store, path: path.to_owned() };
        let path = path.canonicalize().map_err(missing)?;
        let idle = Mutex::new(vec![open_to_read(store, &path)?]);
        Ok(StoreReader(Arc::new(Pool { store, path, idle })))
    }

    /// A number that grows with every change, and denotes one state of the database for ever, power cuts and files of the
    /// same name included. Costs microseconds.
    ///
    /// # Errors
    /// [`DatabaseError::Sqlite`] when the file cannot be read, [`DatabaseError::Damaged`].
    pub fn serial(&self) -> Result<u64, DatabaseError> {
        self.with_snapshot(serial)
    }

    /// Whether a writer has the store open. A lock that cannot be queried counts as free.
    pub fn has_writer(&self) -> bool {
        lock::is_held(&self.0.path).unwrap_or(false)
    }

    /// Runs queries on one state of the database.
    ///
    /// # Errors
    /// Whatever SQLite or `queries` reports.
    pub fn with_snapshot<T, E>(&self, queries: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<DatabaseError> + From<SqlError>,
    {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_to_read(self.0.store, &self.0.path)?,
        };
        let snapshot = connection.unchecked_transaction()?;
        let outcome = queries(&snapshot);
        // Nothing was written, so it does not matter how the snapshot ends; a connection that cannot end it is dropped.
        snapshot.finish()?;
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        outcome
    }

    /// A panic elsewhere leaves a list of sound connections, so a poisoned lock is as good as any.
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The serial of the snapshot that a connection is in.
fn serial(connection: &Connection) -> Result<u64, DatabaseError> {
    query_first(connection, "SELECT value FROM serial", [], |row| Ok::<_, DatabaseError>(unsigned(row.get(0)?)))?
        .ok_or_else(|| DatabaseError::Damaged("the serial is missing".to_owned()))
}
