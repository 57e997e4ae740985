//! Purges tombstones. A tombstone that every known replica has is replaced by a mark at the end of the history, which tells
//! each replica to drop it too; when every replica has come past the mark, the mark goes. `docs/STORAGE.md` says why no
//! deleted document can come back. The server cannot see what is a tombstone: it takes a replica's word for it.

use rusqlite::Connection;

use super::refusal::Refusal;
use super::{replicas, versions};
use crate::document::{Generation, ReplicaId};
use crate::protocol::{PurgeAnswer, PurgeRequest, Tombstone};
use crate::store::DatabaseError;
use crate::store::history::{Changes, History};

/// The origin of marks: no replica's, so that they reach each.
const NOBODY: i64 = 0;

/// Purges what can be purged of what a replica asks for, in one transaction that the caller ends.
pub(super) fn purge(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    request: &PurgeRequest,
) -> Result<PurgeAnswer, Refusal> {
    replicas::admit(connection, user, replica, request.seen)?;
    replicas::saw(connection, user, replica, request.seen.generation)?;
    let stable = replicas::seen_by_all(connection, user)?;
    drop_marks(connection, user, stable)?;
    let mut changes = Changes::begin(History::of_user(connection, user))?;
    let mut answer = PurgeAnswer::default();
    let mut purged = 0;
    for Tombstone { id, revision } in &request.tombstones {
        // With other versions beside it, or newer ones instead, it is not what the replica thinks.
        let [(generation, present)] = &versions::revisions(connection, user, id.as_str())?[..] else { continue };
        if present != revision || is_mark(connection, user, *generation)? {
            continue;
        }
        if *generation > stable {
            answer.waiting += 1;
            continue;
        }
        connection
            .prepare_cached(
                "UPDATE versions SET generation = ?3, origin = ?4, sealed = x'' WHERE user = ?1 AND generation = ?2",
            )?
            .execute((user, *generation, changes.next(), NOBODY))?;
        purged = purged.max(*generation);
        answer.purged += 1;
    }
    changes.finish()?;
    raise(connection, user, purged)?;
    Ok(answer)
}

fn is_mark(connection: &Connection, user: i64, generation: Generation) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM versions WHERE user = ?1 AND generation = ?2 AND sealed = x''";
    Ok(connection.prepare_cached(sql)?.exists((user, generation))?)
}

/// Removes the marks that every replica has seen.
fn drop_marks(connection: &Connection, user: i64, stable: Generation) -> Result<(), DatabaseError> {
    let sql = "SELECT max(generation) FROM versions WHERE user = ?1 AND sealed = x'' AND generation <= ?2";
    let last: Option<Generation> = connection.prepare_cached(sql)?.query_row((user, stable), |row| row.get(0))?;
    if let Some(last) = last {
        raise(connection, user, last)?;
        connection
            .prepare_cached("DELETE FROM versions WHERE user = ?1 AND sealed = x'' AND generation <= ?2")?
            .execute((user, stable))?;
    }
    Ok(())
}

/// Notes that something was purged up to here.
fn raise(connection: &Connection, user: i64, purged: Generation) -> Result<(), DatabaseError> {
    connection.prepare_cached("UPDATE store SET purged = max(purged, ?2) WHERE user = ?1")?.execute((user, purged))?;
    Ok(())
}
