//! Verifies the data of a server, which may be running, or a backup. It repairs nothing.

use std::collections::HashSet;
use std::path::Path;

use super::damage::Damage;
use super::databases::DatabaseKind;
use super::error::BackupError;
use super::folder::{self, Manifest, is_server};
use super::lock::BackupLock;
use super::{contents, databases};
use crate::config::{Config, ServerBackend};
use crate::server::process_registry::is_alive;

/// What was verified, and the damage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Databases of users.
    pub databases: usize,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of contents that were read.
    pub bytes: u64,
    /// The damage that was found.
    pub damage: Vec<Damage>,
}

/// Verifies a server's data folder, or the newest snapshot in a backup folder: every database, and every content against the
/// digest in its row. Contents in an object store are not verified. No content is removed in the meantime. Blocks until it is
/// done.
///
/// # Errors
/// [`BackupError`] if the folder is neither, or cannot be read. Damage is not an error; it is in the report.
pub fn verify(folder: &Path, config: &Config) -> Result<VerifyReport, BackupError> {
    let snapshots = if folder.is_dir() { folder::snapshots(folder)? } else { Vec::new() };
    let (databases, with_contents) = match snapshots.last() {
        Some((_, snapshot)) => (snapshot.clone(), Manifest::read(snapshot)?.contents),
        None if is_server(folder) => (folder.to_owned(), config.blobs.server_backend == ServerBackend::Files),
        None => return Err(BackupError::NoData(folder.to_owned())),
    };
    let _lock = BackupLock::acquire(folder)?;
    let mut report = VerifyReport::default();
    for file in databases::database_files(&databases)? {
        let path = databases.join(&file.path);
        report.damage.extend(databases::check(&path)?.map(|what| Damage::Database { path, what }));
        report.databases += usize::from(file.kind != DatabaseKind::Accounts);
    }
    if report.damage.is_empty() && with_contents {
        verify_contents(folder, &databases, &mut report)?;
    }
    Ok(report)
}

/// Contents are listed before rows are read, so a content that appears in the meantime does not count as unnamed.
fn verify_contents(folder: &Path, databases: &Path, report: &mut VerifyReport) -> Result<(), BackupError> {
    let contents = folder.join(contents::FOLDER);
    let mut unnamed = HashSet::new();
    for user in contents::users(&contents)? {
        unnamed.extend(contents::of_user(&contents, user)?);
    }
    for upload in databases::uploads(databases)? {
        unnamed.remove(&upload);
    }
    databases::each_user(databases, |_, _, blobs| {
        for blob in blobs {
            unnamed.remove(&blob.object);
            report.damage.extend(Damage::of(contents::examine(&contents, &blob)?, blob.object));
            report.blobs += 1;
            report.bytes += blob.length;
        }
        Ok(())
    })?;
    // A content of a live process may get its row at any moment, or may have lost it and be removed after this verification.
    let processes = folder.join("processes");
    let mut orphans: Vec<_> = unnamed.into_iter().filter(|object| !is_alive(&processes, object.process)).collect();
    orphans.sort_unstable();
    report.damage.extend(orphans.into_iter().map(Damage::Unnamed));
    Ok(())
}
