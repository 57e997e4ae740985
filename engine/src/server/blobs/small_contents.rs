//! The SQL on small contents, which are stored in the database. They become durable in the transaction that makes them
//! visible, so many share one flush. Every function runs inside a transaction that its caller ends.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};

use super::backend::ObjectName;
use crate::store::DatabaseError;

/// What version 7 of a user's store adds. A trigger removes a content with the row that names it.
pub(in crate::server) const TABLE: &str = "
    CREATE TABLE small_contents (
        user    INTEGER NOT NULL,
        object  TEXT NOT NULL,
        content BLOB NOT NULL,
        PRIMARY KEY (user, object)
    ) STRICT;
    CREATE TRIGGER small_content_went AFTER DELETE ON blobs BEGIN
        DELETE FROM small_contents WHERE user = old.user AND object = old.object;
    END;
";

/// Stores the content of a blob whose row is inserted in the same transaction.
pub(super) fn insert(connection: &Connection, object: ObjectName, content: &[u8]) -> Result<(), DatabaseError> {
    connection.prepare_cached("INSERT INTO small_contents (user, object, content) VALUES (?1, ?2, ?3)")?.execute((
        object.user,
        object.to_string(),
        content,
    ))?;
    Ok(())
}

/// A content, if the database stores it.
pub(super) fn find(connection: &Connection, object: ObjectName) -> Result<Option<Bytes>, DatabaseError> {
    let mut statement =
        connection.prepare_cached("SELECT content FROM small_contents WHERE user = ?1 AND object = ?2")?;
    let content = statement.query_row((object.user, object.to_string()), |row| row.get::<_, Vec<u8>>(0)).optional()?;
    Ok(content.map(Bytes::from))
}

/// Whether the database stores a content.
pub(super) fn exists(connection: &Connection, object: ObjectName) -> Result<bool, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM small_contents WHERE user = ?1 AND object = ?2")?;
    Ok(statement.exists((object.user, object.to_string()))?)
}
