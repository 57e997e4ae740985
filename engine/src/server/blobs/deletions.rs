//! The SQL on deletions: the names that were deleted last. So a blob that began to come before its name was deleted is told
//! from one that began after, in whichever process either arrived, and must never be entered. Every function runs inside a
//! transaction that its caller ends.

use rusqlite::Connection;

use super::records::Name;
use crate::store::DatabaseError;

/// What the eighth version of a user's store adds.
pub(in crate::server) const TABLE: &str = "
    CREATE TABLE deletions (
        user      INTEGER NOT NULL,
        number    INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        id        TEXT NOT NULL,
        PRIMARY KEY (user, number)
    ) STRICT, WITHOUT ROWID;
";

/// How many deletions of a user are remembered. What began before so many is refused for now, whatever its name.
const REMEMBERED: i64 = 4096;

/// A moment between two deletions of a user: the number of the one before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(i64);

/// What was deleted since a moment, as far as one name is concerned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Not this name.
    Others,
    /// This name.
    This,
    /// More than is remembered.
    TooMany,
}

/// This moment.
pub(super) fn now(connection: &Connection, user: i64) -> Result<Moment, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(number), 0) FROM deletions WHERE user = ?1")?;
    Ok(Moment(statement.query_row([user], |row| row.get(0))?))
}

/// Notes that a name is deleted, whether or not anything has it.
pub(super) fn note(connection: &Connection, user: i64, name: &Name) -> Result<(), DatabaseError> {
    let Moment(last) = now(connection, user)?;
    connection
        .prepare_cached("INSERT INTO deletions (user, number, namespace, id) VALUES (?1, ?2, ?3, ?4)")?
        .execute((user, last + 1, name.namespace.as_str(), name.id.as_str()))?;
    connection
        .prepare_cached("DELETE FROM deletions WHERE user = ?1 AND number <= ?2")?
        .execute((user, last + 1 - REMEMBERED))?;
    Ok(())
}

/// Says whether a name was deleted since a moment.
pub(super) fn since(connection: &Connection, user: i64, name: &Name, moment: Moment) -> Result<Since, DatabaseError> {
    let Moment(last) = now(connection, user)?;
    if moment.0 < last - REMEMBERED {
        return Ok(Since::TooMany);
    }
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM deletions WHERE user = ?1 AND number > ?2 AND namespace = ?3 AND id = ?4)",
    )?;
    let deleted: bool =
        statement.query_row((user, moment.0, name.namespace.as_str(), name.id.as_str()), |row| row.get(0))?;
    Ok(if deleted { Since::This } else { Since::Others })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(namespace: &str, id: &str) -> Name {
        Name { namespace: namespace.parse().unwrap(), id: id.parse().unwrap() }
    }

    #[test]
    fn a_name_is_deleted_for_what_began_before_and_for_nothing_else() {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(TABLE).unwrap();
        let (a, b) = (name("mail", "a"), name("mail", "b"));
        let since = |user, name: &Name, moment| since(&database, user, name, moment).unwrap();
        let before = now(&database, 1).unwrap();
        assert_eq!(since(1, &a, before), Since::Others);
        note(&database, 1, &a).unwrap();
        let after = now(&database, 1).unwrap();
        assert_eq!((since(1, &a, before), since(1, &a, after)), (Since::This, Since::Others));
        assert_eq!((since(1, &b, before), since(1, &name("other", "a"), before)), (Since::Others, Since::Others));
        assert_eq!(since(2, &a, now(&database, 2).unwrap()), Since::Others);
    }

    #[test]
    fn who_began_before_all_that_is_remembered_is_told_so() {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(TABLE).unwrap();
        let (a, b) = (name("mail", "a"), name("mail", "b"));
        let first = now(&database, 1).unwrap();
        note(&database, 1, &a).unwrap();
        let second = now(&database, 1).unwrap();
        for _ in 1..REMEMBERED {
            note(&database, 1, &b).unwrap();
        }
        assert_eq!(since(&database, 1, &a, first).unwrap(), Since::This);
        note(&database, 1, &b).unwrap();
        assert_eq!(since(&database, 1, &a, first).unwrap(), Since::TooMany);
        assert_eq!(since(&database, 1, &a, second).unwrap(), Since::Others);
        let rows: i64 = database.query_row("SELECT count(*) FROM deletions", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, REMEMBERED);
    }
}
