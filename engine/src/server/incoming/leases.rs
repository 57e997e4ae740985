//! Leases on messages: the rules, and their SQL. A lease has a number, the fence, greater than all before it, and an expiry. A
//! client without the current fence must change nothing, whatever the clocks show; the expiry only decides when another client
//! may take a new lease. Every function runs inside a transaction that its caller ends.

use rusqlite::{Connection, Row};

use super::records::{self, FAILED, PENDING, PROCESSED, RESERVED};
use crate::protocol::{BlobDigest, Lease, MessageId, Outcome};
use crate::server::blobs::{ObjectName, StoredContent, bytes, object};
use crate::server::refusal::{Missing, Refusal};
use crate::store::DatabaseError;

/// The terms of a lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseTerms {
    /// The time, in seconds since 1970.
    pub(super) now: i64,
    /// How long it lasts, in seconds.
    pub(super) seconds: i64,
    /// How often a message may be reserved.
    pub(super) tries: u32,
}

impl LeaseTerms {
    fn expiry(&self) -> i64 {
        self.now.saturating_add(self.seconds)
    }
}

/// The result of a request for leases.
#[derive(Debug)]
pub(super) struct LeaseGrant {
    /// Leases, the oldest message first.
    pub(super) leases: Vec<Lease>,
    /// The number of messages that failed because they were reserved too often.
    pub(super) failed: usize,
    /// Contents of messages that were removed.
    pub(super) obsolete: Vec<ObjectName>,
}

/// Takes leases on up to `limit` messages that have none. Messages that were reserved too often fail instead.
pub(super) fn reserve(
    connection: &Connection,
    user: i64,
    limit: usize,
    terms: LeaseTerms,
) -> Result<LeaseGrant, DatabaseError> {
    let obsolete = records::remove_processed(connection, user, terms.now)?;
    let failed = connection
        .prepare_cached(
            "UPDATE incoming SET state = 3
             WHERE user = ?1 AND state < 2 AND (state = 0 OR expires <= ?2) AND tries >= ?3",
        )?
        .execute((user, terms.now, terms.tries))?;
    let mut leases = waiting(connection, user, limit, terms)?;
    if !leases.is_empty() {
        let last = records::next_numbers(connection, user, leases.len())?;
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
    Ok(LeaseGrant { leases, failed, obsolete })
}

/// Leases on the oldest pending messages, without fences yet.
fn waiting(connection: &Connection, user: i64, limit: usize, terms: LeaseTerms) -> Result<Vec<Lease>, DatabaseError> {
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

/// A message under a lease.
struct LeasedMessage {
    content: StoredContent,
    state: i64,
    tries: u32,
}

/// The message, if `fence` is that of its current lease.
fn leased(connection: &Connection, user: i64, id: &MessageId, fence: u64) -> Result<LeasedMessage, Refusal> {
    let (current, message) = find(connection, user, id)?.ok_or(Refusal::NotFound(Missing::Message))?;
    let leased = matches!(message.state, RESERVED | PROCESSED);
    if leased && current.cast_unsigned() == fence { Ok(message) } else { Err(Refusal::LeaseLost) }
}

fn find(connection: &Connection, user: i64, id: &MessageId) -> Result<Option<(i64, LeasedMessage)>, DatabaseError> {
    let sql = "SELECT fence, state, tries, object, length, digest FROM incoming WHERE user = ?1 AND id = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((user, id.as_str()))?;
    rows.next()?.map(|row| Ok((row.get(0)?, parse(row, user)?))).transpose()
}

fn parse(row: &Row<'_>, user: i64) -> Result<LeasedMessage, DatabaseError> {
    let content =
        StoredContent { object: object(row, 3, user)?, length: bytes(row, 4)?, digest: BlobDigest(row.get(5)?) };
    Ok(LeasedMessage { content, state: row.get(1)?, tries: row.get(2)? })
}

/// The content of a leased message.
pub(super) fn content(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
) -> Result<StoredContent, Refusal> {
    Ok(leased(connection, user, id, fence)?.content)
}

/// Renews a lease.
pub(super) fn renew(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
    terms: LeaseTerms,
) -> Result<Lease, Refusal> {
    let LeasedMessage { content, tries, .. } = leased(connection, user, id, fence)?;
    connection.prepare_cached("UPDATE incoming SET expires = ?3 WHERE user = ?1 AND id = ?2")?.execute((
        user,
        id.as_str(),
        terms.expiry(),
    ))?;
    let StoredContent { length, digest, .. } = content;
    Ok(Lease { id: id.clone(), fence, expires: terms.expiry(), length, digest, tries })
}

/// Records the outcome of a leased message. A processed message stays leased until its holder deletes it; otherwise the lease
/// ends.
pub(super) fn set_outcome(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
    outcome: Outcome,
) -> Result<(), Refusal> {
    leased(connection, user, id, fence)?;
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

/// Makes a failed message pending again and resets its number of tries.
pub(super) fn retry_failed(connection: &Connection, user: i64, id: &MessageId) -> Result<(), Refusal> {
    let (_, message) = find(connection, user, id)?.ok_or(Refusal::NotFound(Missing::Message))?;
    if message.state != FAILED {
        return Err(Refusal::LeaseLost);
    }
    connection.prepare_cached("UPDATE incoming SET state = ?3, tries = 0 WHERE user = ?1 AND id = ?2")?.execute((
        user,
        id.as_str(),
        PENDING,
    ))?;
    Ok(())
}

/// Removes a message that its holder has processed. Returns its content.
pub(super) fn delete(
    connection: &Connection,
    user: i64,
    id: &MessageId,
    fence: u64,
    now: i64,
) -> Result<ObjectName, Refusal> {
    let LeasedMessage { content, state, .. } = leased(connection, user, id, fence)?;
    if state != PROCESSED {
        return Err(Refusal::NotProcessed);
    }
    records::remove(connection, user, id.as_str(), now)?;
    Ok(content.object)
}
