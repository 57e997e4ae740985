//! A small pool of read connections. Each read sees one snapshot of the database, on a thread that may block.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::DatabaseError;

/// Opens another connection.
pub(super) type Opener = Box<dyn Fn() -> Result<Connection, DatabaseError> + Send + Sync>;

/// Connections that are opened on first use and kept.
pub(super) struct Readers {
    open: Opener,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// A pool of at most `size` connections.
    pub(super) fn new(size: usize, open: Opener) -> Self {
        Self { open, idle: Mutex::new(Vec::new()), permits: Arc::new(Semaphore::new(size)) }
    }

    /// Runs `work` in a read transaction.
    pub(super) async fn read<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| DatabaseError::Closed)?;
        let pool = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            pool.read_blocking(work)
        });
        read.await.unwrap_or_else(|_| Err(DatabaseError::Closed.into()))
    }

    fn read_blocking<T, E: From<DatabaseError>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| (self.open)(), Ok)?;
        let snapshot = connection.unchecked_transaction().map_err(DatabaseError::from)?;
        let result = work(&snapshot);
        snapshot.finish().map_err(DatabaseError::from)?;
        if !self.permits.is_closed() {
            self.idle().push(connection);
        }
        result
    }

    /// Closes the idle connections; the others close when they are returned.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
