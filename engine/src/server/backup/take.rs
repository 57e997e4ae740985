//! Takes a backup while the server runs. The databases are copied first, each at one moment, then the contents that these
//! copies name: they never change, and the hold keeps them from going. Contents that an earlier backup in the same place
//! brought along are not copied again. Only when all is durable does the snapshot get its name and the earlier one go.

use std::collections::HashSet;
use std::path::Path;

use super::contents::State;
use super::databases::{self, PlaceKind};
use super::error::At;
use super::folder::{self, Manifest, flush};
use super::hold::{self, Hold};
use super::{BackupError, contents};
use crate::config::{Config, ServerBackend};
use crate::server::blobs::ObjectName;

/// How far a backup has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Databases that are copied, of all.
    Databases {
        /// Copied.
        done: usize,
        /// All.
        all: usize,
    },
    /// Blobs that are in the backup.
    Blobs {
        /// So many.
        done: u64,
    },
}

/// What a backup holds and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Databases in it.
    pub databases: usize,
    /// Blobs in it.
    pub blobs: u64,
    /// Bytes of their contents that had to be copied; the others were there from an earlier backup.
    pub bytes_copied: u64,
    /// Whether contents are in it at all. They are not where an object store keeps them: copy that by its own means.
    pub contents: bool,
    /// Contents that were missing or wrong at the server already. The backup does not have these blobs.
    pub lost: Vec<ObjectName>,
}

/// Copies the data of a server, which may be running, into the folder `target`: an empty one, or one that holds an earlier
/// backup of the same server, which the new one replaces when it is whole.
///
/// The copy has everything that was acknowledged before it began. Uploads under way are not in it: their clients begin
/// anew. Blocks until it is done and durable.
///
/// # Errors
/// [`BackupError`]. An earlier backup in `target` is as good as before.
pub fn backup(
    data: &Path,
    target: &Path,
    config: &Config,
    mut progress: impl FnMut(Progress),
) -> Result<BackupReport, BackupError> {
    if !folder::is_server(data) {
        return Err(BackupError::NoData(data.to_owned()));
    }
    // A server's folder has the lock's file too.
    if folder::is_server(target) || (!folder::is_empty(target)? && !target.join(hold::FILE).exists()) {
        return Err(BackupError::NoBackup(target.to_owned()));
    }
    folder::make(target)?;
    let _target = Hold::take(target)?;
    let earlier = folder::snapshots(target)?;
    let (snapshot, part) = folder::snapshot(target, earlier.last().map_or(1, |(number, _)| number + 1));
    folder::remove(&part)?;
    let mut report =
        BackupReport { contents: config.blobs.server_backend == ServerBackend::Files, ..BackupReport::default() };
    let hold = Hold::take(data)?;
    report.databases = copy_databases(data, &part, &mut progress)?;
    if report.contents {
        copy_contents(data, &part, target, &mut report, &mut progress)?;
    }
    drop(hold);
    Manifest::write(&part, report.contents)?;
    for made in [&part.join("users"), &part].into_iter().filter(|made| made.exists()) {
        flush(made).at(made)?;
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
    let places = databases::places(data)?;
    for (done, place) in places.iter().enumerate() {
        progress(Progress::Databases { done, all: places.len() });
        let to = part.join(&place.path);
        folder::make(to.parent().unwrap_or(part))?;
        databases::copy(&data.join(&place.path), &to, place.kind)?;
    }
    progress(Progress::Databases { done: places.len(), all: places.len() });
    Ok(places.iter().filter(|place| place.kind != PlaceKind::Accounts).count())
}

/// Copies what the copied databases name. A blob whose content is lost leaves the copy too, so that the copy is whole.
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
            let (state, copied) = match blob.inside {
                Some(state) => (state, 0),
                None if copier.has(&blob) => (State::Right, 0),
                None => (copier.copy(&from, &blob)?, blob.length),
            };
            if state != State::Right {
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
