//! Schemas and their migrations, which are append-only lists. The version is set in the transaction that reaches it, so a
//! database is always completely at one version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::DatabaseError;

/// A replica's schema. History: 1, the first; 2, indexes; 3, versions without their content; 4, purging of tombstones.
/// `docs/STORAGE.md` explains it.
pub(super) const REPLICA: &[&str] = &[
    "
    CREATE TABLE replica (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        id   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE versions (
        generation INTEGER PRIMARY KEY,
        document   TEXT NOT NULL,
        conflict   INTEGER NOT NULL CHECK (conflict IN (0, 1)),
        deleted    INTEGER NOT NULL CHECK (deleted = (content IS NULL)),
        revision   TEXT NOT NULL,
        origin     INTEGER,
        content    BLOB
    ) STRICT;
    CREATE INDEX versions_by_document ON versions (document, conflict, deleted, revision);
    CREATE TABLE transactions (
        last_generation INTEGER PRIMARY KEY,
        id              BLOB NOT NULL CHECK (length(id) = 16)
    ) STRICT;
    CREATE TABLE peers (
        id               INTEGER PRIMARY KEY,
        pushed           INTEGER NOT NULL,
        acknowledged     INTEGER NOT NULL,
        seen             INTEGER NOT NULL,
        seen_transaction BLOB NOT NULL CHECK (length(seen_transaction) = 16)
    ) STRICT;
",
    "
    CREATE TABLE indexes (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL
    ) STRICT;
    CREATE TABLE entries (
        of_index INTEGER NOT NULL,
        value    ANY NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (of_index, value, document)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entries_by_document ON entries (document);
",
    "
    DROP INDEX versions_by_document;
    ALTER TABLE versions RENAME TO versions_before;
    CREATE TABLE versions (
        generation INTEGER PRIMARY KEY,
        document   TEXT NOT NULL,
        conflict   INTEGER NOT NULL CHECK (conflict IN (0, 1)),
        deleted    INTEGER NOT NULL CHECK (deleted = (size IS NULL)),
        absent     INTEGER NOT NULL CHECK (absent = (content IS NULL AND size IS NOT NULL)),
        revision   TEXT NOT NULL,
        origin     INTEGER CHECK (origin IS NOT NULL OR NOT absent),
        size       INTEGER,
        content    BLOB CHECK (coalesce(length(content) = size, content IS NULL))
    ) STRICT;
    INSERT INTO versions (generation, document, conflict, deleted, absent, revision, origin, size, content)
        SELECT generation, document, conflict, deleted, 0, revision, origin, length(content), content FROM versions_before;
    DROP TABLE versions_before;
    CREATE INDEX versions_by_document ON versions (document, conflict, deleted, revision, absent);
    CREATE INDEX versions_absent ON versions (document) WHERE absent = 1;
",
    "
    ALTER TABLE replica ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX versions_deleted ON versions (generation) WHERE deleted = 1;
",
];

/// Migrates the database to the newest of `migrations`; each leads from the version of its index to the next. `:user` in a
/// migration is replaced by the id of the `user` whose data it is, or by NULL for data of several users.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
    user: Option<i64>,
) -> Result<(), DatabaseError> {
    if version(connection)? == newest(migrations) {
        return Ok(());
    }
    // Immediate, and the version is read again inside: another process may be migrating at the same time.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    let missing = usize::try_from(found).ok().and_then(|found| migrations.get(found..));
    let missing =
        missing.ok_or_else(|| DatabaseError::Newer { path: path.to_owned(), found, known: newest(migrations) })?;
    let user = user.map_or("NULL".to_owned(), |user| user.to_string());
    for migration in missing {
        transaction.execute_batch(&migration.replace(":user", &user))?;
    }
    transaction.pragma_update(None, "user_version", newest(migrations))?;
    transaction.commit()?;
    Ok(())
}

fn newest(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

fn version(connection: &Connection) -> Result<i64, DatabaseError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[&str] = &["CREATE TABLE a(x)"];
    const TWO: &[&str] = &["CREATE TABLE a(x)", "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)"];

    #[test]
    fn migrations_run_once_and_newer_schemas_are_rejected() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("a.db");
        migrate(&mut connection, path, ONE, None).unwrap();
        migrate(&mut connection, path, TWO, None).unwrap();
        migrate(&mut connection, path, TWO, None).unwrap();
        assert_eq!(connection.query_row("SELECT count(y) FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        let newer = migrate(&mut connection, path, ONE, None);
        assert!(matches!(newer, Err(DatabaseError::Newer { found: 2, known: 1, .. })));
    }

    #[test]
    fn a_migration_receives_the_user_id() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("a.db");
        migrate(&mut connection, path, &["CREATE TABLE a(x); INSERT INTO a VALUES (:user)"], Some(7)).unwrap();
        assert_eq!(connection.query_row("SELECT x FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }

    #[test]
    fn a_failed_migration_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = &["CREATE TABLE a(x)", "CREATE TABLE b(x); NONSENSE"];
        assert!(migrate(&mut connection, Path::new("a.db"), broken, None).is_err());
        assert_eq!(version(&connection).unwrap(), 0);
        let tables = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0));
        assert_eq!(tables.unwrap(), 0);
    }

    #[test]
    fn a_replica_of_the_first_schema_keeps_its_documents() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("a.db"), &REPLICA[..1], None).unwrap();
        let rows = "INSERT INTO versions VALUES (1, 'a', 0, 0, '00000000000000aa:1', NULL, x'0102'),
                                                (2, 'b', 0, 1, '00000000000000aa:1', 7, NULL),
                                                (3, 'c', 1, 0, '00000000000000aa:1', 7, x'')";
        connection.execute_batch(rows).unwrap();
        migrate(&mut connection, Path::new("a.db"), REPLICA, None).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT generation || document || conflict || deleted || absent || ifnull(size, '-') FROM versions",
            )
            .unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(rows.collect::<Result<Vec<_>, _>>().unwrap(), ["1a0002", "2b010-", "3c1000"]);
        for wrong in ["size = 3", "content = NULL", "deleted = 1", "absent = 1"] {
            assert!(connection.execute(&format!("UPDATE versions SET {wrong} WHERE generation = 1"), []).is_err());
        }
    }
}
