//! Backups: a copy of a whole database next to it, made before a migration.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{error::DatabaseError, store::Store};

/// Copies the database, which has schema version `version`, to `FILE.backup-vVERSION` next to it. The copy has reached the
/// disk when this returns. A copy of the same version from before is replaced: a kill may have followed it.
///
/// # Errors
/// [`DatabaseError::Backup`].
pub(super) fn back_up(
    connection: &Connection,
    store: &'static Store,
    path: &Path,
    version: u32,
) -> Result<(), DatabaseError> {
    let backup = with_suffix(path, &format!(".backup-v{version}"));
    copy(connection, &backup).map_err(|source| DatabaseError::Backup { store, path: path.to_owned(), backup, source })
}

/// Writes the copy under another name first, so that what has the name of a backup is always whole.
fn copy(connection: &Connection, backup: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let partial = with_suffix(backup, ".partial");
    if partial.exists() {
        fs::remove_file(&partial)?;
    }
    connection.backup("main", &partial, None)?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, backup)?;
    if let Some(folder) = backup.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
