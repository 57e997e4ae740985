//! What all requests share: settings, accounts, the stores of users, and who may stream.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::accounts::Accounts;
use super::blobs::{BackendError, Blobs};
use super::health::Health;
use super::incoming::Room;
use super::metrics::Metrics;
use super::processes::Processes;
use super::refusal::Refusal;
use super::serving::Connections;
use super::stores::Stores;
use super::user_store::UserStore;
use crate::config::{Config, ServerDatabase};
use crate::store::DatabaseError;

/// Streams of documents that run at once. Each may hold two or three batches in memory.
const STREAMS: usize = 128;

/// How long a stream waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a server could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("the folder {path} cannot be made: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A database does not open.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The data is laid out otherwise than the settings say.
    #[error(
        "the users of {folder} were stored with server.database = \"{found}\", not as the settings say now: set that again"
    )]
    Layout {
        /// The server's data.
        folder: PathBuf,
        /// How they are stored.
        found: ServerDatabase,
    },
    /// The place of the blobs makes no sense, or cannot be reached.
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
    blobs: Blobs,
    metrics: Metrics,
    incoming_room: Room,
    connections: Connections,
    health: Health,
    stopping: AtomicBool,
}

/// Leave to stream documents.
pub(super) struct StreamTurn {
    _own: OwnedSemaphorePermit,
    _any: OwnedSemaphorePermit,
}

impl Server {
    /// Opens the data in `folder`, making it where it is absent.
    ///
    /// # Errors
    /// [`OpenError`] where the folder or the accounts cannot be opened.
    pub async fn open(folder: &Path, config: &Config) -> Result<Self, OpenError> {
        let made = match config.server.database {
            ServerDatabase::PerUser => folder.join("users"),
            ServerDatabase::Shared => folder.to_owned(),
        };
        make_folder(&made).await.map_err(|source| OpenError::Folder { path: made.clone(), source })?;
        let accounts = Accounts::open(&folder.join("accounts.db"), config).await?;
        let found = accounts.layout(config.server.database).await?;
        if found != config.server.database {
            return Err(OpenError::Layout { folder: folder.to_owned(), found });
        }
        let processes = folder.join("processes");
        let processes =
            Processes::join(processes.clone()).map_err(|source| OpenError::Folder { path: processes, source })?;
        let shared = Shared {
            config: config.clone(),
            accounts,
            stores: Stores::open(folder, config).await?,
            streams: Arc::new(Semaphore::new(STREAMS)),
            blobs: Blobs::open(folder.join("blobs"), config, processes)?,
            metrics: Metrics::default(),
            incoming_room: Room::new(config.incoming.message_bytes),
            connections: Connections::new(config.server.connections),
            health: Health::default(),
            stopping: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Who may use this server.
    pub fn accounts(&self) -> &Accounts {
        &self.shared.accounts
    }

    /// Ends what still arrives, writes what waits and closes the files. Requests that come later fail.
    pub async fn close(&self) {
        self.shared.blobs.stop().await;
        self.shared.stores.close().await;
        self.shared.accounts.close().await;
        self.shared.blobs.processes().leave();
    }

    pub(super) fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Where messages are while they are encrypted.
    pub(super) fn incoming_room(&self) -> &Room {
        &self.shared.incoming_room
    }

    pub(super) fn stores(&self) -> &Stores {
        &self.shared.stores
    }

    /// The connections of this process.
    pub(super) fn connections(&self) -> &Connections {
        &self.shared.connections
    }

    /// What is known of its health.
    pub(super) fn health(&self) -> &Health {
        &self.shared.health
    }

    /// From now on the server says that it is about to end.
    pub(super) fn begin_to_stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Waits until one more stream may run. It may for as long as the turn is held.
    pub(super) async fn stream_turn(&self, store: &UserStore) -> Result<StreamTurn, Refusal> {
        let own = store.streams().clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let any = tokio::time::timeout(PATIENCE, self.shared.streams.clone().acquire_owned());
        let any = any.await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        Ok(StreamTurn { _own: own, _any: any })
    }
}

/// Makes a folder that survives a loss of power.
async fn make_folder(path: &Path) -> std::io::Result<()> {
    tokio::fs::create_dir_all(path).await?;
    for folder in path.ancestors().skip(1).take(2).filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::File::open(folder).await?.sync_all().await?;
    }
    Ok(())
}
