//! Blobs on a device: an index that says of each what is to be done with it, and stores that hold their sealed bytes. It
//! must never hold a byte of content that is not sealed, and never name content by what a user called it.
//!
//! Read `record` for the states and `steps` for their transitions, `store` for what a store promises; `rows` and `files` are the two, and
//! `placed` chooses.

mod address;
mod error;
mod files;
mod index;
mod placed;
mod record;
mod rows;
mod steps;
mod store;
#[cfg(test)]
mod store_tests;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

pub use address::{BlobAddress, InvalidBlobAddress};
pub use error::BlobStoreError;
pub(crate) use index::BlobIndex;
pub use record::{BlobRecord, BlobState, Priority};
pub(crate) use record::{Content, Deleted, Work};
pub(crate) use store::{BlobStore, ContentId, Entering, Stored};

use super::{Database, Kind};
use crate::config::Config;
use crate::crypto::DatabaseKey;

/// The schema of the index and of the store that shares its database. History: 1, the first. `docs/STORAGE.md` explains it.
const SCHEMA: &[&str] = &["
    CREATE TABLE blobs (
        namespace     TEXT NOT NULL,
        id            TEXT NOT NULL,
        state         TEXT NOT NULL,
        draft         INTEGER NOT NULL CHECK (draft IN (0, 1)),
        priority      INTEGER NOT NULL,
        content       BLOB CHECK (length(content) = 16),
        sealed_length INTEGER,
        digest        BLOB CHECK (length(digest) = 32),
        length        INTEGER,
        delete_first  INTEGER NOT NULL CHECK (delete_first IN (0, 1)),
        tries         INTEGER NOT NULL,
        unverified    INTEGER NOT NULL,
        failure       TEXT,
        PRIMARY KEY (namespace, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX blobs_by_state ON blobs (state, namespace, id);
    CREATE TABLE contents (
        number INTEGER PRIMARY KEY,
        id     BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
        length INTEGER NOT NULL,
        total  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE pieces (
        number  INTEGER PRIMARY KEY,
        content INTEGER NOT NULL REFERENCES contents (number),
        place   INTEGER NOT NULL,
        bytes   BLOB NOT NULL,
        UNIQUE (content, place)
    ) STRICT;
"];

/// Connections that read at once.
const READERS: usize = 4;

/// Opens, or makes, the blobs of one user in `folder`, and removes what a crash left behind.
pub(crate) async fn open_blobs(
    folder: &Path,
    key: &DatabaseKey,
    config: &Config,
) -> Result<(BlobIndex, Arc<dyn BlobStore>), BlobStoreError> {
    let lock = lock(folder)?;
    let key = config.store.cipher.then(|| key.pragma());
    let kind = Kind { migrations: SCHEMA, readers: READERS, user: None };
    let database = Arc::new(Database::open(folder.join("blobs.db"), key, kind, config.store).await?);
    let store: Arc<dyn BlobStore> = Arc::new(placed::Placed {
        rows: rows::Rows::new(database.clone()),
        files: files::Files::open(&folder.join("blobs"), config.store.synchronous).await?,
        setting: config.blobs.client_backend,
    });
    let index = BlobIndex::new(database, lock);
    recover(&index, &*store).await?;
    Ok((index, store))
}

/// Makes sure that nobody else has the blobs open: what one is about to store, another would take for an orphan.
fn lock(folder: &Path) -> Result<File, BlobStoreError> {
    let what = "the lock of the blobs cannot be taken";
    let file = File::create(folder.join("blobs.lock")).map_err(|source| BlobStoreError::Io { what, source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BlobStoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(BlobStoreError::Io { what, source }),
    }
}

/// Makes index and store agree again. Content enters the store before the index and leaves it after, so what the index
/// does not name is of no use to anyone; and what it names but is not there was lost by somebody else.
async fn recover(index: &BlobIndex, store: &dyn BlobStore) -> Result<(), BlobStoreError> {
    let named = index.contents().await?;
    let mut present = std::collections::HashSet::new();
    for id in store.list().await? {
        if named.contains_key(&id) {
            present.insert(id);
        } else {
            store.remove(id).await?;
        }
    }
    for (_, address) in named.into_iter().filter(|(id, _)| !present.contains(id)) {
        index.change(&address, BlobRecord::content_is_lost).await?;
    }
    Ok(())
}
