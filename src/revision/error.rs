//! Errors of repositories and caches, each with what to do. A revision that does not build is not an error: see
//! `BuildOutcome`.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a revision could not be resolved, or a build could not even be tried.
#[derive(Debug, Error)]
pub enum RevisionError {
    /// There is no `git` program on the PATH.
    #[error("git is not installed, or not on the PATH; install git 2.34 or newer")]
    GitMissing,
    /// The folder to look in does not exist.
    #[error("there is no folder `{}`; name the folder of a git checkout", .0.display())]
    NoFolder(PathBuf),
    /// The folder is not inside a repository.
    #[error("`{}` is not in a git repository; run this inside a checkout, or make one with `git init` and a first commit", .0.display())]
    NotARepository(PathBuf),
    /// The repository is bare, or the folder lies in its `.git`.
    #[error("`{}` belongs to a git repository but has no work tree; clone the repository and run this in the clone", .0.display())]
    NoWorkTree(PathBuf),
    /// Git refuses the repository because somebody else owns it.
    #[error("git does not trust `{}` because another user owns it; if you do, run `git config --global --add safe.directory` with that path", .0.display())]
    Untrusted(PathBuf),
    /// HEAD points at a branch without commits.
    #[error("the repository `{}` has no commit yet; commit once, then run this again", .0.display())]
    NoCommit(PathBuf),
    /// Object names are not SHA-1's.
    #[error("the repository `{}` names its objects by {format}; only sha1 repositories can be measured so far", .root.display())]
    ObjectFormat {
        /// Its work tree.
        root: PathBuf,
        /// What git calls the format.
        format: String,
    },
    /// History is cut off, so the position of a commit in it is unknown.
    #[error("the clone `{}` is shallow, so the position of a commit in its history is unknown; run `git fetch --unshallow` (in a CI job: check out with fetch-depth 0)", .0.display())]
    Shallow(PathBuf),
    /// There is no tag to compare with.
    #[error(
        "no tag lies before {0}, so there is no release to compare with; name a base, or tag one with `git tag v1.0 COMMIT`"
    )]
    NoTag(String),
    /// A text that cannot name a revision.
    #[error("`{text}` cannot name a revision: {why}; give a branch, a tag, a commit id, or FIRST..LAST")]
    BadText {
        /// The text as given, made printable and cut to a sensible length.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A text that names nothing here.
    #[error("there is no revision `{text}` in `{}`; {advice}", .root.display())]
    Unknown {
        /// The text as given.
        text: String,
        /// The work tree.
        root: PathBuf,
        /// What to try.
        advice: String,
    },
    /// A text that names a file or a folder.
    #[error("`{text}` names a {kind}, not a commit; give a branch, a tag or a commit id")]
    NotACommit {
        /// The text as given.
        text: String,
        /// What git calls it: `blob`, `tree`.
        kind: String,
    },
    /// A range that goes nowhere.
    #[error(
        "the range `{first}..{last}` holds no commit: every commit of `{last}` is part of `{first}`; is it `{last}..{first}`?"
    )]
    EmptyRange {
        /// Where it was to begin.
        first: String,
        /// Where it was to end.
        last: String,
    },
    /// A range of more commits than is likely to be intended.
    #[error(
        "the range `{first}..{last}` holds {count} commits, more than the {limit} that are measured at once; narrow it"
    )]
    TooMany {
        /// Where it begins.
        first: String,
        /// Where it ends.
        last: String,
        /// Commits in it.
        count: u64,
        /// Commits allowed.
        limit: u64,
    },
    /// Git failed in a way that has no name above.
    #[error("`git {command}` failed in `{}`: {stderr}", .folder.display())]
    Git {
        /// The subcommand.
        command: String,
        /// Where.
        folder: PathBuf,
        /// The end of what git wrote to its standard error.
        stderr: String,
    },
    /// Git printed more than it should, or something else than expected.
    #[error("unexpected output of `git {command}`: {why}; git 2.34 or newer is needed")]
    UnexpectedOutput {
        /// The subcommand.
        command: String,
        /// What is wrong.
        why: String,
    },
    /// No folder for the cache is known.
    #[error("there is no folder for cached builds: set BENCHLINE_CACHE, or HOME, to an absolute path")]
    NoCache,
    /// The recipe contradicts itself.
    #[error("the build recipe is wrong: {0}; fix it in benchline.toml")]
    Recipe(String),
    /// A recipe whose result cannot be varied.
    #[error(
        "`{command}` cannot link in another order: only Benchline's own recipe can; leave [subject] out of benchline.toml, or measure without neutral builds"
    )]
    NoVariant {
        /// What the recipe does.
        command: String,
    },
    /// The file system reported an error.
    #[error("could not {doing} `{}`: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
}

impl RevisionError {
    /// For `map_err`: adds what was tried on which path.
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RevisionError {
        let path = path.into();
        move |source| RevisionError::Io { doing, path, source }
    }
}
