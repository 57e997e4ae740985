//! How the database is opened: once to write, often to read. A connection that reads can never write.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    HistoryError, Result,
    schema::{self, Found, VERSION},
};

/// How long a connection waits where another program (a backup, a shell) has the file locked. Readers and the writer
/// never wait for each other.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prepared statements kept by each connection: more than this room has.
const STATEMENTS: usize = 128;

/// The one spelling of a path, so that two names of one file share one lock. Makes the folder.
pub(super) fn settle(path: &Path) -> Result<PathBuf> {
    let read_only = |source| HistoryError::ReadOnly { path: path.to_owned(), source };
    if let Ok(settled) = fs::canonicalize(path) {
        return Ok(settled);
    }
    let name = path.file_name().ok_or_else(|| read_only(io::ErrorKind::IsADirectory.into()))?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(read_only)?;
    Ok(fs::canonicalize(folder).map_err(read_only)?.join(name))
}

/// Opens, and where necessary makes or migrates, the database. The caller holds the lock.
pub(super) fn open_to_write(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let unreadable = |error| schema::unreadable(path, error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(unreadable)?;
    set_up(&connection)?;
    schema::identify(&connection, path)?;
    if connection.is_readonly("main")? {
        return Err(HistoryError::ReadOnly { path: path.to_owned(), source: io::ErrorKind::PermissionDenied.into() });
    }
    connection.pragma_update(None, "journal_mode", "wal").map_err(unreadable)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the database for reading.
pub(super) fn open_to_read(path: &Path) -> Result<Connection> {
    let missing = || HistoryError::Missing { path: path.to_owned() };
    if matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Err(missing());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| schema::unreadable(path, error))?;
    set_up(&connection)?;
    match schema::identify(&connection, path)? {
        Found::Empty => Err(missing()),
        Found::History(VERSION) => Ok(connection),
        Found::History(found) => Err(HistoryError::OlderVersion { path: path.to_owned(), found, known: VERSION }),
    }
}

fn set_up(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection.busy_timeout(PATIENCE)?)
}
