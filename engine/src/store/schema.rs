//! Schemas and their migrations: lists that only grow. The version is set in the transaction that reaches it, so a
//! database is always wholly at one version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{DatabaseError, indexes};

/// A replica's schema. History: 1, the first; 2, indexes. `docs/STORAGE.md` explains it.
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
    indexes::TABLES,
];

/// Brings the database to the newest of `migrations`, each of which leads from the version of its position to the next.
/// Where one says `:user`, the number of the `user` whose data it is stands, or NULL where it is not one user's.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
    user: Option<i64>,
) -> Result<(), DatabaseError> {
    if version(connection)? == newest(migrations) {
        return Ok(());
    }
    // Immediate, and the version read again inside: another process may be migrating at this moment.
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
    fn migrations_run_once_and_newer_schemas_are_refused() {
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
    fn a_migration_learns_whose_data_it_is() {
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
}
