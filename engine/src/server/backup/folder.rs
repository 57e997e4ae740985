//! The layout of a backup folder: `blobs/` with the contents, and `snapshot-N/` with a consistent copy of the databases and a
//! manifest. A snapshot gets its final name once everything that it needs is durable.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{BackupError, WithPath};

/// The version of the format. History: 1, the first.
const FORMAT: u32 = 1;

const MANIFEST: &str = "manifest.json";
const PREFIX: &str = "snapshot-";

/// The description of a snapshot.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// Whether the backup includes the contents of blobs. It does not if an object store has them.
    pub(super) contents: bool,
}

impl Manifest {
    /// Writes the manifest of a snapshot, durably.
    pub(super) fn write(snapshot: &Path, contents: bool) -> Result<(), BackupError> {
        let path = snapshot.join(MANIFEST);
        let text = serde_json::to_vec(&Self { format: FORMAT, contents }).map_err(std::io::Error::other).at(&path)?;
        fs::write(&path, text).and_then(|()| flush(&path)).at(&path)
    }

    /// Reads the manifest of a snapshot.
    pub(super) fn read(snapshot: &Path) -> Result<Self, BackupError> {
        let path = snapshot.join(MANIFEST);
        let text = fs::read(&path).at(&path)?;
        let manifest: Self = serde_json::from_slice(&text).map_err(std::io::Error::other).at(&path)?;
        if manifest.format > FORMAT {
            return Err(BackupError::Newer { found: manifest.format, known: FORMAT });
        }
        Ok(manifest)
    }
}

/// The complete snapshots in a folder with their numbers, oldest first.
pub(super) fn snapshots(folder: &Path) -> Result<Vec<(u64, PathBuf)>, BackupError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let number = entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// The final path of the snapshot with this number, and the path at which it is created.
pub(super) fn snapshot(folder: &Path, number: u64) -> (PathBuf, PathBuf) {
    (folder.join(format!("{PREFIX}{number:08}")), folder.join(format!("{PREFIX}{number:08}.part")))
}

/// Whether this is a server's data folder.
pub(super) fn is_server(folder: &Path) -> bool {
    folder.join("accounts.db").exists()
}

/// Whether a folder is empty or does not exist.
pub(super) fn is_empty(folder: &Path) -> Result<bool, BackupError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).at(folder),
    }
}

/// Makes a file or a folder durable.
pub(super) fn flush(path: &Path) -> std::io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// Creates a folder that only its owner can read.
pub(super) fn create(path: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).at(path)
}

/// Removes a file or folder, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), BackupError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at(path),
        _ => Ok(()),
    }
}
