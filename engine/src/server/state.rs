//! What all requests share: the accounts, and the open databases of users, of which there may only be so many.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::accounts::Accounts;
use super::blobs::{BackendError, Blobs};
use super::health::Health;
use super::metrics::Metrics;
use super::processes::Processes;
use super::refusal::Refusal;
use super::serving::Connections;
use super::user_store::{Bounds, UserStore};
use crate::config::{Config, StoreConfig};
use crate::store::DatabaseError;

/// Users whose databases are open at once. Each takes a thread and up to seven file descriptors, and a process may have
/// 1024 of those by default, connections included.
const OPEN_STORES: usize = 100;

/// Streams of documents that run at once. Each may hold two or three batches in memory.
const STREAMS: usize = 128;

/// Streams of one user among them, so that nobody takes all.
const USER_STREAMS: usize = 8;

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
    /// The database of accounts does not open.
    #[error("accounts: {0}")]
    Accounts(#[from] DatabaseError),
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
    folder: PathBuf,
    stores: Mutex<HashMap<i64, Slot>>,
    uses: AtomicU64,
    streams: Arc<Semaphore>,
    blobs: Blobs,
    metrics: Metrics,
    connections: Connections,
    health: Health,
    stopping: AtomicBool,
}

/// The place of one user's database, from before it is open.
struct Slot {
    store: Cell,
    last_use: u64,
}

/// Holds a store once it is open.
type Cell = Arc<OnceCell<Arc<UserStore>>>;

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
        let users = folder.join("users");
        make_folder(&users).await.map_err(|source| OpenError::Folder { path: users.clone(), source })?;
        let accounts = Accounts::open(&folder.join("accounts.db"), config).await?;
        let processes = folder.join("processes");
        let processes =
            Processes::join(processes.clone()).map_err(|source| OpenError::Folder { path: processes, source })?;
        let shared = Shared {
            config: config.clone(),
            accounts,
            folder: users,
            stores: Mutex::default(),
            uses: AtomicU64::new(0),
            streams: Arc::new(Semaphore::new(STREAMS)),
            blobs: Blobs::open(folder.join("blobs"), config, processes)?,
            metrics: Metrics::default(),
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
        let open: Vec<_> = self.stores().drain().filter_map(|(_, slot)| slot.store.get().cloned()).collect();
        for store in open {
            store.close().await;
        }
        self.shared.accounts.close().await;
        self.shared.blobs.processes().leave();
    }

    pub(super) fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
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

    /// Databases of users that are open.
    pub(super) fn open_stores(&self) -> usize {
        self.stores().values().filter(|slot| slot.store.initialized()).count()
    }

    /// Whether this user has stored anything yet.
    pub(super) fn has_store(&self, user: i64) -> bool {
        self.store_file(user).exists()
    }

    /// Named after the number: never after anything that came from outside.
    fn store_file(&self, user: i64) -> PathBuf {
        self.shared.folder.join(format!("{user}.db"))
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

    /// The store of the user with this number.
    pub(super) async fn store(&self, user: i64) -> Result<Arc<UserStore>, Refusal> {
        let (slot, idle) = self.slot(user)?;
        if let Some(idle) = idle {
            tokio::spawn(async move { idle.close().await });
        }
        let path = self.store_file(user);
        // What a client may not choose for its own database does not concern the server's: sealed is sealed.
        let config = StoreConfig { cipher: false, ..self.shared.config.store };
        let bounds = Bounds { streams: USER_STREAMS, blob_writes: self.shared.config.server.user_blob_writes };
        let store =
            slot.get_or_try_init(|| async { UserStore::open(user, path, config, bounds).await.map(Arc::new) }).await?;
        Ok(store.clone())
    }

    /// The slot of a user, and the store that had to make room for it.
    fn slot(&self, user: i64) -> Result<(Cell, Option<Arc<UserStore>>), Refusal> {
        let now = self.shared.uses.fetch_add(1, Ordering::Relaxed);
        let mut stores = self.stores();
        if let Some(slot) = stores.get_mut(&user) {
            slot.last_use = now;
            return Ok((slot.store.clone(), None));
        }
        let mut room = None;
        if stores.len() >= OPEN_STORES {
            let idle = stores.iter().filter(|(_, slot)| is_idle(slot)).min_by_key(|(_, slot)| slot.last_use);
            let Some(idle) = idle.map(|(user, _)| *user) else { return Err(Refusal::Busy) };
            room = stores.remove(&idle).and_then(|slot| slot.store.get().cloned());
        }
        let store = Arc::new(OnceCell::new());
        stores.insert(user, Slot { store: store.clone(), last_use: now });
        Ok((store, room))
    }

    fn stores(&self) -> MutexGuard<'_, HashMap<i64, Slot>> {
        self.shared.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether no request holds the store, nor is opening it.
fn is_idle(slot: &Slot) -> bool {
    Arc::strong_count(&slot.store) == 1 && slot.store.get().is_none_or(|store| Arc::strong_count(store) == 1)
}

/// Makes a folder that survives a loss of power.
async fn make_folder(path: &Path) -> std::io::Result<()> {
    tokio::fs::create_dir_all(path).await?;
    for folder in path.ancestors().skip(1).take(2).filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::File::open(folder).await?.sync_all().await?;
    }
    Ok(())
}
