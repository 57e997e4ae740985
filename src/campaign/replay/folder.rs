//! Where the files of a replayed trial go.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::campaign::error::ReplayError;

/// A folder for the files of one trial.
pub(super) enum Folder {
    /// A folder that somebody named; it stays.
    Named(PathBuf),
    /// A folder beside the results, so on the same storage; it is removed unless it is kept.
    Temporary(tempfile::TempDir),
}

impl Folder {
    /// The named folder, which must be empty or new, or a temporary one in `results`.
    pub(super) fn choose(results: &Path, named: Option<&Path>) -> Result<Folder, ReplayError> {
        let given = named.unwrap_or(results);
        let unusable = |source| ReplayError::Folder { path: given.to_owned(), source };
        let folder = std::path::absolute(given).map_err(unusable)?;
        fs::create_dir_all(&folder).map_err(unusable)?;
        if named.is_none() {
            let temporary = tempfile::Builder::new().prefix("replay-").tempdir_in(folder);
            return Ok(Folder::Temporary(temporary.map_err(unusable)?));
        }
        // Each trial empties its folder first: nobody's files must be in it.
        match fs::read_dir(&folder).map_err(unusable)?.next() {
            Some(_) => Err(ReplayError::NotEmpty(folder)),
            None => Ok(Folder::Named(folder)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Folder::Named(folder) => folder,
            Folder::Temporary(folder) => folder.path(),
        }
    }

    /// Keeps the folder for good.
    pub(super) fn keep(self) -> PathBuf {
        match self {
            Folder::Named(folder) => folder,
            Folder::Temporary(folder) => folder.keep(),
        }
    }
}
