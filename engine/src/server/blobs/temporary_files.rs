//! Temporary files that a killed process leaves in an object store's folder. `object_store` writes an object to `NAME#1` (or
//! `#2` if that exists) next to the final path and then renames it; it neither lists nor deletes files that were not renamed.
//! This module does, and must never touch complete objects.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::backend::{BackendError, ObjectName};

/// The temporary files in a folder of objects.
#[derive(Clone)]
pub(super) struct TemporaryFiles(PathBuf);

impl TemporaryFiles {
    /// The temporary files in the folder of an object store.
    pub(super) fn new(folder: &str) -> Self {
        Self(folder.into())
    }

    /// The contents of a user that have temporary files.
    pub(super) async fn list(&self, user: i64) -> Result<Vec<ObjectName>, BackendError> {
        let folder = self.0.join(user.to_string());
        run(format!("of user {user}"), move || {
            let whole = entries(&folder.join("whole"))?.into_iter().filter(|path| is_temporary(path));
            let mut found: Vec<PathBuf> = whole.collect();
            for partial in entries(&folder.join("partial"))? {
                if entries(&partial)?.iter().any(|path| is_temporary(path)) {
                    found.push(partial);
                }
            }
            let name = |path: &PathBuf| ObjectName::parse(user, path.file_name()?.to_str()?.split('#').next()?);
            Ok(found.iter().filter_map(name).collect())
        })
        .await
    }

    /// Removes the temporary files of a content that no process is writing.
    pub(super) async fn remove(&self, object: ObjectName) -> Result<(), BackendError> {
        let (folder, name) = (self.0.join(object.user.to_string()), object.to_string());
        run(name.clone(), move || {
            for number in 1.. {
                if !was_removed(fs::remove_file(folder.join("whole").join(format!("{name}#{number}"))))? {
                    break;
                }
            }
            let partial = folder.join("partial").join(name);
            for path in entries(&partial)?.iter().filter(|path| is_temporary(path)) {
                was_removed(fs::remove_file(path))?;
            }
            // This fails if there are segments in it, which must stay.
            let _ = fs::remove_dir(partial);
            Ok(())
        })
        .await
    }
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains('#'))
}

/// Everything in a folder; nothing if it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
    }
}

/// Whether a file existed and was removed.
fn was_removed(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Does blocking work on a thread that may block.
async fn run<T: Send + 'static>(
    object: String,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BackendError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
    done.map_err(|source| BackendError::Io { object, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_temporary_files_are_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let temporary = TemporaryFiles::new(folder.path().to_str().unwrap());
        let [one, two, three] = [1, 2, 3].map(|serial| ObjectName { user: 7, process: 5, serial });
        assert_eq!(temporary.list(7).await.unwrap(), []);
        let place = |rest: String| {
            let path = folder.path().join("7").join(rest);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            path
        };
        let begun = [
            place(format!("whole/{one}#1")),
            place(format!("whole/{one}#2")),
            place(format!("partial/{two}/0000000000000000#1")),
        ];
        let kept = [
            place(format!("whole/{one}")),
            place(format!("whole/{three}")),
            place(format!("partial/{two}/0000000000000000")),
        ];
        let mut listed = temporary.list(7).await.unwrap();
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(listed, [one, two]);
        for object in [one, two, three] {
            temporary.remove(object).await.unwrap();
        }
        assert!(begun.iter().all(|path| !path.exists()) && kept.iter().all(|path| path.exists()));
        assert_eq!(temporary.list(7).await.unwrap(), []);
    }
}
