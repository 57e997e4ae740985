//! The SQL on uploads: blobs that are not complete yet. Each upload reserves its whole length at the start, so one that was
//! within the quota when it began cannot exceed it later. Every function runs inside a transaction that its caller ends.

use rusqlite::Connection;

use super::backend::ObjectName;
use super::blob_records::{self, BlobName, StoredBlob};
use super::deletions::{self, Deleted, LastDeletion};
use crate::protocol::{BlobDigest, BlobEntry, BlobFlags};
use crate::store::DatabaseError;

/// What the client announced about a blob before its content.
#[derive(Debug, Clone)]
pub(super) struct BlobSpec {
    /// Its name.
    pub(super) name: BlobName,
    /// Its length in bytes.
    pub(super) length: u64,
    /// The SHA-256 of its content.
    pub(super) digest: BlobDigest,
    /// The flags that it has when it appears.
    pub(super) flags: BlobFlags,
}

/// An upload that can be resumed.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    /// The blob that it will become.
    pub(super) spec: BlobSpec,
    /// Its content.
    pub(super) object: ObjectName,
    /// The number of durable bytes.
    pub(super) offset: u64,
    /// The process that is writing it.
    pub(super) writer: Option<u64>,
    /// When it expires, in seconds since 1970.
    pub(super) expires: i64,
}

/// Whether `length` more bytes fit into the user's quota.
pub(in crate::server) fn fits(
    connection: &Connection,
    user: i64,
    length: u64,
    quota: u64,
) -> Result<bool, DatabaseError> {
    Ok(blob_records::usage(connection, user)?.saturating_add(length) <= quota)
}

/// Begins an upload.
pub(super) fn insert(connection: &Connection, upload: &Upload, resumable: bool) -> Result<(), DatabaseError> {
    let BlobSpec { name, length, digest, flags } = &upload.spec;
    connection
        .prepare_cached(
            "INSERT INTO uploads (user, object, namespace, id, length, digest, flags, offset, resumable, writer, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            upload.object.user,
            upload.object.to_string(),
            name.namespace.as_str(),
            name.id.as_str(),
            length.cast_signed(),
            digest.0,
            flags.bits(),
            upload.offset.cast_signed(),
            resumable,
            upload.writer.map(u64::cast_signed),
            upload.expires,
        ))?;
    Ok(())
}

/// The upload under this name that can be resumed.
pub(super) fn find(connection: &Connection, user: i64, name: &BlobName) -> Result<Option<Upload>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT object, length, digest, flags, offset, writer, expires FROM uploads
         WHERE user = ?1 AND namespace = ?2 AND id = ?3 AND resumable",
    )?;
    let mut rows = statement.query((user, name.namespace.as_str(), name.id.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let spec = BlobSpec {
        name: name.clone(),
        length: blob_records::bytes(row, 1)?,
        digest: BlobDigest(row.get(2)?),
        flags: BlobFlags::from_bits(row.get(3)?),
    };
    Ok(Some(Upload {
        spec,
        object: blob_records::object(row, 0, user)?,
        offset: blob_records::bytes(row, 4)?,
        writer: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
        expires: row.get(6)?,
    }))
}

/// Records which process writes an upload from now on.
pub(super) fn claim(connection: &Connection, object: ObjectName, writer: u64) -> Result<(), DatabaseError> {
    connection.prepare_cached("UPDATE uploads SET writer = ?3 WHERE user = ?1 AND object = ?2")?.execute((
        object.user,
        object.to_string(),
        writer.cast_signed(),
    ))?;
    Ok(())
}

/// Records that more of an upload is durable, and that no process writes it any more if `release`. Returns whether `writer`
/// was still its writer.
pub(super) fn advance(
    connection: &Connection,
    object: ObjectName,
    writer: u64,
    offset: u64,
    expires: i64,
    release: bool,
) -> Result<bool, DatabaseError> {
    let advanced = connection
        .prepare_cached(
            "UPDATE uploads SET offset = ?4, expires = ?5, writer = CASE WHEN ?6 THEN NULL ELSE writer END
             WHERE user = ?1 AND object = ?2 AND writer = ?3",
        )?
        .execute((object.user, object.to_string(), writer.cast_signed(), offset.cast_signed(), expires, release))?;
    Ok(advanced > 0)
}

/// Removes an upload. Returns whether there was one.
pub(super) fn remove(connection: &Connection, object: ObjectName) -> Result<bool, DatabaseError> {
    let mut statement = connection.prepare_cached("DELETE FROM uploads WHERE user = ?1 AND object = ?2")?;
    Ok(statement.execute((object.user, object.to_string()))? > 0)
}

/// Removes all uploads under a name, even those that are being written. Returns their contents.
pub(super) fn remove_named(
    connection: &Connection,
    user: i64,
    name: &BlobName,
) -> Result<Vec<ObjectName>, DatabaseError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM uploads WHERE user = ?1 AND namespace = ?2 AND id = ?3 RETURNING object")?;
    let mut rows = statement.query((user, name.namespace.as_str(), name.id.as_str()))?;
    let mut removed = Vec::new();
    while let Some(row) = rows.next()? {
        removed.push(blob_records::object(row, 0, user)?);
    }
    Ok(removed)
}

/// What decides whether an upload is abandoned.
#[derive(Debug, Clone, Copy)]
pub(super) struct UploadSummary {
    /// Its content.
    pub(super) object: ObjectName,
    /// Whether a client can resume it.
    pub(super) resumable: bool,
    /// The process that wrote it last, unless that released it.
    pub(super) writer: Option<u64>,
}

/// Removes the uploads that are not active and have expired at `now` or cannot be resumed. Returns their contents.
pub(super) fn remove_abandoned(
    connection: &Connection,
    user: i64,
    now: i64,
    is_active: impl Fn(UploadSummary) -> bool,
) -> Result<Vec<ObjectName>, DatabaseError> {
    let mut statement =
        connection.prepare_cached("SELECT object, expires, resumable, writer FROM uploads WHERE user = ?1")?;
    let mut rows = statement.query([user])?;
    let mut abandoned = Vec::new();
    while let Some(row) = rows.next()? {
        let (object, resumable) = (blob_records::object(row, 0, user)?, row.get::<_, bool>(2)?);
        let writer = row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned);
        let expired = !resumable || row.get::<_, i64>(1)? <= now;
        if expired && !is_active(UploadSummary { object, resumable, writer }) {
            abandoned.push(object);
        }
    }
    for object in &abandoned {
        remove(connection, *object)?;
    }
    Ok(abandoned)
}

/// What happened to a complete content.
#[derive(Debug)]
pub(super) enum EntryOutcome {
    /// It is the content of this new blob.
    Created(StoredBlob),
    /// The blob existed already, with the same content.
    Unchanged(StoredBlob),
    /// A blob with another content existed.
    Conflict,
    /// The name was deleted or the upload was cancelled in the meantime.
    UploadEnded,
    /// So many names were deleted in the meantime that this one may be among them.
    Unknown,
    /// The user's quota does not allow it.
    OverQuota,
}

/// Makes a blob of a content that is durable and verified, for which an upload may have reserved the length. Other uploads
/// under its name are removed; the second value lists their contents.
pub(super) fn enter(
    connection: &Connection,
    object: ObjectName,
    spec: &BlobSpec,
    reservation: Reservation,
    now: i64,
) -> Result<(EntryOutcome, Vec<ObjectName>), DatabaseError> {
    let reserved = match reservation {
        Reservation::Upload => remove(connection, object)?,
        Reservation::None { .. } => true,
    };
    let BlobSpec { name, length, digest, flags } = spec;
    if let Some(existing) = blob_records::find(connection, object.user, name)? {
        let same = existing.entry.length == *length && existing.entry.digest == *digest;
        return Ok((if same { EntryOutcome::Unchanged(existing) } else { EntryOutcome::Conflict }, Vec::new()));
    }
    if !reserved {
        return Ok((EntryOutcome::UploadEnded, Vec::new()));
    }
    if let Reservation::None { quota, begun } = reservation {
        match deletions::since(connection, object.user, name, begun)? {
            Deleted::No => {}
            Deleted::Yes => return Ok((EntryOutcome::UploadEnded, Vec::new())),
            Deleted::Unknown => return Ok((EntryOutcome::Unknown, Vec::new())),
        }
        if !fits(connection, object.user, *length, quota)? {
            return Ok((EntryOutcome::OverQuota, Vec::new()));
        }
    }
    let entry = BlobEntry { id: name.id.clone(), length: *length, digest: *digest, flags: *flags, created: now };
    let blob = StoredBlob { entry, object };
    blob_records::insert(connection, name, &blob)?;
    let other = find(connection, object.user, name)?;
    if let Some(other) = &other {
        remove(connection, other.object)?;
    }
    Ok((EntryOutcome::Created(blob), other.map(|other| other.object).into_iter().collect()))
}

/// Whether a blob has an upload in the database, which counts towards the quota and which a deletion ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reservation {
    /// It has one.
    Upload,
    /// It has none, so the quota and deletions are checked when it is entered.
    None {
        /// Bytes that the user may store.
        quota: u64,
        /// The last deletion before its request began.
        begun: LastDeletion,
    },
}
