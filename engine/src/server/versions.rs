//! The table of versions of one user, sealed, in the order of their arrival. For each document it holds the versions that
//! no other includes, as the replicas do, judged by revisions alone. Every function runs inside a transaction that its
//! caller ends.

use bytes::{Bytes, BytesMut};
use rusqlite::Connection;

use super::refusal::Refusal;
use crate::document::{Arrival, Generation, Position, ReplicaId, Revision, arrive};
use crate::protocol::{BATCH_BYTES, BATCH_DOCUMENTS, SealedDocument, encode_document, encoded_length};
use crate::store::DatabaseError;
use crate::store::history::{Changes, History};

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

fn revisions(connection: &Connection, user: i64, id: &str) -> Result<Vec<(Generation, Revision)>, DatabaseError> {
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

/// The next versions after `after`, up to `until`, that did not come from `replica`: about `limit` bytes of them, and never
/// more than a batch may hold.
pub(super) fn page(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    after: Generation,
    until: Position,
    limit: usize,
) -> Result<Page, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, document, revision, sealed FROM versions
         WHERE user = ?4 AND generation > ?1 AND generation <= ?2 AND origin <> ?3 ORDER BY generation",
    )?;
    let mut rows = statement.query((after, until.generation, replica.to_bits(), user))?;
    let mut frames = BytesMut::with_capacity(limit);
    let (mut documents, mut reached) = (0, after);
    while let Some(row) = rows.next()? {
        let id = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let revision = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let sealed = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let length = encoded_length(id, revision, sealed.len());
        let fits = documents == 0 || (frames.len() + length <= BATCH_BYTES && documents < BATCH_DOCUMENTS);
        if frames.len() >= limit || !fits {
            let reached = History::of_user(connection, user)
                .at(reached)?
                .ok_or_else(|| DatabaseError::Damaged("a version without a transaction".to_owned()))?;
            return Ok(Page { frames: frames.freeze(), documents, reached });
        }
        encode_document(&mut frames, id, revision, sealed)
            .map_err(|error| DatabaseError::Damaged(format!("a stored version: {error}")))?;
        documents += 1;
        reached = row.get(0)?;
    }
    Ok(Page { frames: frames.freeze(), documents, reached: until })
}
