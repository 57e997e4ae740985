//! The stores of users. Each user has a database, of which a limited number is open, or all users share one. Closing a database
//! must never interrupt a request that still uses it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::OptionalExtension;
use tokio::sync::OnceCell;

use super::refusal::Refusal;
use super::schema::MIGRATIONS;
use super::user_store::{UserLimits, UserStore};
use crate::config::{Config, ServerDatabase, StoreConfig};
use crate::store::{Database, DatabaseError, Kind};

/// Most databases of users that are open at a time. Each takes a thread and up to seven file descriptors, and a process may have
/// 1024 of those by default.
const OPEN_DATABASES: usize = 100;

/// Most stores that are in memory at a time if all users share one database. Each takes about a kilobyte.
const CACHED_STORES: usize = 10_000;

/// Most concurrent streams of documents of one user, so that no user takes all of them.
const USER_STREAMS: usize = 8;

/// Connections that read one user's database.
const READERS: usize = 2;

/// Connections that read the database of all users.
const SHARED_READERS: usize = 8;

/// The stores of all users.
pub(super) struct Stores {
    databases: Databases,
    config: Config,
    known: Mutex<HashMap<i64, Slot>>,
    uses: AtomicU64,
}

/// The layout of the databases.
enum Databases {
    /// One file for each user, in this folder.
    PerUser(PathBuf),
    /// One database for all users.
    Shared(Arc<Database>),
}

/// The cache entry of one user's store, which exists before the store is open.
struct Slot {
    store: Cell,
    last_use: u64,
}

/// Holds a store once it is open.
type Cell = Arc<OnceCell<Arc<UserStore>>>;

impl Stores {
    /// The stores in the server's `folder`.
    pub(super) async fn open(folder: &Path, config: &Config) -> Result<Self, DatabaseError> {
        let databases = match config.server.database {
            ServerDatabase::PerUser => Databases::PerUser(folder.join("users")),
            ServerDatabase::Shared => {
                let kind = Kind { migrations: MIGRATIONS, readers: SHARED_READERS, user: None };
                let database = Database::open(folder.join("users.db"), None, kind, unencrypted(config)).await?;
                Databases::Shared(Arc::new(database))
            }
        };
        Ok(Self { databases, config: config.clone(), known: Mutex::default(), uses: AtomicU64::new(0) })
    }

    /// Writes what is pending and closes the databases.
    pub(super) async fn close(&self) {
        let known: Vec<_> = self.known().drain().filter_map(|(_, slot)| slot.store.get().cloned()).collect();
        match &self.databases {
            Databases::Shared(database) => database.close().await,
            Databases::PerUser(_) => {
                for store in known {
                    store.database().close().await;
                }
            }
        }
    }

    /// The number of open databases of users.
    pub(super) fn open_databases(&self) -> usize {
        match self.databases {
            Databases::Shared(_) => 1,
            Databases::PerUser(_) => self.known().values().filter(|slot| slot.store.initialized()).count(),
        }
    }

    /// Whether this user has a store.
    pub(super) async fn has(&self, user: i64) -> Result<bool, DatabaseError> {
        match &self.databases {
            Databases::PerUser(folder) => Ok(file_of(folder, user).exists()),
            Databases::Shared(database) => {
                let exists = database.read(move |connection| {
                    let found = connection.query_row("SELECT 1 FROM store WHERE user = ?1", [user], |_| Ok(()));
                    Ok::<_, DatabaseError>(found.optional()?)
                });
                Ok(exists.await?.is_some())
            }
        }
    }

    /// The store of the user with this number.
    pub(super) async fn get(&self, user: i64) -> Result<Arc<UserStore>, Refusal> {
        let (slot, idle) = self.slot(user)?;
        if let (Some(idle), Databases::PerUser(_)) = (idle, &self.databases) {
            tokio::spawn(async move { idle.database().close().await });
        }
        Ok(slot.get_or_try_init(|| self.open_store(user)).await?.clone())
    }

    async fn open_store(&self, user: i64) -> Result<Arc<UserStore>, DatabaseError> {
        let database = match &self.databases {
            Databases::Shared(database) => database.clone(),
            Databases::PerUser(folder) => {
                let kind = Kind { migrations: MIGRATIONS, readers: READERS, user: Some(user) };
                Arc::new(Database::open(file_of(folder, user), None, kind, unencrypted(&self.config)).await?)
            }
        };
        let limits = UserLimits { streams: USER_STREAMS, blob_writes: self.config.server.user_blob_writes };
        UserStore::open(user, database, limits).await.map(Arc::new)
    }

    /// The slot of a user, and the idle store that was evicted for it, if any.
    fn slot(&self, user: i64) -> Result<(Cell, Option<Arc<UserStore>>), Refusal> {
        let now = self.uses.fetch_add(1, Ordering::Relaxed);
        let capacity = match self.databases {
            Databases::PerUser(_) => OPEN_DATABASES,
            Databases::Shared(_) => CACHED_STORES,
        };
        let mut known = self.known();
        if let Some(slot) = known.get_mut(&user) {
            slot.last_use = now;
            return Ok((slot.store.clone(), None));
        }
        let mut evicted = None;
        if known.len() >= capacity {
            let idle = known.iter().filter(|(_, slot)| is_idle(slot)).min_by_key(|(_, slot)| slot.last_use);
            let Some(idle) = idle.map(|(user, _)| *user) else { return Err(Refusal::Busy) };
            evicted = known.remove(&idle).and_then(|slot| slot.store.get().cloned());
        }
        let store = Arc::new(OnceCell::new());
        known.insert(user, Slot { store: store.clone(), last_use: now });
        Ok((store, evicted))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<i64, Slot>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The settings of the server's databases. They are not encrypted, because documents are encrypted already.
fn unencrypted(config: &Config) -> StoreConfig {
    StoreConfig { cipher: false, ..config.store }
}

/// The file of a user. It is named after the number, never after untrusted input.
fn file_of(folder: &Path, user: i64) -> PathBuf {
    folder.join(format!("{user}.db"))
}

/// Whether no request uses the store or is opening it.
fn is_idle(slot: &Slot) -> bool {
    Arc::strong_count(&slot.store) == 1 && slot.store.get().is_none_or(|store| Arc::strong_count(store) == 1)
}
