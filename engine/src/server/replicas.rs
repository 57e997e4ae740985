//! What the store knows of a user's replicas: how far each has come, in both histories, and which were forgotten. A
//! replica that might still hold what was purged must never get through. Every function runs inside a transaction that
//! its caller ends.

use rusqlite::{Connection, OptionalExtension};

use super::clock::now;
use super::refusal::Refusal;
use crate::document::{Generation, Position, ReplicaId};
use crate::protocol::KnownReplica;
use crate::store::DatabaseError;
use crate::store::history::{self, History};

/// Seconds after which it is noted anew that a replica was heard of.
const DAY: i64 = 24 * 60 * 60;

/// A replica's row.
pub(super) struct Row {
    /// The last place in its history that it was noted at.
    pub(super) noted: Position,
    /// Up to here it has everything of the store, as far as it has said.
    seen: Generation,
    last: i64,
    forgotten: bool,
}

impl Row {
    /// Whether `seen`, said now, is worth a write.
    pub(super) fn is_behind(&self, seen: Position) -> bool {
        self.seen < seen.generation || now().saturating_sub(self.last) > DAY
    }
}

/// The row of a replica that has seen `seen`, if there is one.
///
/// # Errors
/// [`Refusal::HistoryMismatch`] where the store was never there; [`Refusal::Forgotten`] where the replica may lack what was
/// purged: it was forgotten; or it is not known, so that nothing waited for it; or it was put back to before what it said.
pub(super) fn admit(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    seen: Position,
) -> Result<Option<Row>, Refusal> {
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

/// Up to this generation something may have been purged.
fn purged(connection: &Connection, user: i64) -> Result<Generation, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT purged FROM store WHERE user = ?1")?;
    Ok(statement.query_row([user], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn find(connection: &Connection, user: i64, replica: ReplicaId) -> Result<Option<Row>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT noted, noted_transaction, seen, last, forgotten FROM peers WHERE user = ?1 AND id = ?2",
    )?;
    let found = statement.query_row((user, replica.to_bits()), |row| {
        let noted = Position { generation: row.get(0)?, transaction: history::transaction(row, 1)? };
        Ok(Row { noted, seen: row.get(2)?, last: row.get(3)?, forgotten: row.get(4)? })
    });
    Ok(found.optional()?)
}

/// Moves the note on a replica from one place to another: only from where it stands, so that two copies of a replica
/// cannot both go on, and a batch that is sent twice is not taken twice.
pub(super) fn note(
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

/// Notes that a replica has everything up to `seen`. One that is not known becomes known: from now on, purging waits for it.
pub(super) fn saw(
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

/// Up to here every replica has everything of the store.
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

/// Forgets a replica for ever: nothing waits for it any more, and it never gets through again. Answers whether it was known.
pub(super) fn forget(connection: &Connection, user: i64, replica: ReplicaId) -> Result<bool, DatabaseError> {
    let mut statement =
        connection.prepare_cached("UPDATE peers SET forgotten = 1 WHERE user = ?1 AND id = ?2 AND NOT forgotten")?;
    Ok(statement.execute((user, replica.to_bits()))? > 0)
}
