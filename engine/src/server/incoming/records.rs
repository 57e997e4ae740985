//! The SQL on messages and keys, except leases. Every function runs inside a transaction that its caller ends.

use rusqlite::{Connection, OptionalExtension, Row};

use super::fingerprint::MessageFingerprint;
use crate::protocol::{MessageEntry, MessageId, MessageState};
use crate::server::blobs::{ObjectName, StoredContent, bytes, object};
use crate::store::DatabaseError;

/// How states are content. Messages in a state below 2 are still to be processed; an index depends on that.
pub(super) const PENDING: i64 = 0;
pub(super) const RESERVED: i64 = 1;
pub(super) const PROCESSED: i64 = 2;
pub(super) const FAILED: i64 = 3;

/// How long a fingerprint outlives its message, in seconds: longer than any mail service retries a delivery.
const FINGERPRINT_LIFETIME: i64 = 14 * 24 * 60 * 60;

/// Allocates the next `count` numbers of a user's mailbox and returns the last of them. No number is used twice.
pub(super) fn next_numbers(connection: &Connection, user: i64, count: usize) -> Result<i64, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO mailboxes (user, last) VALUES (?1, ?2)
         ON CONFLICT (user) DO UPDATE SET last = last + excluded.last RETURNING last",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(statement.query_row((user, count), |row| row.get(0))?)
}

/// The user's public key.
pub(super) fn key(connection: &Connection, user: i64) -> Result<Option<Vec<u8>>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT key FROM mailboxes WHERE user = ?1")?;
    Ok(statement.query_row([user], |row| row.get(0)).optional()?.flatten())
}

/// Replaces the user's public key.
pub(super) fn set_key(connection: &Connection, user: i64, key: &[u8]) -> Result<(), DatabaseError> {
    connection
        .prepare_cached(
            "INSERT INTO mailboxes (user, last, key) VALUES (?1, 0, ?2) ON CONFLICT (user) DO UPDATE SET key = ?2",
        )?
        .execute((user, key))?;
    Ok(())
}

/// The fingerprint of the message that was delivered under this name, even if it has been removed.
pub(super) fn fingerprint(
    connection: &Connection,
    user: i64,
    id: &MessageId,
) -> Result<Option<MessageFingerprint>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT salt, hash FROM imprints WHERE user = ?1 AND id = ?2")?;
    let row = |row: &Row<'_>| Ok(MessageFingerprint { salt: row.get(0)?, hash: row.get(1)? });
    Ok(statement.query_row((user, id.as_str()), row).optional()?)
}

/// Makes a message visible, as pending. No fingerprint may exist under its name.
pub(super) fn insert(
    connection: &Connection,
    id: &MessageId,
    content: &StoredContent,
    fingerprint: &MessageFingerprint,
    now: i64,
) -> Result<(), DatabaseError> {
    let user = content.object.user;
    let arrival = next_numbers(connection, user, 1)?;
    connection
        .prepare_cached(
            "INSERT INTO incoming
                 (user, id, object, length, digest, arrival, created, state, tries, fence, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0)",
        )?
        .execute((
            user,
            id.as_str(),
            content.object.to_string(),
            content.length.cast_signed(),
            content.digest.0,
            arrival,
            now,
            PENDING,
        ))?;
    connection.prepare_cached("INSERT INTO imprints (user, id, salt, hash) VALUES (?1, ?2, ?3, ?4)")?.execute((
        user,
        id.as_str(),
        fingerprint.salt,
        fingerprint.hash,
    ))?;
    Ok(())
}

/// Removes a message. Its fingerprint is removed later.
pub(super) fn remove(connection: &Connection, user: i64, id: &str, now: i64) -> Result<(), DatabaseError> {
    connection.prepare_cached("DELETE FROM incoming WHERE user = ?1 AND id = ?2")?.execute((user, id))?;
    connection.prepare_cached("UPDATE imprints SET forget = ?3 WHERE user = ?1 AND id = ?2")?.execute((
        user,
        id,
        now.saturating_add(FINGERPRINT_LIFETIME),
    ))?;
    Ok(())
}

/// Removes processed messages whose leases have expired, and outdated fingerprints. Returns the contents of the messages.
pub(super) fn remove_processed(connection: &Connection, user: i64, now: i64) -> Result<Vec<ObjectName>, DatabaseError> {
    connection.prepare_cached("DELETE FROM imprints WHERE user = ?1 AND forget <= ?2")?.execute((user, now))?;
    let done = {
        let sql = "SELECT id, object FROM incoming WHERE user = ?1 AND state = 2 AND expires <= ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query((user, now))?;
        let mut done = Vec::new();
        while let Some(row) = rows.next()? {
            done.push((row.get::<_, String>(0)?, object(row, 1, user)?));
        }
        done
    };
    for (id, _) in &done {
        remove(connection, user, id, now)?;
    }
    Ok(done.into_iter().map(|(_, object)| object).collect())
}

/// The first `limit` messages after the id `after`, of one state or of any, ordered by id.
pub(super) fn list(
    connection: &Connection,
    user: i64,
    state: Option<MessageState>,
    after: &str,
    limit: usize,
    now: i64,
) -> Result<Vec<MessageEntry>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, CASE WHEN state = 1 AND expires <= ?2 THEN 0 ELSE state END AS now, tries, length, created
         FROM incoming WHERE user = ?1 AND id > ?3 AND (?4 IS NULL OR now = ?4) ORDER BY id LIMIT ?5",
    )?;
    let mut rows = statement.query((user, now, after, state.map(code), i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(MessageEntry {
            id: id(row, 0)?,
            state: state_of(row.get(1)?)?,
            tries: row.get(2)?,
            length: bytes(row, 3)?,
            created: row.get(4)?,
        });
    }
    Ok(entries)
}

/// The message id in a column.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<MessageId, DatabaseError> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    text.parse().map_err(|error| DatabaseError::Damaged(format!("invalid message id in the database: {error}")))
}

fn code(state: MessageState) -> i64 {
    match state {
        MessageState::Pending => PENDING,
        MessageState::Reserved => RESERVED,
        MessageState::Processed => PROCESSED,
        MessageState::Failed => FAILED,
    }
}

fn state_of(code: i64) -> Result<MessageState, DatabaseError> {
    match code {
        PENDING => Ok(MessageState::Pending),
        RESERVED => Ok(MessageState::Reserved),
        PROCESSED => Ok(MessageState::Processed),
        FAILED => Ok(MessageState::Failed),
        other => Err(DatabaseError::Damaged(format!("invalid message state in the database: {other}"))),
    }
}
