//! What all requests share: the accounts, and the open databases of users, of which there may only be so many.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

use super::accounts::Accounts;
use super::refusal::Refusal;
use super::user_store::UserStore;
use crate::config::{Config, StoreConfig};
use crate::store::DatabaseError;

/// Users whose databases are open at once. Each takes a thread and up to seven file descriptors, and a process may have
/// 1024 of those by default.
const OPEN_STORES: usize = 100;

/// Batches that are received at once; each may take twice the size of a batch in memory.
const PUSHES: usize = 64;

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
    pushes: Arc<Semaphore>,
}

/// The place of one user's database, from before it is open.
struct Slot {
    store: Arc<OnceCell<Arc<UserStore>>>,
    last_use: u64,
}

impl Server {
    /// Opens the data in `folder`, making it where it is absent.
    ///
    /// # Errors
    /// [`OpenError`] where the folder or the accounts cannot be opened.
    pub async fn open(folder: &Path, config: &Config) -> Result<Self, OpenError> {
        let users = folder.join("users");
        tokio::fs::create_dir_all(&users).await.map_err(|source| OpenError::Folder { path: users.clone(), source })?;
        let accounts = Accounts::open(&folder.join("accounts.db"), config).await?;
        let shared = Shared {
            config: config.clone(),
            accounts,
            folder: users,
            stores: Mutex::default(),
            uses: AtomicU64::new(0),
            pushes: Arc::new(Semaphore::new(PUSHES)),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Who may use this server.
    pub fn accounts(&self) -> &Accounts {
        &self.shared.accounts
    }

    /// Writes what waits and closes the files. Requests that come later fail.
    pub async fn close(&self) {
        let open: Vec<_> = self.stores().drain().filter_map(|(_, slot)| slot.store.get().cloned()).collect();
        for store in open {
            store.close().await;
        }
        self.shared.accounts.close().await;
    }

    pub(super) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(super) fn pushes(&self) -> &Arc<Semaphore> {
        &self.shared.pushes
    }

    /// The store of the user with this number. Its file is named after the number: never after anything that came from
    /// outside.
    pub(super) async fn store(&self, user: i64) -> Result<Arc<UserStore>, Refusal> {
        let (slot, idle) = self.slot(user)?;
        if let Some(idle) = idle {
            tokio::spawn(async move { idle.close().await });
        }
        let path = self.shared.folder.join(format!("{user}.db"));
        // What a client may not choose for its own database does not concern the server's: sealed is sealed.
        let config = StoreConfig { cipher: false, ..self.shared.config.store };
        let store = slot.get_or_try_init(|| async { UserStore::open(path, config).await.map(Arc::new) }).await?;
        Ok(store.clone())
    }

    /// The slot of a user, and the store that had to make room for it.
    #[expect(clippy::type_complexity, reason = "two things that one lock must yield together")]
    fn slot(&self, user: i64) -> Result<(Arc<OnceCell<Arc<UserStore>>>, Option<Arc<UserStore>>), Refusal> {
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
