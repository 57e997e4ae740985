//! Who may work on a message: the rules, and their SQL. A lease is a number, the fence, greater than all before it, and a
//! time. Whoever has not got the present fence must change nothing, however the clocks stand; the time only decides when
//! somebody else may draw a new one. Every function runs inside a transaction that its caller ends.

use rusqlite::{Connection, Row};

use super::records::{self, FAILED, PENDING, PROCESSED, RESERVED};
use crate::protocol::{BlobDigest, Lease, MessageId, Outcome};
use crate::server::blobs::{ObjectName, Stored, bytes, object};
use crate::server::refusal::Refusal;
use crate::store::DatabaseError;

/// What a lease is bound by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The time, in seconds since 1970.
    pub(super) now: i64,
    /// How long it lasts.
    pub(super) seconds: i64,
    /// How often a message may be reserved.
    pub(super) tries: u32,
}

impl Terms {
    fn expiry(&self) -> i64 {
        self.now.saturating_add(self.seconds)
    }
}

/// What a reservation came to.
#[derive(Debug)]
pub(super) struct Reservation {
    /// Leases, the oldest message first.
    pub(super) leases: Vec<Lease>,
    /// Messages that were reserved too often and have failed now.
    pub(super) failed: usize,
    /// Contents of messages that nobody needs any more.
    pub(super) obsolete: Vec<ObjectName>,
}

/// Takes leases on up to `limit` messages that nobody has one on. Those that were reserved too often fail instead.
pub(super) fn reserve(
    connection: &Connection,
    user: i64,
    limit: usize,
    terms: Terms,
) -> Result<Reservation, DatabaseError> {
    let obsolete = records::clear(connection, user, terms.now)?;
    let failed = connection
        .prepare_cached(
            "UPDATE incoming SET state = 3
             WHERE user = ?1 AND state < 2 AND (state = 0 OR expires <= ?2) AND tries >= ?3",
        )?
        .execute((user, terms.now, terms.tries))?;
    let mut leases = waiting(connection, user, limit, terms)?;
    if !leases.is_empty() {
        let last = records::draw(connection, user, leases.len())?;
        let first = last.saturating_add(1).saturating_sub_unsigned(leases.len() as u64);
        for (lease, fence) in leases.iter_mut().zip(first..) {
            lease.fence = fence.cast_unsigned();
            connection
                .prepare_cached(
                    "UPDATE incoming SET state = ?3, tries = tries + 1, fence = ?4, expires = ?5
                     WHERE user = ?1 AND id = ?2",
                )?
                .execute((user, lease.id.as_str(), RESERVED, fence, lease.expires))?;
        }
    }
    Ok(Reservation { leases, failed, obsolete })
}

/// The oldest messages that wait, as the leases that are about to be given on them, still without fences.
fn waiting(connection: &Connection, user: i64, limit: usize, terms: Terms) -> Result<Vec<Lease>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, length, digest, tries FROM incoming
         WHERE user = ?1 AND state < 2 AND (state = 0 OR expires <= ?2) ORDER BY arrival LIMIT ?3",
    )?;
    let mut rows = statement.query((user, terms.now, i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut leases = Vec::new();
    while let Some(row) = rows.next()? {
        leases.push(Lease {
            id: records::id(row, 0)?,
            fence: 0,
            expires: terms.expiry(),
            length: bytes(row, 1)?,
            digest: BlobDigest(row.get(2)?),
            tries: row.get::<_, u32>(3)?.saturating_add(1),
        });
    }
    Ok(leases)
}

/// A message as a lease sees it.
struct Held {
    stored: Stored,
    state: i64,
    tries: u32,
}

/// The message, where `fence` is that of its present lease.
fn held(connection: &Connection, user: i64, id: &MessageId, fence: u64) -> Result<Held, Refusal> {
    let (present, held) = find(connection, user, id)?.ok_or(NO_MESSAGE)?;
    let leased = matches!(held.state, RESERVED | PROCESSED);
    if leased && present.cast_unsigned() == fence { Ok(held) } else { Err(Refusal::LeaseLost) }
}

const NO_MESSAGE: Refusal = Refusal::NotFound("there is no such message");

fn find(connection: &Connection, user: i64, id: &MessageId) -> Result<Option<(i64, Held)>, DatabaseError> {
    let sql = "SELECT fence, state, tries, object, length, digest FROM incoming WHERE user = ?1 AND id = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((user, id.as_str()))?;
    rows.next()?.map(|row| Ok((row.get(0)?, parse(row, user)?))).transpose()
}

fn parse(row: &Row<'_>, user: i64) -> Result<Held, DatabaseError> {
    let stored = Stored { object: object(row, 3, user)?, length: bytes(row, 4)?, digest: BlobDigest(row.get(5)?) };
    Ok(Held { stored, state: row.get(1)?, tries: row.get(2)? })
}

/// Where the content of a leased message is.
pub(super) fn content(connection: &Connection, user: i64, id: &MessageId, fence: u64) -> Result<Stored, Refusal> {
    Ok(held(connection, user, id, fence)?.stored)
}

/// Makes a lease last anew.
pub(super) fn renew(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
    terms: Terms,
) -> Result<Lease, Refusal> {
    let Held { stored, tries, .. } = held(connection, user, id, fence)?;
    connection.prepare_cached("UPDATE incoming SET expires = ?3 WHERE user = ?1 AND id = ?2")?.execute((
        user,
        id.as_str(),
        terms.expiry(),
    ))?;
    let Stored { length, digest, .. } = stored;
    Ok(Lease { id: id.clone(), fence, expires: terms.expiry(), length, digest, tries })
}

/// Says what became of a leased message. Processed, it stays the holder's, to be deleted; else the lease ends.
pub(super) fn conclude(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
    outcome: Outcome,
) -> Result<(), Refusal> {
    held(connection, user, id, fence)?;
    let state = match outcome {
        Outcome::Processed => PROCESSED,
        Outcome::Failed => FAILED,
        Outcome::Pending => PENDING,
    };
    connection.prepare_cached("UPDATE incoming SET state = ?3 WHERE user = ?1 AND id = ?2")?.execute((
        user,
        id.as_str(),
        state,
    ))?;
    Ok(())
}

/// Makes a failed message pending, as if it had never been tried.
pub(super) fn revive(connection: &Connection, user: i64, id: &MessageId) -> Result<(), Refusal> {
    let (_, held) = find(connection, user, id)?.ok_or(NO_MESSAGE)?;
    if held.state != FAILED {
        return Err(Refusal::LeaseLost);
    }
    connection.prepare_cached("UPDATE incoming SET state = ?3, tries = 0 WHERE user = ?1 AND id = ?2")?.execute((
        user,
        id.as_str(),
        PENDING,
    ))?;
    Ok(())
}

/// Removes a message that its holder has processed, and answers where its content is.
pub(super) fn delete(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
    now: i64,
) -> Result<ObjectName, Refusal> {
    let Held { stored, state, .. } = held(connection, user, id, fence)?;
    if state != PROCESSED {
        return Err(Refusal::NotProcessed);
    }
    records::remove(connection, user, id.as_str(), now)?;
    Ok(stored.object)
}
