//! The databases of a server, as a copy needs them: which there are, each at one moment, and what blobs they name.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::BackupError;
use super::contents::State;
use super::error::At;
use super::folder::flush;
use crate::protocol::BlobDigest;
use crate::server::accounts;
use crate::server::blobs::ObjectName;
use crate::server::schema;
use crate::store::{DatabaseError, migrate};

/// Pages that are copied at once.
const PAGES: i32 = 1024;

/// How long to wait for whoever has a database locked, once and in all.
const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: u32 = 500;

/// The tables whose rows name contents that are whole.
const NAMING: [&str; 2] = ["blobs", "incoming"];

/// A database of a server, by its place in the server's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Below the folder.
    pub(super) path: PathBuf,
    /// What is in it.
    pub(super) kind: PlaceKind,
}

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaceKind {
    /// One user's store.
    User(i64),
    /// The stores of all users.
    Users,
    /// Who the users are.
    Accounts,
}

/// The databases in `folder`. The accounts come last: who copies in this order has no user's data without the user, whose
/// number could be given away again.
pub(super) fn places(folder: &Path) -> Result<Vec<Place>, BackupError> {
    let mut found = Vec::new();
    let users = folder.join("users");
    if users.is_dir() {
        for entry in std::fs::read_dir(&users).at(&users)? {
            let name = entry.at(&users)?.file_name();
            let user = name.to_str().and_then(|name| name.strip_suffix(".db")?.parse().ok());
            found.extend(user.map(|user| Place { path: Path::new("users").join(&name), kind: PlaceKind::User(user) }));
        }
    }
    if folder.join("users.db").exists() {
        found.push(Place { path: "users.db".into(), kind: PlaceKind::Users });
    }
    found.push(Place { path: "accounts.db".into(), kind: PlaceKind::Accounts });
    Ok(found)
}

/// Opens a database that is there, for reading; what its log holds may be folded into it.
pub(super) fn open(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at(path)?;
    connection.busy_timeout(PAUSE * PATIENCE).at(path)?;
    Ok(connection)
}

/// Copies a database that may be in use, as it is at one moment, and makes the copy durable: one file in the newest schema,
/// without uploads, because what they have sent is not copied.
pub(super) fn copy(from: &Path, to: &Path, kind: PlaceKind) -> Result<(), BackupError> {
    let source = open(from)?;
    let journal: String = source.query_row("PRAGMA journal_mode", [], |row| row.get(0)).at(from)?;
    let logged = journal == "wal";
    if logged {
        // This moment stays readable until the connection closes, and writers go on; without it, every write of another
        // connection would make the copy begin anew.
        source.execute_batch("BEGIN").at(from)?;
        source.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).at(from)?;
    }
    let mut copy = Connection::open(to).at(to)?;
    // Without a log no moment can be kept but by making writers wait, so the copy is made in one go.
    step_through(&source, &mut copy, if logged { PAGES } else { -1 }).at(from)?;
    drop(source);
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).at(to)?;
    let (migrations, user) = match kind {
        PlaceKind::User(user) => (schema::MIGRATIONS, Some(user)),
        PlaceKind::Users => (schema::MIGRATIONS, None),
        PlaceKind::Accounts => (accounts::MIGRATIONS, None),
    };
    migrate(&mut copy, to, migrations, user).at(to)?;
    if kind != PlaceKind::Accounts {
        copy.execute("DELETE FROM uploads", []).at(to)?;
    }
    copy.close().map_err(|(_, error)| error).at(to)?;
    flush(to).at(to)
}

fn step_through(source: &Connection, copy: &mut Connection, pages: i32) -> rusqlite::Result<()> {
    let backup = Backup::new(source, copy)?;
    let mut waited = 0;
    loop {
        match backup.step(pages)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if waited == PATIENCE => {
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

/// What SQLite finds wrong with a database; `None` where all is well.
pub(super) fn check(path: &Path) -> Result<Option<String>, BackupError> {
    let checked = open(path)?.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match checked {
        Ok(text) if text == "ok" => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(error) => Ok(Some(error.to_string())),
    }
}

/// A content that a database names: a blob's, or an incoming message's.
pub(super) struct Named {
    pub(super) object: ObjectName,
    pub(super) length: u64,
    pub(super) digest: BlobDigest,
    /// How it is, where it lies in the database itself and is no file.
    pub(super) inside: Option<State>,
}

/// Shows `visit` the blobs of one user after the other, as the databases in `folder` have them.
pub(super) fn each_user(
    folder: &Path,
    mut visit: impl FnMut(&Connection, i64, Vec<Named>) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    for Place { path, kind } in places(folder)? {
        let path = folder.join(path);
        match kind {
            PlaceKind::Accounts => {}
            PlaceKind::User(user) => {
                let connection = open(&path)?;
                let blobs = named(&connection, user, "").at(&path)?;
                visit(&connection, user, blobs)?;
            }
            PlaceKind::Users => {
                let connection = open(&path)?;
                for user in users(&connection).at(&path)? {
                    let blobs = named(&connection, user, &format!("WHERE user = {user}")).at(&path)?;
                    visit(&connection, user, blobs)?;
                }
            }
        }
    }
    Ok(())
}

fn users(connection: &Connection) -> Result<BTreeSet<i64>, DatabaseError> {
    let mut users = BTreeSet::new();
    for table in naming(connection)? {
        let mut statement = connection.prepare(&format!("SELECT DISTINCT user FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            users.insert(row.get(0)?);
        }
    }
    Ok(users)
}

/// The tables that name contents. A database that was not opened since the server was renewed may lack the later ones.
fn naming(connection: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for table in NAMING {
        if connection.table_exists(None, table)? {
            found.push(table);
        }
    }
    Ok(found)
}

fn named(connection: &Connection, user: i64, condition: &str) -> Result<Vec<Named>, DatabaseError> {
    let mut found = Vec::new();
    let small = connection.table_exists(None, "small_contents")?;
    for table in naming(connection)? {
        let inside = if small {
            format!(
                "(SELECT content FROM small_contents AS s WHERE s.user = {table}.user AND s.object = {table}.object)"
            )
        } else {
            "NULL".to_owned()
        };
        let sql = format!("SELECT object, length, digest, {inside} FROM {table} {condition}");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let object = ObjectName::parse(user, &text);
            let object = object.ok_or_else(|| DatabaseError::Damaged(format!("a stored content's name: {text}")))?;
            let length = row.get::<_, i64>(1)?.cast_unsigned();
            let digest = BlobDigest(row.get(2)?);
            let inside = row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            let inside = inside.map(|content| State::of(length, digest, content));
            found.push(Named { object, length, digest, inside });
        }
    }
    Ok(found)
}

/// The contents of all uploads under way, as the databases in `folder` have them.
pub(super) fn uploads(folder: &Path) -> Result<HashSet<ObjectName>, BackupError> {
    let mut found = HashSet::new();
    for Place { path, kind } in places(folder)? {
        let path = folder.join(path);
        let sql = match kind {
            PlaceKind::Accounts => continue,
            PlaceKind::User(user) => format!("SELECT {user}, object FROM uploads"),
            PlaceKind::Users => "SELECT user, object FROM uploads".to_owned(),
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

/// Takes what names a content out of a copy.
pub(super) fn forget(connection: &Connection, object: ObjectName) -> rusqlite::Result<()> {
    for table in naming(connection)? {
        let sql = format!("DELETE FROM {table} WHERE user = ?1 AND object = ?2");
        connection.execute(&sql, (object.user, object.to_string()))?;
    }
    Ok(())
}
