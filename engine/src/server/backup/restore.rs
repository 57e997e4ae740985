//! Makes a server's folder of a backup: beside its place, verified byte for byte, and moved there when it is whole. It must
//! never write over anything.

use std::path::Path;

use super::databases::PlaceKind;
use super::error::At;
use super::folder::{self, Manifest, flush};
use super::verify::Damage;
use super::{BackupError, contents, databases};

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// Databases of users.
    pub databases: usize,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Whether the backup has contents. Where it does not, an object store must have them.
    pub contents: bool,
}

/// Makes the folder `data` of the newest snapshot in the folder `backup`. `data` must be empty or absent. Blocks until it
/// is done and durable.
///
/// Devices that have seen what came after the backup are told so at their next synchronisation; tokens that were revoked
/// after it count again.
///
/// # Errors
/// [`BackupError::Damaged`] where a database or a content is not what it was; then nothing is restored.
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
    folder::make(above)?;
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
    for place in databases::places(snapshot)? {
        let (from, to) = (snapshot.join(&place.path), part.join(&place.path));
        let above = to.parent().unwrap_or(part);
        folder::make(above)?;
        std::fs::copy(&from, &to).and_then(|_| flush(&to)).at(&from)?;
        damage.extend(databases::check(&to)?.map(|what| Damage::Database { path: from, what }));
        flush(above).at(above)?;
        report.databases += usize::from(place.kind != PlaceKind::Accounts);
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
            let state = if let Some(state) = blob.inside { state } else { copier.copy(from, &blob)? };
            damage.extend(Damage::of(state, blob.object));
            report.blobs += 1;
            report.bytes += blob.length;
        }
        Ok(())
    })?;
    copier.finish()?;
    Ok(damage)
}
