//! The SQL on a user's replicas: the position of each, in both histories, and which ones were forgotten. A replica that may still
//! hold what was purged must never be admitted. Every function runs inside a transaction that
//! its caller ends.

use rusqlite::{Connection, OptionalExtension};

use super::clock::now;
use super::refusal::Refusal;
use crate::document::{Generation, Position, ReplicaId};
use crate::protocol::KnownReplica;
use crate::store::DatabaseError;
use crate::store::history::{self, History};

/// Seconds after which the time of a replica's last contact is updated.
const DAY: i64 = 24 * 60 * 60;

/// A replica's row.
pub(super) struct ReplicaRow {
    /// The last recorded position in its history.
    pub(super) noted: Position,
    /// It has reported to have everything of the store up to this generation.
    seen: Generation,
    last_contact: i64,
    forgotten: bool,
}

impl ReplicaRow {
    /// Whether a replica that reports `seen` now needs an update of its row.
    pub(super) fn is_outdated(&self, seen: Position) -> bool {
        self.seen < seen.generation || now().saturating_sub(self.last_contact) > DAY
    }
}

/// The row of a replica that has seen `seen`, if there is one.
///
/// # Errors
/// [`Refusal::HistoryMismatch`] if the store's history does not contain `seen`. [`Refusal::Forgotten`] if the replica may have
/// missed a purge: it was forgotten; or it is unknown, so purging did not wait for it; or it was restored to a position before the
/// one that it had reported.
pub(super) fn admit(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    seen: Position,
) -> Result<Option<ReplicaRow>, Refusal> {
    if !History::of_user(connection, user).contains(seen)? {
        return Err(Refusal::HistoryMismatch);
    }
    let row = find(connection, user, replica)?;
    let (forgotten, before) = match &row {
        Some(row) => (row.forgotten, seen.generation < row.seen),
        None => (false, seen.generation > 0),
    };
    if forgotten || (before && seen.generation < purged(connection, user)?) {
        return Err(Refusal::Forgotten);
    }
    Ok(row)
}

/// The generation up to which something may have been purged.
fn purged(connection: &Connection, user: i64) -> Result<Generation, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT purged FROM store WHERE user = ?1")?;
    Ok(statement.query_row([user], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn find(connection: &Connection, user: i64, replica: ReplicaId) -> Result<Option<ReplicaRow>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT noted, noted_transaction, seen, last, forgotten FROM peers WHERE user = ?1 AND id = ?2",
    )?;
    let found = statement.query_row((user, replica.to_bits()), |row| {
        let noted = Position { generation: row.get(0)?, transaction: history::transaction(row, 1)? };
        Ok(ReplicaRow { noted, seen: row.get(2)?, last_contact: row.get(3)?, forgotten: row.get(4)? })
    });
    Ok(found.optional()?)
}

/// Advances the recorded position of a replica. It must start at `from`, so that two copies of a replica cannot both continue, and
/// a batch that is sent twice is not stored twice.
pub(super) fn advance(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    from: Position,
    to: Position,
) -> Result<(), Refusal> {
    let row = find(connection, user, replica)?;
    if row.as_ref().is_some_and(|row| row.forgotten) {
        return Err(Refusal::Forgotten);
    }
    if row.map_or(Position::START, |row| row.noted) != from || to.generation < from.generation {
        return Err(Refusal::ReplicaMismatch);
    }
    connection
        .prepare_cached(
            "INSERT INTO peers (user, id, noted, noted_transaction, seen, last) VALUES (?1, ?2, ?3, ?4, 0, ?5)
             ON CONFLICT (user, id) DO UPDATE SET noted = ?3, noted_transaction = ?4, last = ?5",
        )?
        .execute((user, replica.to_bits(), to.generation, to.transaction.to_bytes(), now()))?;
    Ok(())
}

/// Records that a replica has everything up to `seen`. An unknown replica becomes known: from now on, purging waits for it.
pub(super) fn record_seen(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    seen: Generation,
) -> Result<(), DatabaseError> {
    let start = Position::START.transaction.to_bytes();
    connection
        .prepare_cached(
            "INSERT INTO peers (user, id, noted, noted_transaction, seen, last) VALUES (?1, ?2, 0, ?3, ?4, ?5)
             ON CONFLICT (user, id) DO UPDATE SET seen = max(seen, ?4), last = ?5 WHERE NOT forgotten",
        )?
        .execute((user, replica.to_bits(), start, seen, now()))?;
    Ok(())
}

/// The generation up to which every replica has everything of the store.
pub(super) fn seen_by_all(connection: &Connection, user: i64) -> Result<Generation, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT min(seen) FROM peers WHERE user = ?1 AND NOT forgotten")?;
    Ok(statement.query_row([user], |row| row.get::<_, Option<Generation>>(0))?.unwrap_or(0))
}

/// The replicas that are not forgotten.
pub(super) fn list(connection: &Connection, user: i64) -> Result<Vec<KnownReplica>, DatabaseError> {
    let mut statement = connection
        .prepare_cached("SELECT id, seen, last FROM peers WHERE user = ?1 AND NOT forgotten ORDER BY last, id")?;
    let replicas = statement.query_map([user], |row| {
        Ok(KnownReplica { replica: ReplicaId::from_bits(row.get(0)?), seen: row.get(1)?, last: row.get(2)? })
    })?;
    Ok(replicas.collect::<Result<_, _>>()?)
}

/// Forgets a replica permanently: purging does not wait for it any more, and it is never admitted again. Returns whether it was
/// known.
pub(super) fn forget(connection: &Connection, user: i64, replica: ReplicaId) -> Result<bool, DatabaseError> {
    let mut statement =
        connection.prepare_cached("UPDATE peers SET forgotten = 1 WHERE user = ?1 AND id = ?2 AND NOT forgotten")?;
    Ok(statement.execute((user, replica.to_bits()))? > 0)
}
