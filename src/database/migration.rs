//! Migrations: append-only SQL scripts, all pending ones applied in one transaction together with the new version, so that
//! a kill at any statement leaves the database as it was. A store that has content is backed up first.

use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::{backup::back_up, error::DatabaseError, store::Store};

/// What every store has beside its own tables: one row that counts its changes. See [`super::StoreReader::serial`].
const SERIAL_TABLE: &str = "CREATE TABLE serial (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
INSERT INTO serial (id, value) VALUES (1, 0);\n";

/// Brings the database to the newest version. `found` is its present version, `None` for a new file. The caller has not
/// switched foreign keys on: a migration may rebuild tables, and its foreign keys are checked at its end.
///
/// # Errors
/// [`DatabaseError::Backup`] and [`DatabaseError::Migration`]. Nothing was changed.
pub(super) fn migrate(
    connection: &mut Connection,
    store: &'static Store,
    path: &Path,
    found: Option<u32>,
) -> Result<(), DatabaseError> {
    if found == Some(store.version()) {
        return Ok(());
    }
    if let Some(found) = found {
        back_up(connection, store, path, found)?;
    }
    let failed = |source| DatabaseError::Migration { store, path: path.to_owned(), source: Box::new(source) };
    let scripts = scripts(store);
    let migrations = scripts.iter().map(|sql| M::up(sql).foreign_key_check()).collect();
    Migrations::new(migrations).to_latest(connection).map_err(failed)
}

/// The SQL of each migration. The first one also marks the file as the store's and begins the serial.
fn scripts(store: &Store) -> Vec<String> {
    let mark = format!("PRAGMA application_id = {};\n{SERIAL_TABLE}", store.application_id);
    let first = store.migrations.iter().take(1).map(|sql| mark.clone() + sql);
    first.chain(store.migrations.iter().skip(1).map(|sql| (*sql).to_owned())).collect()
}
