//! The databases of a server, as a backup needs them: which files there are, a consistent copy of each, and the contents that
//! they name.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::damage::ContentState;
use super::error::{BackupError, WithPath};
use super::folder::flush;
use crate::protocol::BlobDigest;
use crate::server::auth;
use crate::server::blobs::ObjectName;
use crate::server::schema;
use crate::store::{DatabaseError, migrate};

/// Pages that are copied at a time.
const PAGES: i32 = 1024;

/// How long to wait before another attempt if a database is locked, and how often.
const PAUSE: Duration = Duration::from_millis(20);
const ATTEMPTS: u32 = 500;

/// The tables whose rows name complete contents.
const CONTENT_TABLES: [&str; 2] = ["blobs", "incoming"];

/// A database file of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatabaseFile {
    /// Its path relative to the server's folder.
    pub(super) path: PathBuf,
    /// What it holds.
    pub(super) kind: DatabaseKind,
}

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseKind {
    /// One user's store.
    User(i64),
    /// The stores of all users.
    Users,
    /// The accounts.
    Accounts,
}

/// The databases in `folder`. The accounts come last: a copy in this order never holds the data of a user that its accounts do
/// not know, whose number could be assigned again.
pub(super) fn database_files(folder: &Path) -> Result<Vec<DatabaseFile>, BackupError> {
    let mut found = Vec::new();
    let users = folder.join("users");
    if users.is_dir() {
        for entry in std::fs::read_dir(&users).at(&users)? {
            let name = entry.at(&users)?.file_name();
            let user = name.to_str().and_then(|name| name.strip_suffix(".db")?.parse().ok());
            found.extend(
                user.map(|user| DatabaseFile { path: Path::new("users").join(&name), kind: DatabaseKind::User(user) }),
            );
        }
    }
    if folder.join("users.db").exists() {
        found.push(DatabaseFile { path: "users.db".into(), kind: DatabaseKind::Users });
    }
    found.push(DatabaseFile { path: "accounts.db".into(), kind: DatabaseKind::Accounts });
    Ok(found)
}

/// Opens an existing database for reading. SQLite may checkpoint its write-ahead log.
pub(super) fn open(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at(path)?;
    connection.busy_timeout(PAUSE * ATTEMPTS).at(path)?;
    Ok(connection)
}

/// Makes a consistent, durable copy of a database that may be in use: one file in the newest schema, without uploads, because
/// the contents of uploads are not copied.
pub(super) fn copy(from: &Path, to: &Path, kind: DatabaseKind) -> Result<(), BackupError> {
    let source = open(from)?;
    let journal: String = source.query_row("PRAGMA journal_mode", [], |row| row.get(0)).at(from)?;
    let wal = journal == "wal";
    if wal {
        // The read transaction keeps this snapshot while writers continue; without it, every write of another connection would
        // restart the copy.
        source.execute_batch("BEGIN").at(from)?;
        source.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).at(from)?;
    }
    let mut copy = Connection::open(to).at(to)?;
    // Without a write-ahead log a snapshot blocks writers, so all pages are copied at once.
    copy_pages(&source, &mut copy, if wal { PAGES } else { -1 }).at(from)?;
    drop(source);
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).at(to)?;
    let (migrations, user) = match kind {
        DatabaseKind::User(user) => (schema::MIGRATIONS, Some(user)),
        DatabaseKind::Users => (schema::MIGRATIONS, None),
        DatabaseKind::Accounts => (auth::MIGRATIONS, None),
    };
    migrate(&mut copy, to, migrations, user).at(to)?;
    if kind != DatabaseKind::Accounts {
        copy.execute("DELETE FROM uploads", []).at(to)?;
    }
    copy.close().map_err(|(_, error)| error).at(to)?;
    flush(to).at(to)
}

fn copy_pages(source: &Connection, copy: &mut Connection, pages: i32) -> rusqlite::Result<()> {
    let backup = Backup::new(source, copy)?;
    let mut waited = 0;
    loop {
        match backup.step(pages)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if waited == ATTEMPTS => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    None,
                ));
            }
            StepResult::Busy | StepResult::Locked => {
                waited += 1;
                std::thread::sleep(PAUSE);
            }
            _ => {}
        }
    }
}

/// What SQLite reports as damaged in a database; `None` if it is intact.
pub(super) fn check(path: &Path) -> Result<Option<String>, BackupError> {
    let checked = open(path)?.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match checked {
        Ok(text) if text == "ok" => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(error) => Ok(Some(error.to_string())),
    }
}

/// A content that a database names, of a blob or of an incoming message.
pub(super) struct NamedContent {
    pub(super) object: ObjectName,
    pub(super) length: u64,
    pub(super) digest: BlobDigest,
    /// Its state, if the database stores it.
    pub(super) in_database: Option<ContentState>,
}

/// Calls `visit` with the contents that the databases in `folder` name, once for each user.
pub(super) fn each_user(
    folder: &Path,
    mut visit: impl FnMut(&Connection, i64, Vec<NamedContent>) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    for DatabaseFile { path, kind } in database_files(folder)? {
        let path = folder.join(path);
        match kind {
            DatabaseKind::Accounts => {}
            DatabaseKind::User(user) => {
                let connection = open(&path)?;
                let blobs = named_contents(&connection, user, "").at(&path)?;
                visit(&connection, user, blobs)?;
            }
            DatabaseKind::Users => {
                let connection = open(&path)?;
                for user in users(&connection).at(&path)? {
                    let blobs = named_contents(&connection, user, &format!("WHERE user = {user}")).at(&path)?;
                    visit(&connection, user, blobs)?;
                }
            }
        }
    }
    Ok(())
}

fn users(connection: &Connection) -> Result<BTreeSet<i64>, DatabaseError> {
    let mut users = BTreeSet::new();
    for table in content_tables(connection)? {
        let mut statement = connection.prepare(&format!("SELECT DISTINCT user FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            users.insert(row.get(0)?);
        }
    }
    Ok(users)
}

/// The tables that name contents. A database that was not opened since the server was upgraded may lack the newer ones.
fn content_tables(connection: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for table in CONTENT_TABLES {
        if connection.table_exists(None, table)? {
            found.push(table);
        }
    }
    Ok(found)
}

fn named_contents(connection: &Connection, user: i64, condition: &str) -> Result<Vec<NamedContent>, DatabaseError> {
    let mut found = Vec::new();
    let small = connection.table_exists(None, "small_contents")?;
    for table in content_tables(connection)? {
        let content = if small {
            format!(
                "(SELECT content FROM small_contents AS s WHERE s.user = {table}.user AND s.object = {table}.object)"
            )
        } else {
            "NULL".to_owned()
        };
        let sql = format!("SELECT object, length, digest, {content} FROM {table} {condition}");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let object = ObjectName::parse(user, &text);
            let object = object
                .ok_or_else(|| DatabaseError::Damaged(format!("invalid content name in the database: {text}")))?;
            let length = row.get::<_, i64>(1)?.cast_unsigned();
            let digest = BlobDigest(row.get(2)?);
            let content = row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            let in_database = content.map(|content| ContentState::of(length, digest, content));
            found.push(NamedContent { object, length, digest, in_database });
        }
    }
    Ok(found)
}

/// The contents of all uploads that the databases in `folder` name.
pub(super) fn uploads(folder: &Path) -> Result<HashSet<ObjectName>, BackupError> {
    let mut found = HashSet::new();
    for DatabaseFile { path, kind } in database_files(folder)? {
        let path = folder.join(path);
        let sql = match kind {
            DatabaseKind::Accounts => continue,
            DatabaseKind::User(user) => format!("SELECT {user}, object FROM uploads"),
            DatabaseKind::Users => "SELECT user, object FROM uploads".to_owned(),
        };
        let connection = open(&path)?;
        let mut statement = connection.prepare(&sql).at(&path)?;
        let mut rows = statement.query([]).at(&path)?;
        while let Some(row) = rows.next().at(&path)? {
            found.extend(ObjectName::parse(row.get(0).at(&path)?, &row.get::<_, String>(1).at(&path)?));
        }
    }
    Ok(found)
}

/// Deletes the rows that name a content.
pub(super) fn forget(connection: &Connection, object: ObjectName) -> rusqlite::Result<()> {
    for table in content_tables(connection)? {
        let sql = format!("DELETE FROM {table} WHERE user = ?1 AND object = ?2");
        connection.execute(&sql, (object.user, object.to_string()))?;
    }
    Ok(())
}
