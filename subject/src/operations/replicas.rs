//! Fresh replicas, one after another, each in a file of its own. It must never leave an old one open or on disk while
//! the next is measured.

use std::path::{Path, PathBuf};

use benchline_engine::config::{Config, StoreConfig};
use benchline_engine::crypto::{DatabaseKey, Keys};
use benchline_engine::store::Replica;

use super::roles::Setup;
use crate::error::SubjectError;

/// Makes replicas.
#[derive(Clone)]
pub(super) struct Replicas {
    folder: PathBuf,
    keys: Keys,
    config: Config,
    made: u64,
    current: Option<(Replica, PathBuf)>,
}

impl Replicas {
    /// Replicas for `purpose`, a name that no other of this process has.
    pub(super) fn new(setup: &Setup<'_>, purpose: &str) -> Self {
        Self {
            folder: setup.folder.join(purpose),
            keys: setup.keys.clone(),
            config: setup.config.clone(),
            made: 0,
            current: None,
        }
    }

    /// A fresh, empty replica. The one before it is closed and removed.
    pub(super) async fn fresh(&mut self) -> Result<Replica, SubjectError> {
        self.remove().await?;
        self.made += 1;
        let folder = self.folder.join(self.made.to_string());
        tokio::fs::create_dir_all(&folder).await.map_err(SubjectError::engine("making a folder for a replica"))?;
        let place = self.place_in(&folder);
        let replica = place.open().await?;
        self.current = Some((replica.clone(), folder));
        Ok(replica)
    }

    /// Closes the current replica and leaves it on disk. The result opens it again; the caller closes it before the replica is
    /// removed.
    pub(super) async fn shut(&mut self) -> Result<Place, SubjectError> {
        let Some((replica, folder)) = &self.current else {
            return Err(SubjectError::Order("there is no replica to be closed".to_owned()));
        };
        replica.close().await;
        Ok(self.place_in(folder))
    }

    /// Closes and removes the current replica, if there is one.
    pub(super) async fn remove(&mut self) -> Result<(), SubjectError> {
        let Some((replica, folder)) = self.current.take() else { return Ok(()) };
        replica.close().await;
        tokio::fs::remove_dir_all(&folder).await.map_err(SubjectError::engine("removing a replica"))
    }

    fn place_in(&self, folder: &Path) -> Place {
        Place { path: folder.join("replica.db"), key: self.keys.database.clone(), config: self.config.store }
    }
}

/// The path of a replica, its key and its configuration.
#[derive(Clone)]
pub(super) struct Place {
    path: PathBuf,
    key: DatabaseKey,
    config: StoreConfig,
}

impl Place {
    /// Opens the replica, or makes a new one.
    pub(super) async fn open(&self) -> Result<Replica, SubjectError> {
        Replica::open(&self.path, &self.key, &self.config).await.map_err(SubjectError::engine("opening a replica"))
    }
}
