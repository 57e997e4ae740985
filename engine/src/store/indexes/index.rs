//! The indexes of a replica: create, drop, list and query them.

use rusqlite::{Connection, OptionalExtension};

use super::error::NAME_LIMIT;
use super::find::{Span, find};
use super::json::JsonPath;
use super::{Found, IndexError, Indexer, MAX_INDEXES, Wanted};
use crate::store::{Replica, StoreError};

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The JSON Pointer (RFC 6901) to what it orders by.
    pub path: String,
}

impl Replica {
    /// Creates an index of the values at `path`, a JSON Pointer (RFC 6901) such as `/headers/subject`, and adds the existing
    /// documents, in one transaction. An existing index of this name and path is not changed. Documents that are not JSON,
    /// or have no text, number or boolean at the path, have no entry; texts over 1024 bytes have none either.
    ///
    /// # Errors
    /// [`StoreError::Index`] where the name or path is invalid, the name is taken, or there are [`MAX_INDEXES`].
    pub async fn create_index(&self, name: &str, path: &str) -> Result<(), StoreError> {
        let index = Index { name: check_name(name)?.to_owned(), path: path.to_owned() };
        path.parse::<JsonPath>().map_err(IndexError::from)?;
        self.database.write(move |connection| create(connection, &index)).await
    }

    /// Drops an index; its documents are not changed.
    ///
    /// # Errors
    /// [`StoreError::Index`] where no index has this name.
    pub async fn drop_index(&self, name: &str) -> Result<(), StoreError> {
        let name = check_name(name)?.to_owned();
        self.database
            .write(move |connection| {
                let id = index_id(connection, &name)?;
                connection.execute("DELETE FROM entries WHERE of_index = ?1", [id])?;
                connection.execute("DELETE FROM indexes WHERE id = ?1", [id])?;
                Ok(())
            })
            .await
    }

    /// The indexes, sorted by name.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn indexes(&self) -> Result<Vec<Index>, StoreError> {
        self.database
            .read(|connection| {
                let mut statement = connection.prepare_cached("SELECT name, path FROM indexes ORDER BY name")?;
                let indexes = statement.query_map([], |row| Ok(Index { name: row.get(0)?, path: row.get(1)? }))?;
                Ok(indexes.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// At most `limit` entries of the index `name` that match `wanted` and follow `after`, sorted by value, then by id.
    ///
    /// # Errors
    /// [`StoreError::Index`] where no index has this name.
    pub async fn find(
        &self,
        name: &str,
        wanted: &Wanted,
        after: Option<&Found>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let name = check_name(name)?.to_owned();
        let (span, after) = (Span::of(wanted), after.cloned());
        self.database
            .read(move |connection| find(connection, index_id(connection, &name)?, &span, after.as_ref(), limit))
            .await
    }
}

fn check_name(name: &str) -> Result<&str, IndexError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = !name.is_empty() && name.len() <= NAME_LIMIT && name.bytes().all(allowed);
    if valid { Ok(name) } else { Err(IndexError::Name) }
}

/// The id of the index in the tables.
fn index_id(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM indexes WHERE name = ?1")?;
    let id = statement.query_row([name], |row| row.get(0)).optional()?;
    Ok(id.ok_or_else(|| IndexError::Absent(name.to_owned()))?)
}

fn create(connection: &Connection, index: &Index) -> Result<(), StoreError> {
    let known = connection.query_row("SELECT path FROM indexes WHERE name = ?1", [&index.name], |row| row.get(0));
    match known.optional()? {
        Some(path) if path == index.path => return Ok(()),
        Some(path) => return Err(IndexError::Exists { name: index.name.clone(), path }.into()),
        None => {}
    }
    let count: i64 = connection.query_row("SELECT count(*) FROM indexes", [], |row| row.get(0))?;
    if usize::try_from(count).is_ok_and(|count| count >= MAX_INDEXES) {
        return Err(IndexError::TooMany.into());
    }
    connection.execute("INSERT INTO indexes (name, path) VALUES (?1, ?2)", [&index.name, &index.path])?;
    Indexer::only(connection, &index.name)?.insert_all()
}
