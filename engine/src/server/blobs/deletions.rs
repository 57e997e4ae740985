//! The SQL on deletions: the names that were deleted last. With them, an upload that began before its name was deleted is
//! distinguished from one that began afterwards, in whichever process either arrived; the former must never create a blob.
//! Every function runs inside a transaction that its caller ends.

use rusqlite::Connection;

use super::blob_records::BlobName;
use crate::store::DatabaseError;

/// What version 8 of a user's store adds.
pub(in crate::server) const TABLE: &str = "
    CREATE TABLE deletions (
        user      INTEGER NOT NULL,
        number    INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        id        TEXT NOT NULL,
        PRIMARY KEY (user, number)
    ) STRICT, WITHOUT ROWID;
";

/// How many deletions of a user are remembered. An upload that began before more deletions than that is rejected, whatever
/// its name; the client retries it.
const REMEMBERED: i64 = 4096;

/// The number of a user's last deletion at some moment. An upload remembers the one before it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastDeletion(i64);

/// Whether one name was deleted since an earlier deletion.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    /// The name was deleted.
    Yes,
    /// Other names at most.
    No,
    /// More deletions followed than are remembered.
    Unknown,
}

/// The user's last deletion.
pub(super) fn last(connection: &Connection, user: i64) -> Result<LastDeletion, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(number), 0) FROM deletions WHERE user = ?1")?;
    Ok(LastDeletion(statement.query_row([user], |row| row.get(0))?))
}

/// Records that a name is deleted, whether or not a blob has it.
pub(super) fn record(connection: &Connection, user: i64, name: &BlobName) -> Result<(), DatabaseError> {
    let LastDeletion(last) = last(connection, user)?;
    connection
        .prepare_cached("INSERT INTO deletions (user, number, namespace, id) VALUES (?1, ?2, ?3, ?4)")?
        .execute((user, last + 1, name.namespace.as_str(), name.id.as_str()))?;
    connection
        .prepare_cached("DELETE FROM deletions WHERE user = ?1 AND number <= ?2")?
        .execute((user, last + 1 - REMEMBERED))?;
    Ok(())
}

/// Whether a name was deleted after the deletion `begun`.
pub(super) fn since(
    connection: &Connection,
    user: i64,
    name: &BlobName,
    begun: LastDeletion,
) -> Result<Deleted, DatabaseError> {
    let LastDeletion(last) = last(connection, user)?;
    if begun.0 < last - REMEMBERED {
        return Ok(Deleted::Unknown);
    }
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM deletions WHERE user = ?1 AND number > ?2 AND namespace = ?3 AND id = ?4)",
    )?;
    let deleted: bool =
        statement.query_row((user, begun.0, name.namespace.as_str(), name.id.as_str()), |row| row.get(0))?;
    Ok(if deleted { Deleted::Yes } else { Deleted::No })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(namespace: &str, id: &str) -> BlobName {
        BlobName { namespace: namespace.parse().unwrap(), id: id.parse().unwrap() }
    }

    #[test]
    fn a_deletion_affects_only_uploads_of_that_name_that_began_before_it() {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(TABLE).unwrap();
        let (a, b) = (name("mail", "a"), name("mail", "b"));
        let since = |user, name: &BlobName, moment| since(&database, user, name, moment).unwrap();
        let before = last(&database, 1).unwrap();
        assert_eq!(since(1, &a, before), Deleted::No);
        record(&database, 1, &a).unwrap();
        let after = last(&database, 1).unwrap();
        assert_eq!((since(1, &a, before), since(1, &a, after)), (Deleted::Yes, Deleted::No));
        assert_eq!((since(1, &b, before), since(1, &name("other", "a"), before)), (Deleted::No, Deleted::No));
        assert_eq!(since(2, &a, last(&database, 2).unwrap()), Deleted::No);
    }

    #[test]
    fn an_upload_older_than_all_remembered_deletions_gets_unknown() {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(TABLE).unwrap();
        let (a, b) = (name("mail", "a"), name("mail", "b"));
        let first = last(&database, 1).unwrap();
        record(&database, 1, &a).unwrap();
        let second = last(&database, 1).unwrap();
        for _ in 1..REMEMBERED {
            record(&database, 1, &b).unwrap();
        }
        assert_eq!(since(&database, 1, &a, first).unwrap(), Deleted::Yes);
        record(&database, 1, &b).unwrap();
        assert_eq!(since(&database, 1, &a, first).unwrap(), Deleted::Unknown);
        assert_eq!(since(&database, 1, &a, second).unwrap(), Deleted::No);
        let rows: i64 = database.query_row("SELECT count(*) FROM deletions", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, REMEMBERED);
    }
}
