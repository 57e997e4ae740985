//! Maintains the entries of indexes. Every change of a document's current version updates them in the same transaction.

use rusqlite::Connection;

use super::json::Paths;
use crate::document::DocumentId;
use crate::store::{DatabaseError, StoreError};

/// The indexes of one transaction.
pub(in crate::store) struct Indexer<'a> {
    connection: &'a Connection,
    /// Keys of the indexes, in the order of their paths.
    keys: Vec<i64>,
    paths: Paths,
}

impl<'a> Indexer<'a> {
    /// All indexes.
    pub(in crate::store) fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        Self::read(connection, "%")
    }

    /// Only the index of this name.
    pub(super) fn only(connection: &'a Connection, name: &str) -> Result<Self, StoreError> {
        Self::read(connection, name)
    }

    /// The indexes whose name is `name`, or all for `%`, which no name contains.
    fn read(connection: &'a Connection, name: &str) -> Result<Self, StoreError> {
        let mut indexer = Self { connection, keys: Vec::new(), paths: Paths::default() };
        let mut statement = connection.prepare_cached("SELECT id, path FROM indexes WHERE ?1 IN (name, '%')")?;
        let mut rows = statement.query([name])?;
        while let Some(row) = rows.next()? {
            let path = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            let damaged = |error| DatabaseError::Damaged(format!("an index's path: {error}"));
            indexer.paths.add(&path.parse().map_err(damaged)?);
            indexer.keys.push(row.get(0)?);
        }
        Ok(indexer)
    }

    /// Updates the entries of a document to the content of its current version, `None` where it is deleted. `new` where the
    /// document had no version before.
    pub(in crate::store) fn update(
        &self,
        id: &DocumentId,
        content: Option<&[u8]>,
        new: bool,
    ) -> Result<(), StoreError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        if !new {
            let mut remove = self.connection.prepare_cached("DELETE FROM entries WHERE document = ?1")?;
            remove.execute([id.as_str()])?;
        }
        content.map_or(Ok(()), |content| self.insert(id.as_str(), content))
    }

    /// Adds every document.
    pub(super) fn insert_all(&self) -> Result<(), StoreError> {
        let mut statement =
            self.connection.prepare("SELECT document, content FROM versions WHERE conflict = 0 AND deleted = 0")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            if let Some(content) = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
                self.insert(id, content)?;
            }
        }
        Ok(())
    }

    fn insert(&self, id: &str, content: &[u8]) -> Result<(), StoreError> {
        let mut insert =
            self.connection.prepare_cached("INSERT INTO entries (of_index, value, document) VALUES (?1, ?2, ?3)")?;
        for (key, value) in self.keys.iter().zip(self.paths.values(content)) {
            if let Some(value) = value {
                insert.execute((key, value, id))?;
            }
        }
        Ok(())
    }
}
