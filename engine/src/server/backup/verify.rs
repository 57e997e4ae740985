//! Looks for damage, in the folder of a server, which may be running, or in a backup. Nothing is repaired.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::contents::State;
use super::databases::PlaceKind;
use super::folder::{self, Manifest, is_server};
use super::hold::Hold;
use super::{BackupError, contents, databases};
use crate::config::{Config, ServerBackend};
use crate::server::blobs::ObjectName;
use crate::server::processes;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A database contradicts itself or cannot be read.
    Database {
        /// Which one.
        path: PathBuf,
        /// What SQLite says.
        what: String,
    },
    /// A blob without its content.
    Missing(ObjectName),
    /// A content that is not what its blob's row says.
    Wrong(ObjectName),
    /// A content that no row names. It takes room, and harms nothing; the next start of the server removes it.
    Unnamed(ObjectName),
}

impl Damage {
    pub(super) fn of(state: State, object: ObjectName) -> Option<Self> {
        match state {
            State::Right => None,
            State::Missing => Some(Self::Missing(object)),
            State::Wrong => Some(Self::Wrong(object)),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database { path, what } => write!(f, "the database {} is damaged: {what}", path.display()),
            Self::Missing(object) => write!(f, "the content {object} of a blob of user {} is missing", object.user),
            Self::Wrong(object) => write!(f, "the content {object} of a blob of user {} is damaged", object.user),
            Self::Unnamed(object) => write!(f, "no blob of user {} has the content {object}", object.user),
        }
    }
}

/// What was looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Databases of users.
    pub databases: usize,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of contents that were read.
    pub bytes: u64,
    /// What is wrong.
    pub damage: Vec<Damage>,
}

/// Verifies the folder of a server, or the newest snapshot in a folder of backups: every database, and every content
/// against the digest in its row. Where an object store keeps the contents, they are not looked at. Deletions of contents
/// wait meanwhile. Blocks until it is done.
///
/// # Errors
/// [`BackupError`] where the folder is neither, or cannot be read. Damage is no error: it is in the report.
pub fn verify(folder: &Path, config: &Config) -> Result<VerifyReport, BackupError> {
    let snapshots = if folder.is_dir() { folder::snapshots(folder)? } else { Vec::new() };
    let (databases, with_contents) = match snapshots.last() {
        Some((_, snapshot)) => (snapshot.clone(), Manifest::read(snapshot)?.contents),
        None if is_server(folder) => (folder.to_owned(), config.blobs.server_backend == ServerBackend::Files),
        None => return Err(BackupError::NoData(folder.to_owned())),
    };
    let _hold = Hold::take(folder)?;
    let mut report = VerifyReport::default();
    for place in databases::places(&databases)? {
        let path = databases.join(&place.path);
        report.damage.extend(databases::check(&path)?.map(|what| Damage::Database { path, what }));
        report.databases += usize::from(place.kind != PlaceKind::Accounts);
    }
    if report.damage.is_empty() && with_contents {
        verify_contents(folder, &databases, &mut report)?;
    }
    Ok(report)
}

/// Contents are listed before rows are read: what a row came to name meanwhile is no stranger.
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
    // What a living process made may get its row at any moment, or lose it and wait for this check to end.
    let processes = folder.join("processes");
    let mut left: Vec<_> =
        unnamed.into_iter().filter(|object| !processes::is_alive(&processes, object.process)).collect();
    left.sort_unstable();
    report.damage.extend(left.into_iter().map(Damage::Unnamed));
    Ok(())
}
