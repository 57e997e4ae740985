//! How a database is opened: once to write, often to read. A connection that reads can never write.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{error::DatabaseError, migration::migrate, store::Store};

type Result<T> = std::result::Result<T, DatabaseError>;

/// How long a connection waits while another program (a backup, a shell) has the file locked. Readers and the writer
/// never wait for each other.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that each connection keeps: more than any store has.
const STATEMENT_CACHE: usize = 128;

/// What a file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Nothing yet: no content, or a database without any table.
    Empty,
    /// The store in this schema version, which is at most [`Store::version`].
    Version(u32),
}

/// The one spelling of a path, so that two names of one file share one lock. Creates the folder.
pub(super) fn canonicalize(store: &'static Store, path: &Path) -> Result<PathBuf> {
    let read_only = |source| DatabaseError::ReadOnly { store, path: path.to_owned(), source };
    if let Ok(canonical) = fs::canonicalize(path) {
        return Ok(canonical);
    }
    let name = path.file_name().ok_or_else(|| read_only(io::ErrorKind::IsADirectory.into()))?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(read_only)?;
    Ok(fs::canonicalize(folder).map_err(read_only)?.join(name))
}

/// Opens, and where necessary creates or migrates, the database. The caller holds the lock.
pub(super) fn open_to_write(store: &'static Store, path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error| DatabaseError::of_opening(store, path, error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    configure(&connection)?;
    let content = identify(&connection, store, path)?;
    if connection.is_readonly("main")? {
        let source = io::ErrorKind::PermissionDenied.into();
        return Err(DatabaseError::ReadOnly { store, path: path.to_owned(), source });
    }
    connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // The library switches them on by default.
    connection.pragma_update(None, "foreign_keys", false)?;
    let version = match content {
        Content::Empty => None,
        Content::Version(version) => Some(version),
    };
    migrate(&mut connection, store, path, version)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Opens the database for reading.
pub(super) fn open_to_read(store: &'static Store, path: &Path) -> Result<Connection> {
    let missing = || DatabaseError::Missing { store, path: path.to_owned() };
    if matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Err(missing());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| DatabaseError::of_opening(store, path, error))?;
    configure(&connection)?;
    match identify(&connection, store, path)? {
        Content::Empty => Err(missing()),
        Content::Version(found) if found == store.version() => Ok(connection),
        Content::Version(found) => Err(DatabaseError::OlderVersion { store, path: path.to_owned(), found }),
    }
}

fn configure(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection.busy_timeout(TIMEOUT)?)
}

/// Finds out what the open database is, without changing it.
fn identify(connection: &Connection, store: &'static Store, path: &Path) -> Result<Content> {
    let wrong_file = |found| DatabaseError::WrongFile { store, path: path.to_owned(), found };
    let read = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0));
    let tables = read("SELECT count(*) FROM sqlite_schema").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => wrong_file("its content is not that of an SQLite database"),
        _ => DatabaseError::of_opening(store, path, error),
    })?;
    let version = read("PRAGMA user_version")?;
    match (read("PRAGMA application_id")?, tables) {
        (id, _) if id == store.application_id && version > store.version() => {
            Err(DatabaseError::NewerVersion { store, path: path.to_owned(), found: version })
        }
        (id, _) if id == store.application_id => Ok(Content::Version(version)),
        (id, _) if store.abandoned_ids.contains(&id) => {
            Err(DatabaseError::BeforeFirstRelease { store, path: path.to_owned() })
        }
        (0, 0) if version == 0 => Ok(Content::Empty),
        _ => Err(wrong_file("it is a database of another program")),
    }
}
