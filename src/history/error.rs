//! What can go wrong with the history. Every message says what happened, where, and what to do.

use std::{io, path::PathBuf};

use rusqlite::{Error as SqliteError, ErrorCode};

use crate::model::{ComparisonId, Design, FindingId, RunId};

/// An error of the history. Whatever it says, the database holds what it held before the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// Another [`super::Writer`] has the history open.
    #[error(
        "the history {} is being written by another process; wait until it ends (or stop it), or name another file with --database",
        path.display()
    )]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// There is no history yet.
    #[error("there is no history at {} yet; `benchline run` makes one", path.display())]
    Missing {
        /// Where the database was looked for.
        path: PathBuf,
    },
    /// A newer Benchline wrote the history.
    #[error(
        "the history {} has format {found}, and this program knows formats up to {known}; use a newer benchline. Nothing was changed",
        path.display()
    )]
    NewerVersion {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// The history awaits a migration, which a reader must not perform.
    #[error(
        "the history {} has the old format {found}, and this program reads format {known}; `benchline history verify` brings it up to date",
        path.display()
    )]
    OlderVersion {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that this program reads.
        known: u32,
    },
    /// The folder or the file cannot be written.
    #[error("the history {} cannot be written ({source}); make its folder writable, or name another file with --database", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a benchline history ({found}); name another file with --database. Nothing was changed", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: &'static str,
    },
    /// Something in the history is not what was written there.
    #[error(
        "the history is damaged: {what}; `benchline history verify` lists the damage. Keep a copy of the file before anything else"
    )]
    Damaged {
        /// What is wrong, and where.
        what: String,
    },
    /// The trial is kept already.
    #[error("run {run} already holds trial {index} of {case}; it was left as it is")]
    DuplicateTrial {
        /// The run.
        run: RunId,
        /// The case's key.
        case: String,
        /// The trial's index.
        index: u32,
    },
    /// There is no such run.
    #[error("there is no run {run} in the history")]
    UnknownRun {
        /// The run.
        run: RunId,
    },
    /// There is no such comparison.
    #[error("there is no comparison {comparison} in the history")]
    UnknownComparison {
        /// The comparison.
        comparison: ComparisonId,
    },
    /// The comparison of the same two runs was begun with other sizes or error rates.
    #[error(
        "comparison {comparison} of the runs {base} and {head} began with another design ({}); finish it with that one, or measure both anew under another plan",
        sizes(begun)
    )]
    OtherDesign {
        /// The comparison.
        comparison: ComparisonId,
        /// The run of its base.
        base: RunId,
        /// The run of its head.
        head: RunId,
        /// What it began with.
        begun: Design,
    },
    /// The block is kept already, or one of its trials stands in another.
    #[error(
        "comparison {comparison} already holds block {index} of stage {stage} of {case}, or its trial {trial}; it was left as it is"
    )]
    DuplicateBlock {
        /// The comparison.
        comparison: ComparisonId,
        /// The case's key.
        case: String,
        /// The number of the stage.
        stage: u32,
        /// The block's index.
        index: u32,
        /// The index of its trials.
        trial: u32,
    },
    /// There is no such finding.
    #[error("there is no finding {finding} in the history")]
    UnknownFinding {
        /// The finding.
        finding: FindingId,
    },
    /// There is no such calibration.
    #[error("there is no calibration {calibration} in the history")]
    UnknownCalibration {
        /// The calibration.
        calibration: i64,
    },
    /// A record breaks an invariant of its type and cannot be kept.
    #[error("{what} cannot be kept: {why}")]
    Invalid {
        /// Which record.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name stands for something else already.
    #[error("the history knows another {what} by the name `{name}`; give the new one another name or version")]
    Clash {
        /// What sort of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The text names more than one revision.
    #[error("`{prefix}` names {}; give more digits", matches.join(" and "))]
    Ambiguous {
        /// The text.
        prefix: String,
        /// Some of the revisions that it names.
        matches: Vec<String>,
    },
    /// The text cannot be the name of a revision.
    #[error("`{text}` does not name a revision; give at least 7 hex digits of a commit, or `worktree`")]
    NotARevision {
        /// The text.
        text: String,
    },
    /// SQLite refused.
    #[error("the history failed ({0}); is the disk full, the file moved, or another program writing it?")]
    Sqlite(#[source] SqliteError),
    /// SQLite refused while the history was being brought up to date.
    #[error("the history {} could not be brought up to date ({source}). Nothing was changed", path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// What went wrong.
        source: Box<rusqlite_migration::Error>,
    },
}

impl HistoryError {
    /// Damage at `what`.
    pub(super) fn damaged(what: impl Into<String>) -> HistoryError {
        HistoryError::Damaged { what: what.into() }
    }
}

/// A design as a message names it.
fn sizes(design: &Design) -> String {
    let Design { first_blocks, second_blocks, first_alpha, second_alpha, budget, gate_series } = design;
    format!(
        "{first_blocks}+{second_blocks} blocks at levels {first_alpha} and {second_alpha}, a budget of {budget} for {gate_series} series"
    )
}

impl From<SqliteError> for HistoryError {
    /// What SQLite says about its file or about a value that is not of its column's type is damage; all else is a refusal.
    fn from(error: SqliteError) -> HistoryError {
        let damage = match &error {
            SqliteError::FromSqlConversionFailure(..)
            | SqliteError::IntegralValueOutOfRange(..)
            | SqliteError::Utf8Error(..)
            | SqliteError::InvalidColumnType(..) => true,
            other => matches!(other.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)),
        };
        if damage { HistoryError::damaged(error.to_string()) } else { HistoryError::Sqlite(error) }
    }
}
