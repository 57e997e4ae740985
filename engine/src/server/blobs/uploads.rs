//! The SQL on uploads: blobs that are not whole yet. Each reserves its whole length from the start, so a quota that let
//! it begin lets it end. Every function runs inside a transaction that its caller ends.

use rusqlite::Connection;

use super::backend::ObjectName;
use super::deletions::{self, Moment, Since};
use super::records::{self, Name, Record};
use crate::protocol::{BlobDigest, BlobEntry, BlobFlags};
use crate::store::DatabaseError;

/// What a blob shall be when it is whole.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    /// Its name.
    pub(super) name: Name,
    /// Its bytes.
    pub(super) length: u64,
    /// The SHA-256 of them.
    pub(super) digest: BlobDigest,
    /// The flags that it has from the first moment on.
    pub(super) flags: BlobFlags,
}

/// An upload that may be gone on with.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    /// What it shall become.
    pub(super) announced: Announced,
    /// Where its content is.
    pub(super) object: ObjectName,
    /// Bytes that are durable.
    pub(super) offset: u64,
    /// The process that is writing it.
    pub(super) writer: Option<u64>,
    /// When it is given up, in seconds since 1970.
    pub(super) expires: i64,
}

/// Whether a user may store so much more.
pub(in crate::server) fn fits(
    connection: &Connection,
    user: i64,
    length: u64,
    quota: u64,
) -> Result<bool, DatabaseError> {
    Ok(records::usage(connection, user)?.saturating_add(length) <= quota)
}

/// Begins an upload.
pub(super) fn insert(connection: &Connection, upload: &Upload, resumable: bool) -> Result<(), DatabaseError> {
    let Announced { name, length, digest, flags } = &upload.announced;
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

/// The upload under this name that may be gone on with.
pub(super) fn find(connection: &Connection, user: i64, name: &Name) -> Result<Option<Upload>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT object, length, digest, flags, offset, writer, expires FROM uploads
         WHERE user = ?1 AND namespace = ?2 AND id = ?3 AND resumable",
    )?;
    let mut rows = statement.query((user, name.namespace.as_str(), name.id.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let announced = Announced {
        name: name.clone(),
        length: records::bytes(row, 1)?,
        digest: BlobDigest(row.get(2)?),
        flags: BlobFlags::from_bits(row.get(3)?),
    };
    Ok(Some(Upload {
        announced,
        object: records::object(row, 0, user)?,
        offset: records::bytes(row, 4)?,
        writer: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
        expires: row.get(6)?,
    }))
}

/// Says who writes an upload from now on.
pub(super) fn take(connection: &Connection, object: ObjectName, writer: u64) -> Result<(), DatabaseError> {
    connection.prepare_cached("UPDATE uploads SET writer = ?3 WHERE user = ?1 AND object = ?2")?.execute((
        object.user,
        object.to_string(),
        writer.cast_signed(),
    ))?;
    Ok(())
}

/// Notes that more of an upload is durable, and lets go of it where `done`. Answers whether `writer` was still its writer.
pub(super) fn advance(
    connection: &Connection,
    object: ObjectName,
    writer: u64,
    offset: u64,
    expires: i64,
    done: bool,
) -> Result<bool, DatabaseError> {
    let advanced = connection
        .prepare_cached(
            "UPDATE uploads SET offset = ?4, expires = ?5, writer = CASE WHEN ?6 THEN NULL ELSE writer END
             WHERE user = ?1 AND object = ?2 AND writer = ?3",
        )?
        .execute((object.user, object.to_string(), writer.cast_signed(), offset.cast_signed(), expires, done))?;
    Ok(advanced > 0)
}

/// Ends an upload. Answers whether there was one.
pub(super) fn remove(connection: &Connection, object: ObjectName) -> Result<bool, DatabaseError> {
    let mut statement = connection.prepare_cached("DELETE FROM uploads WHERE user = ?1 AND object = ?2")?;
    Ok(statement.execute((object.user, object.to_string()))? > 0)
}

/// Ends all uploads under a name, whoever writes them. Answers where their contents are.
pub(super) fn remove_named(connection: &Connection, user: i64, name: &Name) -> Result<Vec<ObjectName>, DatabaseError> {
    let mut statement = connection
        .prepare_cached("DELETE FROM uploads WHERE user = ?1 AND namespace = ?2 AND id = ?3 RETURNING object")?;
    let mut rows = statement.query((user, name.namespace.as_str(), name.id.as_str()))?;
    let mut removed = Vec::new();
    while let Some(row) = rows.next()? {
        removed.push(records::object(row, 0, user)?);
    }
    Ok(removed)
}

/// An upload as a sweep sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    /// Where its content is.
    pub(super) object: ObjectName,
    /// Whether someone may go on with it.
    pub(super) resumable: bool,
    /// The process that wrote it last, unless it let go of it.
    pub(super) writer: Option<u64>,
}

/// Ends the uploads that nobody writes and whose time is over at `now`, or that nobody can go on with. Answers where
/// their contents are.
pub(super) fn remove_lost(
    connection: &Connection,
    user: i64,
    now: i64,
    is_written: impl Fn(Trace) -> bool,
) -> Result<Vec<ObjectName>, DatabaseError> {
    let mut statement =
        connection.prepare_cached("SELECT object, expires, resumable, writer FROM uploads WHERE user = ?1")?;
    let mut rows = statement.query([user])?;
    let mut lost = Vec::new();
    while let Some(row) = rows.next()? {
        let (object, resumable) = (records::object(row, 0, user)?, row.get::<_, bool>(2)?);
        let writer = row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned);
        let over = !resumable || row.get::<_, i64>(1)? <= now;
        if over && !is_written(Trace { object, resumable, writer }) {
            lost.push(object);
        }
    }
    for object in &lost {
        remove(connection, *object)?;
    }
    Ok(lost)
}

/// What became of a content that is whole.
#[derive(Debug)]
pub(super) enum Entered {
    /// It is the blob.
    New(Record),
    /// The blob was there already, with this very content.
    Same(Record),
    /// Another blob was there.
    Conflict,
    /// The name was deleted, or the upload given up, meanwhile.
    Gone,
    /// So much was deleted meanwhile that nobody knows whether this name was.
    Unclear,
    /// The user may not store so much.
    OverQuota,
}

/// Makes a blob of a content that is durable and verified, in whose favour an upload may have reserved its length.
/// Other uploads under its name end; the second list are their contents.
pub(super) fn enter(
    connection: &Connection,
    object: ObjectName,
    announced: &Announced,
    reservation: Reservation,
    now: i64,
) -> Result<(Entered, Vec<ObjectName>), DatabaseError> {
    let reserved = match reservation {
        Reservation::Upload => remove(connection, object)?,
        Reservation::None { .. } => true,
    };
    let Announced { name, length, digest, flags } = announced;
    if let Some(present) = records::find(connection, object.user, name)? {
        let same = present.entry.length == *length && present.entry.digest == *digest;
        return Ok((if same { Entered::Same(present) } else { Entered::Conflict }, Vec::new()));
    }
    if !reserved {
        return Ok((Entered::Gone, Vec::new()));
    }
    if let Reservation::None { quota, begun } = reservation {
        match deletions::since(connection, object.user, name, begun)? {
            Since::Others => {}
            Since::This => return Ok((Entered::Gone, Vec::new())),
            Since::TooMany => return Ok((Entered::Unclear, Vec::new())),
        }
        if !fits(connection, object.user, *length, quota)? {
            return Ok((Entered::OverQuota, Vec::new()));
        }
    }
    let entry = BlobEntry { id: name.id.clone(), length: *length, digest: *digest, flags: *flags, created: now };
    let record = Record { entry, object };
    records::insert(connection, name, &record)?;
    let other = find(connection, object.user, name)?;
    if let Some(other) = &other {
        remove(connection, other.object)?;
    }
    Ok((Entered::New(record), other.map(|other| other.object).into_iter().collect()))
}

/// Whether a blob had an upload of its own before it became whole, which counted its length and which a deletion ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reservation {
    /// It had.
    Upload,
    /// It is counted and compared with deletions now.
    None {
        /// Bytes that the user may store.
        quota: u64,
        /// When it began to come.
        begun: Moment,
    },
}
