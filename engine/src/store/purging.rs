//! Tombstones that go. A replica drops one only when the server says that every replica has it, and only that very version:
//! whatever else a server says, nothing that lives is ever dropped here.

use rusqlite::Connection;

use super::versions::{Changing, Incoming};
use super::{DatabaseError, Replica, StoreError, versions};
use crate::document::{DocumentId, Generation, ReplicaId, Revision};

/// What comes from a peer.
pub(crate) enum FromPeer {
    /// A version of a document.
    Version(Incoming),
    /// Word that every replica has this tombstone, so that it may go.
    Purged {
        /// Of which document.
        id: DocumentId,
        /// Which version of it.
        revision: Revision,
    },
}

/// A tombstone that nothing stands beside.
pub(crate) struct Deleted {
    pub(crate) generation: Generation,
    pub(crate) id: DocumentId,
    pub(crate) revision: Revision,
}

impl Replica {
    /// At most `limit` tombstones after generation `after`, oldest first, of documents that have no other version.
    pub(crate) async fn tombstones(&self, after: Generation, limit: usize) -> Result<Vec<Deleted>, StoreError> {
        self.database.read(move |connection| tombstones(connection, after, limit)).await
    }
}

fn tombstones(connection: &Connection, after: Generation, limit: usize) -> Result<Vec<Deleted>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, document, revision FROM versions AS one
         WHERE deleted = 1 AND generation > ?1 AND NOT EXISTS
             (SELECT 1 FROM versions AS other WHERE other.document = one.document AND other.generation <> one.generation)
         ORDER BY generation LIMIT ?2",
    )?;
    let mut rows = statement.query((after, i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, revision) = (versions::document_id(row, 1)?, versions::revision(row, 2)?);
        found.push(Deleted { generation: row.get(0)?, id, revision });
    }
    Ok(found)
}

/// Drops a tombstone, if it is here as named. That is a change of the history, so that an older copy of this replica, which
/// still has it, is noticed. How often this replica had edited the document stays known, so that no counter is used twice.
pub(super) fn drop_tombstone(
    changing: &mut Changing<'_>,
    replica: ReplicaId,
    id: &DocumentId,
    revision: &Revision,
) -> Result<(), StoreError> {
    let connection = changing.connection;
    let present = versions::labels(connection, id)?;
    let Some(tombstone) = present.iter().find(|label| label.deleted && label.revision == *revision) else {
        return Ok(());
    };
    versions::remove(connection, tombstone.generation)?;
    changing.changes.next();
    connection
        .prepare_cached("UPDATE replica SET purged = max(purged, ?1)")?
        .execute([revision.edits_of(replica).cast_signed()])?;
    versions::mark_current(connection, id)?;
    Ok(())
}

/// The most edits of one document that this replica had made and knows no more.
pub(super) fn edits_purged(connection: &Connection) -> Result<u64, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT purged FROM replica")?;
    Ok(statement.query_row([], |row| row.get::<_, i64>(0))?.cast_unsigned())
}
