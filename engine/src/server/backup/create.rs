//! Creates a backup while the server runs. First, each database is copied as a consistent snapshot, then the contents that these
//! copies name: contents never change, and the lock prevents their removal. Contents that an earlier backup in the same folder
//! has are not copied again. Once everything is durable, the snapshot gets its final name and the earlier one is removed.

use std::collections::HashSet;
use std::path::Path;

use super::contents;
use super::damage::ContentState;
use super::databases::{self, DatabaseKind};
use super::error::{BackupError, WithPath};
use super::folder::{self, Manifest, flush};
use super::lock::{self, BackupLock};
use crate::config::{Config, ServerBackend};
use crate::server::blobs::ObjectName;

/// The progress of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Databases are being copied.
    Databases {
        /// Databases copied so far.
        done: usize,
        /// All databases.
        all: usize,
    },
    /// Blobs are being copied.
    Blobs {
        /// Blobs in the backup so far.
        done: u64,
    },
}

/// What a backup contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Databases in it.
    pub databases: usize,
    /// Blobs in it.
    pub blobs: u64,
    /// Bytes of contents that were copied; the others were copied by an earlier backup.
    pub bytes_copied: u64,
    /// Whether it includes contents. If an object store has them, it does not: back up the object store with its own tools.
    pub contents: bool,
    /// Contents that are missing or damaged at the server. The backup does not include their blobs.
    pub lost: Vec<ObjectName>,
}

/// Backs up the data of a server, which may be running, to the folder `target`. It must be empty, or hold an earlier backup of
/// the same server, which the new one replaces when it is complete.
///
/// The backup includes everything that was acknowledged before it began. It does not include uploads in progress; after a
/// restore, their clients begin again. Blocks until the backup is durable.
///
/// # Errors
/// [`BackupError`]. An earlier backup in `target` is unchanged.
pub fn backup(
    data: &Path,
    target: &Path,
    config: &Config,
    mut progress: impl FnMut(Progress),
) -> Result<BackupReport, BackupError> {
    if !folder::is_server(data) {
        return Err(BackupError::NoData(data.to_owned()));
    }
    // A server's data folder has a lock file, too.
    if folder::is_server(target) || (!folder::is_empty(target)? && !target.join(lock::FILE).exists()) {
        return Err(BackupError::NoBackup(target.to_owned()));
    }
    folder::create(target)?;
    let _target_lock = BackupLock::acquire(target)?;
    let earlier = folder::snapshots(target)?;
    let (snapshot, part) = folder::snapshot(target, earlier.last().map_or(1, |(number, _)| number + 1));
    folder::remove(&part)?;
    let mut report =
        BackupReport { contents: config.blobs.server_backend == ServerBackend::Files, ..BackupReport::default() };
    let lock = BackupLock::acquire(data)?;
    report.databases = copy_databases(data, &part, &mut progress)?;
    if report.contents {
        copy_contents(data, &part, target, &mut report, &mut progress)?;
    }
    drop(lock);
    Manifest::write(&part, report.contents)?;
    for created in [&part.join("users"), &part].into_iter().filter(|created| created.exists()) {
        flush(created).at(created)?;
    }
    std::fs::rename(&part, &snapshot).at(&snapshot)?;
    flush(target).at(target)?;
    for (_, earlier) in earlier {
        folder::remove(&earlier)?;
    }
    remove_unnamed(&snapshot, &target.join(contents::FOLDER))?;
    Ok(report)
}

fn copy_databases(data: &Path, part: &Path, progress: &mut impl FnMut(Progress)) -> Result<usize, BackupError> {
    let files = databases::database_files(data)?;
    for (done, file) in files.iter().enumerate() {
        progress(Progress::Databases { done, all: files.len() });
        let to = part.join(&file.path);
        folder::create(to.parent().unwrap_or(part))?;
        databases::copy(&data.join(&file.path), &to, file.kind)?;
    }
    progress(Progress::Databases { done: files.len(), all: files.len() });
    Ok(files.iter().filter(|file| file.kind != DatabaseKind::Accounts).count())
}

/// Copies the contents that the copied databases name. A blob whose content is lost is deleted from the copied database, so that
/// the backup is consistent.
fn copy_contents(
    data: &Path,
    part: &Path,
    target: &Path,
    report: &mut BackupReport,
    progress: &mut impl FnMut(Progress),
) -> Result<(), BackupError> {
    let from = data.join(contents::FOLDER);
    let mut copier = contents::Copier::into(target.join(contents::FOLDER));
    databases::each_user(part, |connection, _, blobs| {
        for blob in blobs {
            let (state, copied) = match blob.in_database {
                Some(state) => (state, 0),
                None if copier.has(&blob) => (ContentState::Intact, 0),
                None => (copier.copy(&from, &blob)?, blob.length),
            };
            if state != ContentState::Intact {
                databases::forget(connection, blob.object).at(part)?;
                report.lost.push(blob.object);
                continue;
            }
            report.bytes_copied += copied;
            report.blobs += 1;
            progress(Progress::Blobs { done: report.blobs });
        }
        Ok(())
    })?;
    copier.finish()
}

/// Removes the contents that only earlier snapshots named.
fn remove_unnamed(snapshot: &Path, contents: &Path) -> Result<(), BackupError> {
    let mut users = contents::users(contents)?;
    let remove = |user: i64, named: &HashSet<ObjectName>| {
        let present = contents::of_user(contents, user)?;
        let mut unnamed = present.into_iter().filter(|object| !named.contains(object));
        unnamed.try_for_each(|object| contents::remove(contents, object))
    };
    databases::each_user(snapshot, |_, user, blobs| {
        users.remove(&user);
        remove(user, &blobs.iter().map(|blob| blob.object).collect())
    })?;
    users.into_iter().try_for_each(|user| remove(user, &HashSet::new()))
}
