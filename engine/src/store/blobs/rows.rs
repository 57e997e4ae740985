//! Contents in rows of the encrypted database, read and written with incremental blob I/O, so that neither a row nor a write
//! is ever as large as a blob. One row per content is impossible: SQLite limits values to 1 GB.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, MAIN_DB, OptionalExtension};

use super::index::{signed, unsigned};
use super::store::{Insertion, StoreFuture, WRITE_SIZE, check_write};
use super::{BlobStore, BlobStoreError, ContentId, Stored};
use crate::store::{Database, DatabaseError};

/// Bytes of a row. Aligned writes of this size touch each page once; larger rows would be filled with zeros in one
/// transaction and overwritten in others.
pub(super) const ROW: u64 = WRITE_SIZE;

/// Rows of a database.
pub(super) struct Rows {
    database: Arc<Database>,
}

impl Rows {
    /// Rows of this database, which has the schema of `open`.
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

impl BlobStore for Rows {
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(self.database.write(move |connection| write(connection, content, total, offset, &bytes)))
    }

    fn insert_whole(&self, content: ContentId, bytes: Bytes) -> StoreFuture<'_, Insertion> {
        Box::pin(async move {
            Ok(Box::new(move |connection: &Connection| insert_whole(connection, content, &bytes)) as Insertion)
        })
    }

    fn read(&self, content: ContentId, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        Box::pin(self.database.read(move |connection| read(connection, content, range)))
    }

    fn read_inline(
        &self,
        index: &Connection,
        content: ContentId,
        length: u64,
    ) -> Result<Option<Bytes>, BlobStoreError> {
        match find(index, content)? {
            Some(found) if found.length == length => read(index, content, 0..length).map(Some),
            _ => Ok(None),
        }
    }

    fn stored(&self, content: ContentId) -> StoreFuture<'_, Option<Stored>> {
        Box::pin(self.database.read(move |connection| Ok(find(connection, content)?.map(|found| found.stored()))))
    }

    fn remove(&self, content: ContentId) -> StoreFuture<'_, ()> {
        Box::pin(self.database.write(move |connection| remove(connection, content)))
    }

    fn list(&self) -> StoreFuture<'_, Vec<ContentId>> {
        Box::pin(self.database.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM contents")?;
            let ids = statement.query_map([], |row| Ok(ContentId::from_bytes(row.get(0)?)))?;
            Ok(ids.collect::<Result<_, _>>()?)
        }))
    }
}

/// A content according to its row.
struct Found {
    number: i64,
    length: u64,
    total: u64,
}

impl Found {
    fn stored(&self) -> Stored {
        Stored { length: self.length, whole: self.length == self.total }
    }
}

fn find(connection: &Connection, content: ContentId) -> Result<Option<Found>, BlobStoreError> {
    let mut statement = connection.prepare_cached("SELECT number, length, total FROM contents WHERE id = ?1")?;
    let found = statement.query_row([content.to_bytes()], |row| {
        Ok(Found { number: row.get(0)?, length: unsigned(row.get(1)?), total: unsigned(row.get(2)?) })
    });
    Ok(found.optional()?)
}

fn write(
    connection: &Connection,
    content: ContentId,
    total: u64,
    offset: u64,
    bytes: &[u8],
) -> Result<(), BlobStoreError> {
    let found = find(connection, content)?;
    check_write(found.as_ref().map(Found::stored), total, offset, bytes)?;
    // Rows are created with their final length, so a part that restarts with another total needs new ones.
    let found = match found {
        Some(found) if found.total != total => {
            remove(connection, content)?;
            if offset > 0 {
                return Err(BlobStoreError::Gap { length: 0, offset });
            }
            None
        }
        found => found,
    };
    let number = match found {
        Some(found) => found.number,
        None => {
            let insert = "INSERT INTO contents (id, length, total) VALUES (?1, 0, ?2)";
            connection.prepare_cached(insert)?.insert((content.to_bytes(), signed(total)))?
        }
    };
    let mut rest = bytes;
    let mut at = offset;
    while !rest.is_empty() {
        let (place, within) = (at / ROW, at % ROW);
        let fits = rest.len().min((ROW - within) as usize);
        let (now, later) = rest.split_at(fits);
        let row = row_of(connection, number, place, ROW.min(total - place * ROW))?;
        connection.blob_open(MAIN_DB, "pieces", "bytes", row, false)?.write_all_at(now, within as usize)?;
        (rest, at) = (later, at + fits as u64);
    }
    connection.prepare_cached("UPDATE contents SET length = ?2, total = ?3 WHERE number = ?1")?.execute((
        number,
        signed(offset + bytes.len() as u64),
        signed(total),
    ))?;
    Ok(())
}

/// Inserts the rows of a whole content.
fn insert_whole(connection: &Connection, content: ContentId, bytes: &[u8]) -> Result<(), BlobStoreError> {
    let length = signed(bytes.len() as u64);
    let insert = "INSERT INTO contents (id, length, total) VALUES (?1, ?2, ?2)";
    let number = connection.prepare_cached(insert)?.insert((content.to_bytes(), length))?;
    let mut statement = connection.prepare_cached("INSERT INTO pieces (content, place, bytes) VALUES (?1, ?2, ?3)")?;
    for (place, piece) in bytes.chunks(ROW as usize).enumerate() {
        statement.execute((number, signed(place as u64), piece))?;
    }
    Ok(())
}

/// The row at `place`, created with `length` zeros where it is absent. Bytes of a row after the content's length are
/// overwritten before they are read.
fn row_of(connection: &Connection, content: i64, place: u64, length: u64) -> Result<i64, BlobStoreError> {
    let select = "SELECT number FROM pieces WHERE content = ?1 AND place = ?2";
    let known = connection.prepare_cached(select)?.query_row((content, signed(place)), |row| row.get(0)).optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    let insert = "INSERT INTO pieces (content, place, bytes) VALUES (?1, ?2, zeroblob(?3))";
    Ok(connection.prepare_cached(insert)?.insert((content, signed(place), signed(length)))?)
}

fn read(connection: &Connection, content: ContentId, range: Range<u64>) -> Result<Bytes, BlobStoreError> {
    let found = find(connection, content)?.unwrap_or(Found { number: 0, length: 0, total: 0 });
    if range.end > found.length || range.start > range.end {
        return Err(BlobStoreError::Gap { length: found.length, offset: range.end });
    }
    let mut bytes = vec![0; (range.end - range.start) as usize];
    let mut at = range.start;
    let mut rest = &mut bytes[..];
    while !rest.is_empty() {
        let (place, within) = (at / ROW, at % ROW);
        let fits = rest.len().min((ROW - within) as usize);
        let (now, later) = rest.split_at_mut(fits);
        let select = "SELECT number FROM pieces WHERE content = ?1 AND place = ?2";
        let row =
            connection.prepare_cached(select)?.query_row((found.number, signed(place)), |row| row.get(0)).optional()?;
        let row = row.ok_or_else(|| DatabaseError::Damaged(format!("row {place} of content {content} is missing")))?;
        connection.blob_open(MAIN_DB, "pieces", "bytes", row, true)?.read_at_exact(now, within as usize)?;
        (rest, at) = (later, at + fits as u64);
    }
    Ok(bytes.into())
}

fn remove(connection: &Connection, content: ContentId) -> Result<(), BlobStoreError> {
    if let Some(found) = find(connection, content)? {
        connection.prepare_cached("DELETE FROM pieces WHERE content = ?1")?.execute([found.number])?;
        connection.prepare_cached("DELETE FROM contents WHERE number = ?1")?.execute([found.number])?;
    }
    Ok(())
}
