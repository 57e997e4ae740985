//! Purges tombstones. A tombstone that every known replica has is replaced by a purge marker at the end of the history, which asks
//! each replica to remove the tombstone, too. Once every replica has passed the marker, it is removed. `docs/STORAGE.md` explains
//! why no deleted document can reappear. The server cannot see which versions are tombstones; it trusts the replica.

use rusqlite::Connection;

use super::refusal::Refusal;
use super::{replicas, versions};
use crate::document::{Generation, ReplicaId};
use crate::protocol::{PurgeAnswer, PurgeRequest, Tombstone};
use crate::store::DatabaseError;
use crate::store::history::{Changes, History};

/// The origin of purge markers. It belongs to no replica, so that every replica receives them.
const NO_REPLICA: i64 = 0;

/// Purges the tombstones of a request that can be purged, in one transaction that the caller ends.
pub(super) fn purge(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    request: &PurgeRequest,
) -> Result<PurgeAnswer, Refusal> {
    replicas::admit(connection, user, replica, request.seen)?;
    replicas::record_seen(connection, user, replica, request.seen.generation)?;
    let stable = replicas::seen_by_all(connection, user)?;
    remove_markers(connection, user, stable)?;
    let mut changes = Changes::begin(History::of_user(connection, user))?;
    let mut answer = PurgeAnswer::default();
    let mut purged = 0;
    for Tombstone { id, revision } in &request.tombstones {
        // If there are other or newer versions, the document is not what the replica assumes.
        let [(generation, stored)] = &versions::revisions(connection, user, id.as_str())?[..] else { continue };
        if stored != revision || is_marker(connection, user, *generation)? {
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
            .execute((user, *generation, changes.next(), NO_REPLICA))?;
        purged = purged.max(*generation);
        answer.purged += 1;
    }
    changes.finish()?;
    record_purged(connection, user, purged)?;
    Ok(answer)
}

fn is_marker(connection: &Connection, user: i64, generation: Generation) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM versions WHERE user = ?1 AND generation = ?2 AND sealed = x''";
    Ok(connection.prepare_cached(sql)?.exists((user, generation))?)
}

/// Removes the purge markers that every replica has seen.
fn remove_markers(connection: &Connection, user: i64, stable: Generation) -> Result<(), DatabaseError> {
    let sql = "SELECT max(generation) FROM versions WHERE user = ?1 AND sealed = x'' AND generation <= ?2";
    let last: Option<Generation> = connection.prepare_cached(sql)?.query_row((user, stable), |row| row.get(0))?;
    if let Some(last) = last {
        record_purged(connection, user, last)?;
        connection
            .prepare_cached("DELETE FROM versions WHERE user = ?1 AND sealed = x'' AND generation <= ?2")?
            .execute((user, stable))?;
    }
    Ok(())
}

/// Records that something was purged up to this generation.
fn record_purged(connection: &Connection, user: i64, purged: Generation) -> Result<(), DatabaseError> {
    connection.prepare_cached("UPDATE store SET purged = max(purged, ?2) WHERE user = ?1")?.execute((user, purged))?;
    Ok(())
}
