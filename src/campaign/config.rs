//! Where a campaign finds what it needs, as plain data.

use std::path::{Path, PathBuf};

use crate::revision::Recipe;

/// What every campaign of one project shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The database that keeps the results.
    pub database: PathBuf,
    /// A folder for the files of trials, on the storage that is to be measured. It is created where it is missing. One
    /// process uses it at a time: whoever holds the history's lock.
    pub work: PathBuf,
    /// The folder that builds are cached below; see [`crate::revision::cache_root`].
    pub cache: PathBuf,
    /// How the subject is built.
    pub recipe: Recipe,
    /// The platform's own program, which plays the roles that are not the subject's.
    pub platform: PathBuf,
}

impl Config {
    /// The folder that the database lies in.
    pub(super) fn results(&self) -> &Path {
        match self.database.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}
