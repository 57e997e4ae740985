//! Versions whose content is not here: they were received as headers, and their contents are fetched on demand. They
//! supersede, conflict and are edited like any other version; they are in no index, and are never sent.

use rusqlite::Connection;

use super::{Replica, StoreError, versions};
use crate::document::{DocumentId, Revision};

/// A version of a document, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which version.
    pub revision: Revision,
    /// Whether another version is the current one.
    pub conflict: bool,
    /// Bytes of its content, `None` for a tombstone.
    pub size: Option<u64>,
    /// Whether the content is not here.
    pub absent: bool,
}

impl Replica {
    /// All versions of a document, the current one first, with or without their contents.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn versions(&self, id: &DocumentId) -> Result<Vec<Version>, StoreError> {
        let id = id.clone();
        self.database.read(move |connection| of_document(connection, &id)).await
    }

    /// At most `limit` documents with absent content, sorted by id, starting after `after`.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn absent(&self, after: Option<&DocumentId>, limit: usize) -> Result<Vec<DocumentId>, StoreError> {
        let after = after.map_or(String::new(), ToString::to_string);
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT DISTINCT document FROM versions WHERE absent = 1 AND document > ?1 ORDER BY document LIMIT ?2",
                )?;
                let mut rows = statement.query((after, i64::try_from(limit).unwrap_or(i64::MAX)))?;
                let mut ids = Vec::new();
                while let Some(row) = rows.next()? {
                    ids.push(versions::document_id(row, 0)?);
                }
                Ok(ids)
            })
            .await
    }

    /// Those of `ids` with absent content.
    pub(crate) async fn absent_among(&self, ids: Vec<DocumentId>) -> Result<Vec<DocumentId>, StoreError> {
        self.database
            .read(move |connection| {
                let mut absent = Vec::new();
                for id in ids {
                    if versions::labels(connection, &id)?.iter().any(|label| label.absent) {
                        absent.push(id);
                    }
                }
                Ok(absent)
            })
            .await
    }
}

fn of_document(connection: &Connection, id: &DocumentId) -> Result<Vec<Version>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT revision, conflict, size, absent FROM versions WHERE document = ?1 ORDER BY conflict, revision",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(Version {
            revision: versions::revision(row, 0)?,
            conflict: row.get(1)?,
            size: row.get::<_, Option<i64>>(2)?.and_then(|size| u64::try_from(size).ok()),
            absent: row.get(3)?,
        });
    }
    Ok(all)
}
