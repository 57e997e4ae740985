//! The SQL on complete blobs. Every function runs inside a transaction that its caller ends.

use rusqlite::{Connection, OptionalExtension, Row};

use super::backend::ObjectName;
use crate::protocol::{BlobCount, BlobDigest, BlobEntry, BlobFlags, BlobId, Namespace};
use crate::store::DatabaseError;

/// The name of a blob among those of a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::server) struct BlobName {
    /// The namespace.
    pub(in crate::server) namespace: Namespace,
    /// The id within the namespace.
    pub(in crate::server) id: BlobId,
}

/// A complete content, of a blob or of a message.
#[derive(Debug, Clone)]
pub(in crate::server) struct StoredContent {
    /// Its name in the backend.
    pub(in crate::server) object: ObjectName,
    /// Its length in bytes.
    pub(in crate::server) length: u64,
    /// Its SHA-256.
    pub(in crate::server) digest: BlobDigest,
}

impl StoredContent {
    /// Its strong entity tag.
    pub(super) fn tag(&self) -> String {
        format!("\"{}\"", self.digest)
    }
}

/// A complete blob.
#[derive(Debug, Clone)]
pub(in crate::server) struct StoredBlob {
    /// What clients see of it.
    pub(in crate::server) entry: BlobEntry,
    /// Its content.
    pub(in crate::server) object: ObjectName,
}

impl StoredBlob {
    /// Its strong entity tag.
    pub(in crate::server) fn tag(&self) -> String {
        self.content().tag()
    }

    /// Its content.
    pub(super) fn content(&self) -> StoredContent {
        StoredContent { object: self.object, length: self.entry.length, digest: self.entry.digest }
    }
}

/// Which blobs of a namespace to list or count.
#[derive(Debug, Clone)]
pub(super) struct BlobFilter {
    /// Only blobs with all of these flags.
    pub(super) flags: BlobFlags,
    /// Only blobs whose id has this prefix.
    pub(super) prefix: String,
    /// Only blobs that were completed at this time (seconds since 1970) or later.
    pub(super) since: i64,
}

const COLUMNS: &str = "id, object, length, digest, flags, created";

/// The blob of this name.
pub(super) fn find(connection: &Connection, user: i64, name: &BlobName) -> Result<Option<StoredBlob>, DatabaseError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM blobs WHERE user = ?1 AND namespace = ?2 AND id = ?3"))?;
    let mut rows = statement.query((user, name.namespace.as_str(), name.id.as_str()))?;
    rows.next()?.map(|row| stored_blob(row, user)).transpose()
}

/// Makes a blob visible. No blob of this name may exist.
pub(super) fn insert(connection: &Connection, name: &BlobName, blob: &StoredBlob) -> Result<(), DatabaseError> {
    let StoredBlob { entry, object } = blob;
    connection
        .prepare_cached(
            "INSERT INTO blobs (user, namespace, id, object, length, digest, flags, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            object.user,
            name.namespace.as_str(),
            name.id.as_str(),
            object.to_string(),
            entry.length.cast_signed(),
            entry.digest.0,
            entry.flags.bits(),
            entry.created,
        ))?;
    Ok(())
}

/// Removes a blob.
pub(super) fn remove(connection: &Connection, user: i64, name: &BlobName) -> Result<(), DatabaseError> {
    connection.prepare_cached("DELETE FROM blobs WHERE user = ?1 AND namespace = ?2 AND id = ?3")?.execute((
        user,
        name.namespace.as_str(),
        name.id.as_str(),
    ))?;
    Ok(())
}

/// Replaces the flags of a blob.
pub(super) fn set_flags(
    connection: &Connection,
    user: i64,
    name: &BlobName,
    flags: BlobFlags,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE blobs SET flags = ?4 WHERE user = ?1 AND namespace = ?2 AND id = ?3";
    connection.prepare_cached(sql)?.execute((user, name.namespace.as_str(), name.id.as_str(), flags.bits()))?;
    Ok(())
}

/// The first `limit` blobs after the id `after`, ordered by id.
pub(super) fn list(
    connection: &Connection,
    user: i64,
    namespace: &Namespace,
    filter: &BlobFilter,
    after: &str,
    limit: usize,
) -> Result<Vec<BlobEntry>, DatabaseError> {
    // Ids are ASCII, so `~` sorts after every character that can follow a prefix.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blobs WHERE user = ?7 AND namespace = ?1 AND id > ?2 AND id >= ?3 AND id < ?3 || '~'
         AND flags & ?4 = ?4 AND created >= ?5 ORDER BY id LIMIT ?6"
    ))?;
    let mut rows = statement.query((
        namespace.as_str(),
        after,
        &filter.prefix,
        filter.flags.bits(),
        filter.since,
        i64::try_from(limit).unwrap_or(i64::MAX),
        user,
    ))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(stored_blob(row, user)?.entry);
    }
    Ok(entries)
}

/// The number of blobs that the filter selects, and their bytes.
pub(super) fn count(
    connection: &Connection,
    user: i64,
    namespace: &Namespace,
    filter: &BlobFilter,
) -> Result<BlobCount, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(length), 0) FROM blobs
         WHERE user = ?5 AND namespace = ?1 AND id >= ?2 AND id < ?2 || '~' AND flags & ?3 = ?3 AND created >= ?4",
    )?;
    let filter = (namespace.as_str(), &filter.prefix, filter.flags.bits(), filter.since, user);
    Ok(statement.query_row(filter, |row| {
        Ok(BlobCount { blobs: row.get::<_, i64>(0)?.cast_unsigned(), bytes: row.get::<_, i64>(1)?.cast_unsigned() })
    })?)
}

/// Bytes of all blobs and of all uploads in progress.
pub(super) fn usage(connection: &Connection, user: i64) -> Result<u64, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM usage WHERE user = ?1")?;
    let bytes = statement.query_row([user], |row| row.get::<_, i64>(0)).optional()?;
    Ok(bytes.unwrap_or(0).cast_unsigned())
}

/// The contents of blobs, messages and uploads that the backend must have.
pub(super) fn objects(connection: &Connection, user: i64) -> Result<NamedObjects, DatabaseError> {
    let column = |sql: &str| {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([user])?;
        let mut objects = Vec::new();
        while let Some(row) = rows.next()? {
            objects.push(object(row, 0, user)?);
        }
        Ok::<_, DatabaseError>(objects)
    };
    Ok(NamedObjects {
        complete: column(
            "SELECT object FROM blobs WHERE user = ?1 AND NOT EXISTS
             (SELECT 1 FROM small_contents WHERE small_contents.user = ?1 AND small_contents.object = blobs.object)
             UNION ALL SELECT object FROM incoming WHERE user = ?1",
        )?,
        uploads: column("SELECT object FROM uploads WHERE user = ?1")?,
    })
}

/// The contents that the database names and the backend must have.
pub(super) struct NamedObjects {
    /// Those of complete blobs and of messages.
    pub(super) complete: Vec<ObjectName>,
    /// Those of uploads.
    pub(super) uploads: Vec<ObjectName>,
}

/// The content that a column names.
pub(in crate::server) fn object(row: &Row<'_>, column: usize, user: i64) -> Result<ObjectName, DatabaseError> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    ObjectName::parse(user, text)
        .ok_or_else(|| DatabaseError::Damaged(format!("invalid content name in the database: {text}")))
}

/// The number of bytes in a column.
pub(in crate::server) fn bytes(row: &Row<'_>, column: usize) -> Result<u64, DatabaseError> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn stored_blob(row: &Row<'_>, user: i64) -> Result<StoredBlob, DatabaseError> {
    let id = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
    let id = id.parse().map_err(|error| DatabaseError::Damaged(format!("invalid blob id in the database: {error}")))?;
    let entry = BlobEntry {
        id,
        length: bytes(row, 2)?,
        digest: BlobDigest(row.get(3)?),
        flags: BlobFlags::from_bits(row.get(4)?),
        created: row.get(5)?,
    };
    Ok(StoredBlob { entry, object: object(row, 1, user)? })
}
