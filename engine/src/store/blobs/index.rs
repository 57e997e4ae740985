//! The index of a device's blobs: one row per blob, changed only by the functions in `transitions`, each in one transaction.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};

use super::store::Insertion;
use super::{
    BlobAddress, BlobRecord, BlobState, BlobStore, BlobStoreError, Content, ContentId, FailureCause, Priority,
    TransferFailure,
};
use crate::store::{Database, DatabaseError};

const COLUMNS: &str = "namespace, id, state, draft, priority, content, sealed_length, digest, length, delete_first, \
                       tries, unverified, failure, failure_cause";

/// The records of all blobs of a device. Clones share it.
#[derive(Clone)]
pub(crate) struct BlobIndex {
    database: Arc<Database>,
    /// Held while the index is open, and released by [`Self::close`].
    lock: Arc<Mutex<Option<File>>>,
}

impl BlobIndex {
    /// The index in this database, which has the schema of `open`.
    pub(super) fn new(database: Arc<Database>, lock: File) -> Self {
        Self { database, lock: Arc::new(Mutex::new(Some(lock))) }
    }

    /// Applies a transition to a blob's record in one transaction. An error changes nothing.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        address: &BlobAddress,
        transition: impl FnOnce(&mut Option<BlobRecord>) -> Result<T, BlobStoreError> + Send + 'static,
    ) -> Result<T, BlobStoreError> {
        let address = address.clone();
        self.database.write(move |connection| change(connection, &address, transition)).await
    }

    /// As [`Self::change`], and inserts a content in the same transaction.
    pub(crate) async fn change_with_content<T: Send + 'static>(
        &self,
        address: &BlobAddress,
        insertion: Insertion,
        transition: impl FnOnce(&mut Option<BlobRecord>) -> Result<T, BlobStoreError> + Send + 'static,
    ) -> Result<T, BlobStoreError> {
        let address = address.clone();
        self.database
            .write(move |connection| {
                insertion(connection)?;
                change(connection, &address, transition)
            })
            .await
    }

    /// The records of several blobs, in their order.
    pub(crate) async fn get_all(&self, addresses: Vec<BlobAddress>) -> Result<Vec<Option<BlobRecord>>, BlobStoreError> {
        self.database.read(move |connection| addresses.iter().map(|address| get(connection, address)).collect()).await
    }

    /// The record of a blob.
    pub(crate) async fn get(&self, address: &BlobAddress) -> Result<Option<BlobRecord>, BlobStoreError> {
        let address = address.clone();
        self.database.read(move |connection| get(connection, &address)).await
    }

    /// The record of a blob, and its content where that is in the index's database and has at most `limit` bytes.
    pub(crate) async fn get_with_inline(
        &self,
        address: &BlobAddress,
        store: Arc<dyn BlobStore>,
        limit: u64,
    ) -> Result<(Option<BlobRecord>, Option<Bytes>), BlobStoreError> {
        let address = address.clone();
        self.database
            .read(move |connection| {
                let record = get(connection, &address)?;
                let content = record.as_ref().and_then(|record| record.content.as_ref());
                let small = content.and_then(|content| Some((content.id, content.sealed_length?)));
                let bytes = match small.filter(|(_, length)| *length <= limit) {
                    Some((id, length)) => store.read_inline(connection, id, length)?,
                    None => None,
                };
                Ok((record, bytes))
            })
            .await
    }

    /// At most `limit` blobs of a namespace, sorted by id, whose id comes after `after` (empty for all), in this state if
    /// one is given.
    pub(crate) async fn list(
        &self,
        namespace: &str,
        state: Option<BlobState>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<BlobRecord>, BlobStoreError> {
        let (namespace, after) = (namespace.to_owned(), after.to_owned());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM blobs WHERE namespace = ?1 AND id > ?2 AND (?3 IS NULL OR state = ?3)
                     ORDER BY id LIMIT ?4"
                ))?;
                let rows = statement.query((namespace, after, state.map(BlobState::as_str), limit))?;
                collect(rows)
            })
            .await
    }

    /// How many blobs of a namespace are in each state; states without any are left out.
    pub(crate) async fn count(&self, namespace: &str) -> Result<HashMap<BlobState, u64>, BlobStoreError> {
        let namespace = namespace.to_owned();
        self.database
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT state, count(*) FROM blobs WHERE namespace = ?1 GROUP BY state")?;
                let mut rows = statement.query([namespace])?;
                let mut counts = HashMap::new();
                while let Some(row) = rows.next()? {
                    counts.insert(state(&row.get::<_, String>(0)?)?, unsigned(row.get(1)?));
                }
                Ok(counts)
            })
            .await
    }

    /// Every blob with pending work at the server.
    pub(crate) async fn with_work(&self) -> Result<Vec<BlobRecord>, BlobStoreError> {
        self.database
            .read(|connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM blobs
                     WHERE state IN ('pending_delete', 'pending_download', 'pending_upload') OR delete_first = 1"
                ))?;
                collect(statement.query([])?)
            })
            .await
    }

    /// Every content that belongs to a blob.
    pub(super) async fn contents(&self) -> Result<HashMap<ContentId, BlobAddress>, BlobStoreError> {
        self.database
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached(&format!("SELECT {COLUMNS} FROM blobs WHERE content IS NOT NULL"))?;
                let records = collect(statement.query([])?)?;
                let named = records.into_iter().filter_map(|record| Some((record.content?.id, record.address)));
                Ok(named.collect())
            })
            .await
    }

    /// Completes pending writes and closes the database, which the store may share.
    pub(crate) async fn close(&self) {
        self.database.close().await;
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn change<T>(
    connection: &Connection,
    address: &BlobAddress,
    transition: impl FnOnce(&mut Option<BlobRecord>) -> Result<T, BlobStoreError>,
) -> Result<T, BlobStoreError> {
    let before = get(connection, address)?;
    let mut after = before.clone();
    let result = transition(&mut after)?;
    match &after {
        _ if after == before => {}
        Some(record) => set(connection, record)?,
        None => {
            let delete = "DELETE FROM blobs WHERE namespace = ?1 AND id = ?2";
            connection.prepare_cached(delete)?.execute((address.namespace(), address.id()))?;
        }
    }
    Ok(result)
}

fn get(connection: &Connection, address: &BlobAddress) -> Result<Option<BlobRecord>, BlobStoreError> {
    let select = format!("SELECT {COLUMNS} FROM blobs WHERE namespace = ?1 AND id = ?2");
    let mut statement = connection.prepare_cached(&select)?;
    statement.query_row((address.namespace(), address.id()), |row| Ok(record(row))).optional()?.transpose()
}

fn set(connection: &Connection, record: &BlobRecord) -> Result<(), BlobStoreError> {
    let content = record.content.as_ref();
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO blobs ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
        ))?
        .execute((
            record.address.namespace(),
            record.address.id(),
            record.state.as_str(),
            record.draft,
            record.priority as i64,
            content.map(|content| content.id.to_bytes()),
            content.and_then(|content| content.sealed_length).map(signed),
            content.and_then(|content| content.digest),
            record.length.map(signed),
            record.delete_first,
            record.tries,
            record.unverified,
            record.failure.as_ref().map(|failure| &failure.message),
            record.failure.as_ref().map(|failure| failure.cause.as_str()),
        ))?;
    Ok(())
}

fn collect(mut rows: rusqlite::Rows<'_>) -> Result<Vec<BlobRecord>, BlobStoreError> {
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> Result<BlobRecord, BlobStoreError> {
    let (namespace, id): (String, String) = (row.get(0)?, row.get(1)?);
    let address = BlobAddress::new(&namespace, &id).map_err(|error| DatabaseError::Damaged(error.to_string()))?;
    let content = match row.get::<_, Option<[u8; 16]>>(5)? {
        Some(id) => Some(Content {
            id: ContentId::from_bytes(id),
            sealed_length: row.get::<_, Option<i64>>(6)?.map(unsigned),
            digest: row.get(7)?,
        }),
        None => None,
    };
    Ok(BlobRecord {
        address,
        state: state(&row.get::<_, String>(2)?)?,
        draft: row.get(3)?,
        priority: priority(row.get(4)?)?,
        content,
        length: row.get::<_, Option<i64>>(8)?.map(unsigned),
        delete_first: row.get(9)?,
        tries: row.get(10)?,
        unverified: row.get(11)?,
        failure: failure(row.get(12)?, row.get(13)?)?,
    })
}

fn state(name: &str) -> Result<BlobState, DatabaseError> {
    let found = BlobState::ALL.into_iter().find(|state| state.as_str() == name);
    found.ok_or_else(|| DatabaseError::Damaged(format!("`{name}` is not a state of a blob")))
}

fn failure(message: Option<String>, cause: Option<String>) -> Result<Option<TransferFailure>, DatabaseError> {
    let Some(message) = message else { return Ok(None) };
    let cause = match cause {
        // Recorded before causes were.
        None => FailureCause::Other,
        Some(name) => {
            let found = FailureCause::ALL.into_iter().find(|cause| cause.as_str() == name);
            found.ok_or_else(|| DatabaseError::Damaged(format!("`{name}` is not a cause of a transfer failure")))?
        }
    };
    Ok(Some(TransferFailure { message, cause }))
}

fn priority(number: i64) -> Result<Priority, DatabaseError> {
    let found = usize::try_from(number).ok().and_then(|number| Priority::ALL.get(number)).copied();
    found.ok_or_else(|| DatabaseError::Damaged(format!("{number} is not a priority")))
}

/// A length as SQLite stores it. No blob approaches its limit of 2^63.
pub(super) fn signed(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// A length that was stored by [`signed`]. A negative value, which is invalid, reads as 0.
pub(super) fn unsigned(length: i64) -> u64 {
    u64::try_from(length).unwrap_or_default()
}
