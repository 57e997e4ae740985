//! Secondary indexes that the caller makes on values inside JSON documents. An index has one entry for each document whose
//! current version has a value there, and every change of a document changes its entries in the same transaction. Paths
//! and values come from outside: they are bound to statements, and never become part of one.

mod entries;
mod find;
mod json;

use std::fmt;
use std::ops::Bound;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql};

use super::{Replica, StoreError};
use crate::document::DocumentId;

pub(super) use entries::Indexer;
pub use json::InvalidJsonPath;

/// Indexes and their entries, as part of a replica's schema.
pub(super) const TABLES: &str = "
    CREATE TABLE indexes (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL
    ) STRICT;
    CREATE TABLE entries (
        of_index INTEGER NOT NULL,
        value    ANY NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (of_index, value, document)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entries_by_document ON entries (document);
";

/// The most indexes that a replica has.
pub const MAX_INDEXES: usize = 16;

/// Most bytes of a text that is indexed; a longer one has no entry.
const TEXT_LIMIT: usize = 1024;

/// Most bytes of an index's name.
const NAME_LIMIT: usize = 64;

/// A value in a JSON document, as indexes order them: numbers by size, then texts by code points, then false and true.
/// An integer equals a real number of the same size.
#[derive(Clone, PartialEq)]
pub enum IndexValue {
    /// A whole number that 64 bits can hold.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A text of at most 1024 bytes.
    Text(String),
    /// True or false.
    Bool(bool),
}

/// Content is a secret: only its kind is shown.
impl fmt::Debug for IndexValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer(_) | Self::Real(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bool(_) => "a boolean",
        })
    }
}

/// SQLite orders numbers before texts before blobs, and so a boolean is a blob of one byte.
impl ToSql for IndexValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(number) => ToSqlOutput::from(*number),
            Self::Real(number) => ToSqlOutput::from(*number),
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
            Self::Bool(value) => ToSqlOutput::Owned(Value::Blob(vec![u8::from(*value)])),
        })
    }
}

impl IndexValue {
    fn from_sql(value: ValueRef<'_>) -> Option<Self> {
        Some(match value {
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(std::str::from_utf8(text).ok()?.to_owned()),
            ValueRef::Blob([value]) => Self::Bool(*value != 0),
            ValueRef::Blob(_) | ValueRef::Null => return None,
        })
    }
}

/// What to find in an index.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// This value.
    Value(IndexValue),
    /// Texts that begin like this.
    Prefix(String),
    /// Values between two, in the order of [`IndexValue`].
    Range(Bound<IndexValue>, Bound<IndexValue>),
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What the document has there.
    pub value: IndexValue,
    /// Which document.
    pub id: DocumentId,
}

/// An index that the caller made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The JSON Pointer (RFC 6901) to what it orders by.
    pub path: String,
}

/// Why an index cannot be made or asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The name is none.
    #[error("the name of an index has 1 to {NAME_LIMIT} of the characters A-Z a-z 0-9 . _ -")]
    Name,
    /// The path is none.
    #[error(transparent)]
    Path(#[from] InvalidJsonPath),
    /// There is another one of this name.
    #[error("index {name} is on {path} already: drop it first, or take another name")]
    Exists {
        /// Its name.
        name: String,
        /// The path that it is on.
        path: String,
    },
    /// There is none of this name.
    #[error("there is no index {0}: create it first")]
    Absent(String),
    /// There are too many.
    #[error("a replica has at most {MAX_INDEXES} indexes: drop one first")]
    TooMany,
}

impl Replica {
    /// Makes an index of what documents have at `path`, a JSON Pointer (RFC 6901) such as `/headers/subject`, and enters the
    /// documents that are there, in one transaction. An index of this name and path that exists already is left alone.
    /// Documents that are not JSON, or have no text, number or boolean there, have no entry; nor have texts over 1024 bytes.
    ///
    /// # Errors
    /// [`StoreError::Index`] where the name or path is none, the name is taken or there are [`MAX_INDEXES`].
    pub async fn create_index(&self, name: &str, path: &str) -> Result<(), StoreError> {
        let index = Index { name: checked(name)?.to_owned(), path: path.to_owned() };
        path.parse::<json::JsonPath>().map_err(IndexError::from)?;
        self.database.write(move |connection| create(connection, &index)).await
    }

    /// Removes an index; its documents stay.
    ///
    /// # Errors
    /// [`StoreError::Index`] where there is none of this name.
    pub async fn drop_index(&self, name: &str) -> Result<(), StoreError> {
        let name = checked(name)?.to_owned();
        self.database
            .write(move |connection| {
                let id = number(connection, &name)?;
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

    /// At most `limit` entries of the index `name` that are as wanted and come after `after`, sorted by value, then by id.
    ///
    /// # Errors
    /// [`StoreError::Index`] where there is none of this name.
    pub async fn find(
        &self,
        name: &str,
        wanted: &Wanted,
        after: Option<&Found>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let name = checked(name)?.to_owned();
        let (span, after) = (find::Span::of(wanted), after.cloned());
        self.database
            .read(move |connection| find::find(connection, number(connection, &name)?, &span, after.as_ref(), limit))
            .await
    }
}

fn checked(name: &str) -> Result<&str, IndexError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = !name.is_empty() && name.len() <= NAME_LIMIT && name.bytes().all(allowed);
    if valid { Ok(name) } else { Err(IndexError::Name) }
}

/// The index's key in the tables.
fn number(connection: &Connection, name: &str) -> Result<i64, StoreError> {
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
    Indexer::only(connection, &index.name)?.enter_all()
}
