//! Opens the blobs of one user: takes the lock, opens index and stores, and makes them consistent after a crash.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use super::combined_store::CombinedStore;
use super::files::Files;
use super::rows::Rows;
use super::{BlobIndex, BlobRecord, BlobStore, BlobStoreError};
use crate::config::Config;
use crate::crypto::DatabaseKey;
use crate::store::{Database, Kind};

/// The schema of the index and of the store that shares its database. History: 1, the first; 2, causes of failures.
/// `docs/STORAGE.md` explains it.
const SCHEMA: &[&str] = &[
    "
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
",
    "
    ALTER TABLE blobs ADD COLUMN failure_cause TEXT;
",
];

/// Connections for concurrent reads.
const READERS: usize = 4;

/// Opens or creates the blobs of one user in `folder`, and removes what a crash left behind.
pub(crate) async fn open_blobs(
    folder: &Path,
    key: &DatabaseKey,
    config: &Config,
) -> Result<(BlobIndex, Arc<dyn BlobStore>), BlobStoreError> {
    let lock = lock(folder)?;
    let key = config.store.cipher.then(|| key.pragma());
    let kind = Kind { migrations: SCHEMA, readers: READERS, user: None };
    let database = Arc::new(Database::open(folder.join("blobs.db"), key, kind, config.store).await?);
    let store: Arc<dyn BlobStore> = Arc::new(CombinedStore {
        rows: Rows::new(database.clone()),
        files: Files::open(&folder.join("blobs"), config.store.synchronous).await?,
        setting: config.blobs.client_backend,
    });
    let index = BlobIndex::new(database, lock);
    recover(&index, &*store).await?;
    Ok((index, store))
}

/// Ensures that nothing else has the blobs open: another process would remove contents that are being stored as orphans.
fn lock(folder: &Path) -> Result<File, BlobStoreError> {
    let what = "the lock of the blobs cannot be taken";
    let file = File::create(folder.join("blobs.lock")).map_err(|source| BlobStoreError::Io { what, source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BlobStoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(BlobStoreError::Io { what, source }),
    }
}

/// Makes index and store consistent. A content enters the store before the index and leaves it after, so a content that the
/// index does not name is an orphan of a crash. A content that it names but that is missing was removed from outside.
async fn recover(index: &BlobIndex, store: &dyn BlobStore) -> Result<(), BlobStoreError> {
    let named = index.contents().await?;
    let mut present = HashSet::new();
    for id in store.list().await? {
        if named.contains_key(&id) {
            present.insert(id);
        } else {
            store.remove(id).await?;
        }
    }
    for (_, address) in named.into_iter().filter(|(id, _)| !present.contains(id)) {
        index.change(&address, BlobRecord::lose_content).await?;
    }
    Ok(())
}
