//! Errors of indexes.

use super::InvalidJsonPath;

/// The most indexes that a replica has.
pub const MAX_INDEXES: usize = 16;

/// Most bytes of an index's name.
pub(super) const NAME_LIMIT: usize = 64;

/// Why an index cannot be created or queried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The name is invalid.
    #[error("the name of an index must have 1 to {NAME_LIMIT} of the characters A-Z a-z 0-9 . _ -")]
    Name,
    /// The path is invalid.
    #[error(transparent)]
    Path(#[from] InvalidJsonPath),
    /// Another index has this name.
    #[error("index {name} already exists on {path}; drop it first or choose another name")]
    Exists {
        /// Its name.
        name: String,
        /// The path of the existing index.
        path: String,
    },
    /// No index has this name.
    #[error("index {0} does not exist; create it first")]
    Absent(String),
    /// There are too many indexes.
    #[error("a replica has at most {MAX_INDEXES} indexes; drop one first")]
    TooMany,
}
