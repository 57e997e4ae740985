//! Opens one connection to a database and configures it. The key is passed raw, so no key derivation runs, and it is checked
//! before the connection is used.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use zeroize::Zeroizing;

use super::DatabaseError;
use crate::config::{Journal, StoreConfig, Synchronous};

/// Page sizes to try on an existing database, after the configured one: its page size can only be read after decryption,
/// which needs it.
const PAGE_SIZES: [u32; 7] = [4096, 8192, 16_384, 32_768, 65_536, 2048, 1024];

/// How long a connection waits between tries for a lock that another process holds, about as long as a commit takes. SQLite's
/// own pauses grow to a tenth of a second, so that of two processes that write continuously one would starve the other.
const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// Tries before giving up, over ten seconds at least.
const BUSY_TRIES: i32 = 10_000;

/// Memory, in KiB, that one connection may use for pages.
const CACHE_KIB: i64 = 8 << 10;

/// A raw key as SQLCipher reads it, `x'…64 digits…'`; `None` opens a plain database.
pub(super) type KeyText = Option<Zeroizing<String>>;

/// Opens `path`, creating it where it is absent.
pub(super) fn open(path: &Path, key: &KeyText, config: &StoreConfig) -> Result<Connection, DatabaseError> {
    if !PAGE_SIZES.contains(&config.page_size) {
        return Err(DatabaseError::Setting { name: "store.page_size", why: "a power of two from 1024 to 65536" });
    }
    let connection = match key {
        Some(key) => open_encrypted(path, key, config.page_size)?,
        None => open_plain(path, config.page_size)?,
    };
    connection.busy_handler(Some(wait_for_lock))?;
    configure(&connection, config)?;
    Ok(connection)
}

fn open_encrypted(path: &Path, key: &str, page_size: u32) -> Result<Connection, DatabaseError> {
    for size in std::iter::once(page_size).chain(PAGE_SIZES.into_iter().filter(|size| *size != page_size)) {
        let connection = Connection::open(path)?;
        // The text inside the double quotes must be `x'…'` itself: anything else is a passphrase, and a slow derivation
        // would run for every connection. Problems are reported as errors, not also on standard error.
        let statement = Zeroizing::new(format!(
            "PRAGMA cipher_log_level = NONE; PRAGMA key = \"{key}\"; PRAGMA cipher_page_size = {size};"
        ));
        connection.execute_batch(&statement)?;
        let version = connection.query_row("PRAGMA cipher_version", [], |row| row.get::<_, String>(0));
        if !version.is_ok_and(|version| !version.is_empty()) {
            return Err(DatabaseError::NoCipher);
        }
        if can_be_read(&connection)? {
            return Ok(connection);
        }
    }
    Err(DatabaseError::WrongKey { path: path.to_owned() })
}

fn open_plain(path: &Path, page_size: u32) -> Result<Connection, DatabaseError> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", page_size)?;
    if can_be_read(&connection)? { Ok(connection) } else { Err(DatabaseError::WrongKey { path: path.to_owned() }) }
}

/// Reads a page, which fails with a wrong key.
fn can_be_read(connection: &Connection) -> Result<bool, DatabaseError> {
    match connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())) {
        Ok(()) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits for a lock, unless all tries are used up.
fn wait_for_lock(tries: i32) -> bool {
    std::thread::sleep(BUSY_PAUSE);
    tries < BUSY_TRIES
}

fn configure(connection: &Connection, config: &StoreConfig) -> Result<(), DatabaseError> {
    connection.set_prepared_statement_cache_capacity(64);
    let journal = match config.journal {
        Journal::Wal => "WAL",
        Journal::Delete => "DELETE",
    };
    set_journal(connection, journal)?;
    let synchronous = match config.synchronous {
        Synchronous::Off => "OFF",
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Intermediate results stay in memory: a temporary file would not be encrypted.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The writer checkpoints when it is idle.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(())
}

/// Changes the journal mode, unless it is set already. While another connection makes the same change, SQLite fails at once
/// without the busy handler, to avoid a deadlock; so this retries.
fn set_journal(connection: &Connection, journal: &str) -> Result<(), DatabaseError> {
    for tries in 0.. {
        let changed = connection.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()));
        match changed {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && wait_for_lock(tries) => {}
            changed => return Ok(changed?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_can_be_opened_many_times_concurrently() {
        for round in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new.db");
            let start = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                let openers: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            start.wait();
                            open(&path, &None, &StoreConfig::default()).map(drop)
                        })
                    })
                    .collect();
                for opener in openers {
                    let opened = opener.join().unwrap();
                    assert!(opened.is_ok(), "round {round}: {opened:?}");
                }
            });
        }
    }

    fn key(digit: char) -> KeyText {
        Some(Zeroizing::new(format!("x'{}'", digit.to_string().repeat(64))))
    }

    fn fill(path: &Path, key: &KeyText, config: &StoreConfig) {
        let connection = open(path, key, config).unwrap();
        connection.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES ('confidential')").unwrap();
    }

    #[test]
    fn only_the_right_key_opens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let config = StoreConfig::default();
        fill(&path, &key('a'), &config);
        let text =
            open(&path, &key('a'), &config).unwrap().query_row("SELECT x FROM t", [], |row| row.get::<_, String>(0));
        assert_eq!(text.unwrap(), "confidential");
        assert!(matches!(open(&path, &key('b'), &config), Err(DatabaseError::WrongKey { .. })));
        assert!(matches!(open(&path, &None, &config), Err(DatabaseError::WrongKey { .. })));
        assert!(!std::fs::read(&path).unwrap().starts_with(b"SQLite format 3"));
    }

    /// SQLCipher derives nothing from a raw key, so the same 32 bytes as a passphrase open nothing: the quoting is right.
    #[test]
    fn the_key_is_passed_raw() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        // SQLCipher's default page size, so that no other pragma is needed.
        fill(&path, &key('a'), &StoreConfig { page_size: 4096, ..StoreConfig::default() });
        let reads = |key: &str| {
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch(&format!("PRAGMA cipher_log_level = NONE; PRAGMA key = {key};")).unwrap();
            can_be_read(&connection).unwrap()
        };
        let digits = "a".repeat(64);
        assert!(reads(&format!("\"x'{digits}'\"")));
        assert!(!reads(&format!("'{digits}'")));
    }

    #[test]
    fn an_existing_database_keeps_its_page_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        fill(&path, &key('a'), &StoreConfig { page_size: 16_384, ..StoreConfig::default() });
        let connection = open(&path, &key('a'), &StoreConfig::default()).unwrap();
        assert_eq!(connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    #[test]
    fn an_invalid_page_size_is_rejected() {
        let config = StoreConfig { page_size: 5000, ..StoreConfig::default() };
        assert!(matches!(open(Path::new("/nowhere"), &None, &config), Err(DatabaseError::Setting { .. })));
    }
}
