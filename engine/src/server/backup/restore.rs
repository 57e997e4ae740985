//! Restores a server's data folder from a backup. The data is copied to a temporary folder, verified byte for byte, and renamed
//! when it is complete. Nothing is ever overwritten.

use std::path::Path;

use super::damage::Damage;
use super::databases::DatabaseKind;
use super::error::{BackupError, WithPath};
use super::folder::{self, Manifest, flush};
use super::{contents, databases};

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// Databases of users.
    pub databases: usize,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Whether the backup includes contents. If it does not, an object store must have them.
    pub contents: bool,
}

/// Restores the newest snapshot in the folder `backup` to the folder `data`, which must be empty or absent. Blocks until the
/// data is durable.
///
/// Devices that synchronised after the backup get an error at their next synchronisation. Tokens that were revoked after the
/// backup are valid again.
///
/// # Errors
/// [`BackupError::Damaged`] if a database or a content is damaged; then nothing is restored.
pub fn restore(backup: &Path, data: &Path) -> Result<RestoreReport, BackupError> {
    let snapshots = if backup.is_dir() { folder::snapshots(backup)? } else { Vec::new() };
    let Some((_, snapshot)) = snapshots.last() else { return Err(BackupError::NoBackup(backup.to_owned())) };
    if !folder::is_empty(data)? {
        return Err(BackupError::NotEmpty(data.to_owned()));
    }
    let above = match data.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    folder::create(above)?;
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let part = above.join(format!(".{name}.{}", uuid::Uuid::new_v4()));
    let restored = fill(backup, snapshot, &part).and_then(|report| {
        std::fs::rename(&part, data).at(data)?;
        flush(above).at(above)?;
        Ok(report)
    });
    if restored.is_err() {
        folder::remove(&part)?;
    }
    restored
}

fn fill(backup: &Path, snapshot: &Path, part: &Path) -> Result<RestoreReport, BackupError> {
    let mut report = RestoreReport { contents: Manifest::read(snapshot)?.contents, ..RestoreReport::default() };
    let mut damage = Vec::new();
    for file in databases::database_files(snapshot)? {
        let (from, to) = (snapshot.join(&file.path), part.join(&file.path));
        let above = to.parent().unwrap_or(part);
        folder::create(above)?;
        std::fs::copy(&from, &to).and_then(|_| flush(&to)).at(&from)?;
        damage.extend(databases::check(&to)?.map(|what| Damage::Database { path: from, what }));
        flush(above).at(above)?;
        report.databases += usize::from(file.kind != DatabaseKind::Accounts);
    }
    if damage.is_empty() && report.contents {
        damage = copy_contents(&backup.join(contents::FOLDER), part, &mut report)?;
    }
    if !damage.is_empty() {
        return Err(BackupError::Damaged(damage));
    }
    flush(part).at(part)?;
    Ok(report)
}

fn copy_contents(from: &Path, part: &Path, report: &mut RestoreReport) -> Result<Vec<Damage>, BackupError> {
    let mut copier = contents::Copier::into(part.join(contents::FOLDER));
    let mut damage = Vec::new();
    databases::each_user(part, |_, _, blobs| {
        for blob in blobs {
            let state = if let Some(state) = blob.in_database { state } else { copier.copy(from, &blob)? };
            damage.extend(Damage::of(state, blob.object));
            report.blobs += 1;
            report.bytes += blob.length;
        }
        Ok(())
    })?;
    copier.finish()?;
    Ok(damage)
}
