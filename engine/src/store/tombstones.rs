//! Purging of tombstones. A replica drops a tombstone only when the server reports that every replica has received it, and
//! only that exact version: whatever a server sends, a document that is not deleted is never dropped here.

use rusqlite::Connection;

use super::versions::{self, ChangeContext};
use super::{Replica, StoreError};
use crate::document::{DocumentId, Generation, ReplicaId, Revision};

/// A tombstone that is the only version of its document.
pub(crate) struct StoredTombstone {
    pub(crate) generation: Generation,
    pub(crate) id: DocumentId,
    pub(crate) revision: Revision,
}

impl Replica {
    /// At most `limit` tombstones after generation `after`, oldest first, of documents that have no other version.
    pub(crate) async fn tombstones(&self, after: Generation, limit: usize) -> Result<Vec<StoredTombstone>, StoreError> {
        self.database.read(move |connection| tombstones(connection, after, limit)).await
    }
}

fn tombstones(connection: &Connection, after: Generation, limit: usize) -> Result<Vec<StoredTombstone>, StoreError> {
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
        found.push(StoredTombstone { generation: row.get(0)?, id, revision });
    }
    Ok(found)
}

/// Drops a tombstone, if exactly this version is here. That is a change of the history, so that an older copy of this
/// replica, which still has it, is detected. The number of edits by this replica stays recorded, so that no counter is used
/// twice.
pub(super) fn drop_tombstone(
    context: &mut ChangeContext<'_>,
    replica: ReplicaId,
    id: &DocumentId,
    revision: &Revision,
) -> Result<(), StoreError> {
    let connection = context.connection;
    let present = versions::labels(connection, id)?;
    let Some(tombstone) = present.iter().find(|label| label.deleted && label.revision == *revision) else {
        return Ok(());
    };
    versions::remove(connection, tombstone.generation)?;
    context.changes.next();
    connection
        .prepare_cached("UPDATE replica SET purged = max(purged, ?1)")?
        .execute([revision.edits_of(replica).cast_signed()])?;
    versions::mark_current(connection, id)?;
    Ok(())
}
