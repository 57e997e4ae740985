//! The table of versions of one user, sealed, in the order of their arrival. For each document it holds the versions that
//! no other includes, as the replicas do, judged by revisions alone. Every function runs inside a transaction that its
//! caller ends.

use bytes::{Bytes, BytesMut};
use rusqlite::{Connection, Row};

use super::refusal::Refusal;
use crate::document::{Arrival, DocumentId, Generation, Position, ReplicaId, Revision, arrive};
use crate::protocol::{
    BATCH_BYTES, BATCH_DOCUMENTS, Contents, SealedDocument, encode_document, encode_header, encoded_length,
};
use crate::store::DatabaseError;
use crate::store::history::{Changes, History};

/// Bytes of stored versions that one read looks at, if it sends little of them.
const READ_AT_ONCE: usize = 64 << 20;

/// A stretch of the store's history as frames.
pub(super) struct Page {
    /// Document frames.
    pub(super) frames: Bytes,
    /// How many.
    pub(super) documents: usize,
    /// Up to here.
    pub(super) reached: Position,
}

/// Keeps one version, unless it is known or something newer is.
pub(super) fn keep(
    connection: &Connection,
    user: i64,
    changes: &mut Changes<'_>,
    origin: ReplicaId,
    document: &SealedDocument,
) -> Result<(), DatabaseError> {
    let present = revisions(connection, user, document.id.as_str())?;
    let revisions: Vec<_> = present.iter().map(|(_, revision)| revision.clone()).collect();
    let Arrival::News { superseded } = arrive(&revisions, &document.revision) else { return Ok(()) };
    for position in superseded {
        connection
            .prepare_cached("DELETE FROM versions WHERE user = ?1 AND generation = ?2")?
            .execute((user, present[position].0))?;
    }
    connection
        .prepare_cached(
            "INSERT INTO versions (user, generation, document, revision, origin, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            user,
            changes.next(),
            document.id.as_str(),
            document.revision.to_string(),
            origin.to_bits(),
            &document.sealed[..],
        ))?;
    Ok(())
}

/// The generations and revisions of the versions of a document.
pub(super) fn revisions(
    connection: &Connection,
    user: i64,
    id: &str,
) -> Result<Vec<(Generation, Revision)>, DatabaseError> {
    let sql = "SELECT generation, revision FROM versions WHERE user = ?1 AND document = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((user, id))?;
    let mut revisions = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let revision = text.parse().map_err(|error| DatabaseError::Damaged(format!("a stored revision: {error}")))?;
        revisions.push((row.get(0)?, revision));
    }
    Ok(revisions)
}

/// The next versions between two places, that did not come from `replica`: about `limit` bytes of them, and never more than a
/// batch may hold.
pub(super) fn page(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    (after, until): (Generation, Position),
    contents: Contents,
    limit: usize,
) -> Result<Page, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, document, revision, sealed FROM versions
         WHERE user = ?4 AND generation > ?1 AND generation <= ?2 AND origin <> ?3 ORDER BY generation",
    )?;
    let mut rows = statement.query((after, until.generation, replica.to_bits(), user))?;
    let (mut filling, mut reached) = (Filling::default(), after);
    while let Some(row) = rows.next()? {
        let version = StoredVersion { id: text(row, 1)?, revision: text(row, 2)?, sealed: blob(row, 3)? };
        if !filling.take(&version, contents, limit)? {
            let reached = History::of_user(connection, user)
                .at(reached)?
                .ok_or_else(|| DatabaseError::Damaged("a version without a transaction".to_owned()))?;
            return Ok(Page { frames: filling.frames.freeze(), documents: filling.documents, reached });
        }
        reached = row.get(0)?;
    }
    Ok(Page { frames: filling.frames.freeze(), documents: filling.documents, reached: until })
}

/// A place among the versions of some documents.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    document: usize,
    /// Its versions up to here are behind.
    after: Generation,
}

/// The versions of `documents` from `place` on, as [`page`] bounds them, and where to go on, if that was not all. Marks of
/// what was purged have their place in the history alone.
pub(super) fn excerpt(
    connection: &Connection,
    user: i64,
    documents: &[DocumentId],
    mut place: Place,
    limit: usize,
) -> Result<(Filling, Option<Place>), Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, revision, sealed FROM versions
         WHERE user = ?1 AND document = ?2 AND generation > ?3 AND length(sealed) > 0 ORDER BY generation",
    )?;
    let mut filling = Filling::default();
    for (number, id) in documents.iter().enumerate().skip(place.document) {
        place.document = number;
        let mut rows = statement.query((user, id.as_str(), place.after))?;
        while let Some(row) = rows.next()? {
            let version = StoredVersion { id: id.as_str(), revision: text(row, 1)?, sealed: blob(row, 2)? };
            if !filling.take(&version, Contents::Yes, limit)? {
                return Ok((filling, Some(place)));
            }
            place.after = row.get(0)?;
        }
        place.after = 0;
    }
    Ok((filling, None))
}

struct StoredVersion<'a> {
    id: &'a str,
    revision: &'a str,
    sealed: &'a [u8],
}

/// A batch that is being filled.
#[derive(Default)]
pub(super) struct Filling {
    pub(super) frames: BytesMut,
    pub(super) documents: usize,
    /// Bytes that were read, of which headers send few.
    read: usize,
}

impl Filling {
    /// Adds a version, if there is room for it.
    fn take(&mut self, version: &StoredVersion<'_>, contents: Contents, limit: usize) -> Result<bool, DatabaseError> {
        let StoredVersion { id, revision, sealed } = *version;
        let length = encoded_length(id, revision, sealed.len());
        let fits =
            self.documents == 0 || (self.frames.len() + length <= BATCH_BYTES && self.documents < BATCH_DOCUMENTS);
        if self.frames.len() >= limit || self.read >= READ_AT_ONCE || !fits {
            return Ok(false);
        }
        if self.documents == 0 {
            self.frames.reserve(limit);
        }
        let encoded = match (contents, sealed.last_chunk()) {
            (Contents::No, Some(label)) => encode_header(&mut self.frames, id, revision, label),
            // What is too short to have a label goes whole.
            _ => encode_document(&mut self.frames, id, revision, sealed),
        };
        encoded.map_err(|error| DatabaseError::Damaged(format!("a stored version: {error}")))?;
        self.documents += 1;
        self.read += sealed.len();
        Ok(true)
    }
}

fn text<'a>(row: &'a Row<'_>, index: usize) -> Result<&'a str, DatabaseError> {
    Ok(row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?)
}

fn blob<'a>(row: &'a Row<'_>, index: usize) -> Result<&'a [u8], DatabaseError> {
    Ok(row.get_ref(index)?.as_blob().map_err(rusqlite::Error::from)?)
}
