//! The SQL on encrypted versions of one user, in the order of their arrival. For each document the table holds the versions that no
//! other supersedes, as replicas do; only revisions decide that. Every function runs inside a transaction that its
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

/// Most bytes of stored versions that one transaction reads, even if it sends few of them.
const READ_LIMIT: usize = 64 << 20;

/// A section of the store's history as frames.
pub(super) struct Page {
    /// Document frames.
    pub(super) frames: Bytes,
    /// The number of documents.
    pub(super) documents: usize,
    /// Its end in the history.
    pub(super) reached: Position,
}

/// Stores a version, unless it or a newer one is stored already.
pub(super) fn insert(
    connection: &Connection,
    user: i64,
    changes: &mut Changes<'_>,
    origin: ReplicaId,
    document: &SealedDocument,
) -> Result<(), DatabaseError> {
    let stored = revisions(connection, user, document.id.as_str())?;
    let revisions: Vec<_> = stored.iter().map(|(_, revision)| revision.clone()).collect();
    let Arrival::News { superseded } = arrive(&revisions, &document.revision) else { return Ok(()) };
    for position in superseded {
        connection
            .prepare_cached("DELETE FROM versions WHERE user = ?1 AND generation = ?2")?
            .execute((user, stored[position].0))?;
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
        let revision = text
            .parse()
            .map_err(|error| DatabaseError::Damaged(format!("invalid revision in the database: {error}")))?;
        revisions.push((row.get(0)?, revision));
    }
    Ok(revisions)
}

/// The next versions between two positions that other replicas than `replica` sent: about `limit` bytes, and never more than a batch
/// may hold.
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
    let (mut batch, mut reached) = (BatchBuilder::default(), after);
    while let Some(row) = rows.next()? {
        let version = StoredVersion { id: text(row, 1)?, revision: text(row, 2)?, sealed: blob(row, 3)? };
        if !batch.add(&version, contents, limit)? {
            let reached = History::of_user(connection, user)
                .at(reached)?
                .ok_or_else(|| DatabaseError::Damaged("a version has no transaction".to_owned()))?;
            return Ok(Page { frames: batch.frames.freeze(), documents: batch.documents, reached });
        }
        reached = row.get(0)?;
    }
    Ok(Page { frames: batch.frames.freeze(), documents: batch.documents, reached: until })
}

/// A position among the versions of a list of documents.
#[derive(Clone, Copy, Default)]
pub(super) struct ExcerptPosition {
    document: usize,
    /// The last generation of the document that was sent.
    after: Generation,
}

/// The versions of `documents` from `position` on, limited as in [`page`], and the position to continue at, if there are more. Purge
/// markers are part of the history only, so they are omitted.
pub(super) fn excerpt(
    connection: &Connection,
    user: i64,
    documents: &[DocumentId],
    mut position: ExcerptPosition,
    limit: usize,
) -> Result<(BatchBuilder, Option<ExcerptPosition>), Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, revision, sealed FROM versions
         WHERE user = ?1 AND document = ?2 AND generation > ?3 AND length(sealed) > 0 ORDER BY generation",
    )?;
    let mut batch = BatchBuilder::default();
    for (number, id) in documents.iter().enumerate().skip(position.document) {
        position.document = number;
        let mut rows = statement.query((user, id.as_str(), position.after))?;
        while let Some(row) = rows.next()? {
            let version = StoredVersion { id: id.as_str(), revision: text(row, 1)?, sealed: blob(row, 2)? };
            if !batch.add(&version, Contents::Yes, limit)? {
                return Ok((batch, Some(position)));
            }
            position.after = row.get(0)?;
        }
        position.after = 0;
    }
    Ok((batch, None))
}

struct StoredVersion<'a> {
    id: &'a str,
    revision: &'a str,
    sealed: &'a [u8],
}

/// A batch that is being built.
#[derive(Default)]
pub(super) struct BatchBuilder {
    /// Document frames.
    pub(super) frames: BytesMut,
    /// The number of documents.
    pub(super) documents: usize,
    /// Bytes that were read. Headers send only a few of them.
    read: usize,
}

impl BatchBuilder {
    /// Adds a version. Returns whether there was room for it.
    fn add(&mut self, version: &StoredVersion<'_>, contents: Contents, limit: usize) -> Result<bool, DatabaseError> {
        let StoredVersion { id, revision, sealed } = *version;
        let length = encoded_length(id, revision, sealed.len());
        let fits =
            self.documents == 0 || (self.frames.len() + length <= BATCH_BYTES && self.documents < BATCH_DOCUMENTS);
        if self.frames.len() >= limit || self.read >= READ_LIMIT || !fits {
            return Ok(false);
        }
        if self.documents == 0 {
            self.frames.reserve(limit);
        }
        let encoded = match (contents, sealed.last_chunk()) {
            (Contents::No, Some(label)) => encode_header(&mut self.frames, id, revision, label),
            // A version that is too short to have a label is sent whole.
            _ => encode_document(&mut self.frames, id, revision, sealed),
        };
        encoded.map_err(|error| DatabaseError::Damaged(format!("invalid version in the database: {error}")))?;
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
