//! What can go wrong with the history. Every message says what happened, where, and what to do.

use crate::database::{DatabaseError, SqlError};
use crate::model::{ComparisonId, Design, FindingId, RunId};

/// An error of the history. Whatever it says, the database holds what it held before the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The database cannot be opened, read or written.
    #[error(transparent)]
    Database(DatabaseError),
    /// Something in the history is not what was written there.
    #[error(
        "the history is damaged: {what}; `benchline history verify` lists the damage. Keep a copy of the file before anything else"
    )]
    Damaged {
        /// What is wrong, and where.
        what: String,
    },
    /// The run has the trial already.
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
        "comparison {comparison} of the runs {base} and {head} began with another design ({}); finish it with that one, or measure both again under another plan",
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
    /// The comparison has the block already, or one of its trials belongs to another block.
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
    /// A record breaks an invariant of its type and cannot be stored.
    #[error("{what} cannot be stored: {why}")]
    Invalid {
        /// Which record.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name belongs to something else already.
    #[error("the history has another {what} with the name `{name}`; give the new one another name or version")]
    Clash {
        /// What kind of thing.
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
}

/// The answer of every call of this room.
pub(super) type Result<T, E = HistoryError> = std::result::Result<T, E>;

impl HistoryError {
    /// Whether there is no history yet.
    pub const fn is_missing(&self) -> bool {
        matches!(self, HistoryError::Database(DatabaseError::Missing { .. }))
    }

    /// Damage at `what`.
    pub(super) fn damaged(what: impl Into<String>) -> HistoryError {
        HistoryError::Damaged { what: what.into() }
    }
}

/// A design in words, for messages.
fn sizes(design: &Design) -> String {
    let Design { first_blocks, second_blocks, first_alpha, second_alpha, budget, gate_series } = design;
    format!(
        "{first_blocks}+{second_blocks} blocks at levels {first_alpha} and {second_alpha}, a budget of {budget} for {gate_series} series"
    )
}

impl From<DatabaseError> for HistoryError {
    /// Damage has one kind, whether SQLite reports it or a record cannot be read.
    fn from(error: DatabaseError) -> HistoryError {
        match error {
            DatabaseError::Damaged(what) => HistoryError::Damaged { what },
            error => HistoryError::Database(error),
        }
    }
}

impl From<SqlError> for HistoryError {
    fn from(error: SqlError) -> HistoryError {
        DatabaseError::from(error).into()
    }
}
