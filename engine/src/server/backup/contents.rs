//! The contents of blobs as files: copied, and compared with their digests.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::damage::ContentState;
use super::databases::NamedContent;
use super::error::{BackupError, WithPath};
use super::folder::{create, flush};
use crate::server::blobs::{ObjectName, list_contents, path_of_content};

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;

/// The folder of contents in a server's data and in a backup.
pub(super) const FOLDER: &str = "blobs";

/// Copies contents into a folder. The copies are durable after [`Copier::finish`].
pub(super) struct Copier {
    folder: PathBuf,
    touched: BTreeSet<PathBuf>,
}

impl Copier {
    /// Copies into `folder`.
    pub(super) fn into(folder: PathBuf) -> Self {
        Self { folder, touched: BTreeSet::new() }
    }

    /// Whether a content was copied before. Copies are never incomplete and never change.
    pub(super) fn has(&self, blob: &NamedContent) -> bool {
        path_of_content(&self.folder, blob.object).metadata().is_ok_and(|found| found.len() == blob.length)
    }

    /// Copies a content from the folder `from`, if it is intact.
    pub(super) fn copy(&mut self, from: &Path, blob: &NamedContent) -> Result<ContentState, BackupError> {
        let source = path_of_content(from, blob.object);
        let to = path_of_content(&self.folder, blob.object);
        let part = to.with_extension("part");
        let shard = to.parent().unwrap_or(&self.folder).to_owned();
        create(&shard)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part).at(&part)?;
        let state = compare(&source, blob, |piece| file.write_all(piece))?;
        if state != ContentState::Intact {
            fs::remove_file(&part).at(&part)?;
            return Ok(state);
        }
        file.sync_all().at(&part)?;
        fs::rename(&part, &to).at(&to)?;
        self.touched.insert(shard);
        Ok(state)
    }

    /// Makes the names of all that was copied durable.
    pub(super) fn finish(self) -> Result<(), BackupError> {
        let above = |folder: &PathBuf| folder.parent().map(Path::to_owned);
        let users: BTreeSet<PathBuf> = self.touched.iter().filter_map(above).collect();
        let rest = [self.folder.clone()].into_iter().filter(|folder| folder.exists());
        self.touched.iter().chain(&users).cloned().chain(rest).try_for_each(|folder| flush(&folder).at(&folder))
    }
}

/// Compares a content with its row.
pub(super) fn examine(folder: &Path, blob: &NamedContent) -> Result<ContentState, BackupError> {
    if let Some(state) = blob.in_database {
        return Ok(state);
    }
    compare(&path_of_content(folder, blob.object), blob, |_| Ok(()))
}

fn compare(
    path: &Path,
    blob: &NamedContent,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<ContentState, BackupError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ContentState::Missing),
        Err(error) => return Err(error).at(path),
    };
    let mut hash = Context::new(&SHA256);
    let (mut length, mut chunk) = (0, vec![0; CHUNK]);
    loop {
        let read = file.read(&mut chunk).at(path)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        hash.update(&chunk[..read]);
        write(&chunk[..read]).at(path)?;
    }
    let intact = length == blob.length && hash.finish().as_ref() == blob.digest.0;
    Ok(if intact { ContentState::Intact } else { ContentState::Wrong })
}

/// The users that have contents in `folder`.
pub(super) fn users(folder: &Path) -> Result<BTreeSet<i64>, BackupError> {
    let mut users = BTreeSet::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).at(folder)? {
            users.extend(entry.at(folder)?.file_name().to_str().and_then(|name| name.parse::<i64>().ok()));
        }
    }
    Ok(users)
}

/// The contents of a user in `folder`, complete or not.
pub(super) fn of_user(folder: &Path, user: i64) -> Result<Vec<ObjectName>, BackupError> {
    let own = folder.join(user.to_string());
    list_contents(&own, user).at(&own)
}

/// Removes a content, complete or not.
pub(super) fn remove(folder: &Path, object: ObjectName) -> Result<(), BackupError> {
    let path = path_of_content(folder, object);
    super::folder::remove(&path)?;
    super::folder::remove(&path.with_extension("part"))
}
