//! The state that all requests share: settings, accounts, stores of users, and permits to stream.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::auth::Accounts;
use super::backup::BackupLock;
use super::blobs::{BackendError, BlobService};
use super::daemon::Connections;
use super::health::Health;
use super::incoming::MemoryBudget;
use super::metrics::Metrics;
use super::process_registry::ProcessRegistry;
use super::refusal::Refusal;
use super::stores::Stores;
use super::user_store::UserStore;
use crate::config::{Config, ServerDatabase};
use crate::store::DatabaseError;

/// Most concurrent streams of documents. Each may hold up to three batches in memory.
const STREAMS: usize = 128;

/// How long a stream waits for a permit.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A server's data could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder cannot be created.
    #[error("cannot create the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The layout of the data differs from the settings.
    #[error(
        "the data in {folder} was created with server.database = \"{found}\", which differs from the settings: change them back"
    )]
    Layout {
        /// The server's data.
        folder: PathBuf,
        /// The layout of the data.
        found: ServerDatabase,
    },
    /// The backend of blobs is misconfigured or cannot be reached.
    #[error("blobs: {0}")]
    Blobs(#[from] BackendError),
}

/// A server's data and settings. Clones share them.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    accounts: Accounts,
    stores: Stores,
    streams: Arc<Semaphore>,
    blobs: BlobService,
    metrics: Metrics,
    incoming_memory: MemoryBudget,
    connections: Connections,
    health: Health,
    stopping: AtomicBool,
}

/// Permission to stream documents, until it is dropped.
pub(super) struct StreamPermit {
    _of_user: OwnedSemaphorePermit,
    _of_server: OwnedSemaphorePermit,
}

impl Server {
    /// Opens the data in `folder`, which is created if it does not exist.
    ///
    /// # Errors
    /// [`OpenError`] if the folder or the accounts cannot be opened.
    pub async fn open(folder: &Path, config: &Config) -> Result<Self, OpenError> {
        let created = match config.server.database {
            ServerDatabase::PerUser => folder.join("users"),
            ServerDatabase::Shared => folder.to_owned(),
        };
        create_folder(&created).await.map_err(|source| OpenError::Folder { path: created.clone(), source })?;
        let accounts = Accounts::open(&folder.join("accounts.db"), config).await?;
        let found = accounts.layout(config.server.database).await?;
        if found != config.server.database {
            return Err(OpenError::Layout { folder: folder.to_owned(), found });
        }
        let processes = folder.join("processes");
        let processes = ProcessRegistry::register(processes.clone())
            .map_err(|source| OpenError::Folder { path: processes, source })?;
        let backup_lock =
            BackupLock::open(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        let shared = Shared {
            config: config.clone(),
            accounts,
            stores: Stores::open(folder, config).await?,
            streams: Arc::new(Semaphore::new(STREAMS)),
            blobs: BlobService::open(folder.join("blobs"), config, processes, backup_lock)?,
            metrics: Metrics::default(),
            incoming_memory: MemoryBudget::new(config.incoming.message_bytes),
            connections: Connections::new(config.server.connections),
            health: Health::default(),
            stopping: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The accounts of this server.
    pub fn accounts(&self) -> &Accounts {
        &self.shared.accounts
    }

    /// Interrupts uploads, writes what is pending and closes the databases. Later requests fail.
    pub async fn close(&self) {
        self.shared.blobs.stop().await;
        self.shared.stores.close().await;
        self.shared.accounts.close().await;
        self.shared.blobs.processes().unregister();
    }

    /// The blobs of all users.
    pub(super) fn blobs(&self) -> &BlobService {
        &self.shared.blobs
    }

    /// The counters of this process.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The memory for messages that are being delivered.
    pub(super) fn incoming_memory(&self) -> &MemoryBudget {
        &self.shared.incoming_memory
    }

    /// The stores of all users.
    pub(super) fn stores(&self) -> &Stores {
        &self.shared.stores
    }

    /// The connections of this process.
    pub(super) fn connections(&self) -> &Connections {
        &self.shared.connections
    }

    /// The latest health checks.
    pub(super) fn health(&self) -> &Health {
        &self.shared.health
    }

    /// From now on, health checks report that the server is shutting down.
    pub(super) fn set_stopping(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is shutting down.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// The settings.
    pub(super) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Waits for permission to stream documents.
    pub(super) async fn acquire_stream(&self, store: &UserStore) -> Result<StreamPermit, Refusal> {
        let of_user = store.streams().clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let of_server = tokio::time::timeout(TIMEOUT, self.shared.streams.clone().acquire_owned());
        let of_server = of_server.await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        Ok(StreamPermit { _of_user: of_user, _of_server: of_server })
    }
}

/// Creates a folder durably.
async fn create_folder(path: &Path) -> std::io::Result<()> {
    tokio::fs::create_dir_all(path).await?;
    for folder in path.ancestors().skip(1).take(2).filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::File::open(folder).await?.sync_all().await?;
    }
    Ok(())
}
