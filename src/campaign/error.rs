//! Why a campaign could not go on. What a subject does wrong is no error: it is kept as a failure, and measuring goes on.

use std::{io, path::PathBuf};

use crate::{
    history::HistoryError,
    judge::{DesignError, JudgeError},
    model::{ComparisonId, Metric, Role},
    revision::RevisionError,
    runner::NoHello,
};

/// What every call of this room answers with.
pub(super) type Result<T, E = CampaignError> = std::result::Result<T, E>;

/// Why a campaign ended early. What was measured until then is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CampaignError {
    /// A revision could not be resolved, or its build could not be tried.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// The history could not be read or written.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The measured trials do not belong together.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The sizes and the error budget cannot decide.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// A subject that was built does not say what it offers.
    #[error(transparent)]
    NoHello(#[from] NoHello),
    /// A bisection cannot be performed.
    #[error(transparent)]
    Bisection(#[from] BisectionError),
    /// A calibration cannot be performed.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A case cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A folder for files of trials cannot be used.
    #[error("the folder {} cannot be created: {source}; make its parent folder writable", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The campaign needs a subject, and the revision has none.
    #[error("{subject} has no subject: {reason}")]
    NoSubject {
        /// The revision, or the variant of it, as people read it.
        subject: String,
        /// What it lacks.
        reason: String,
    },
    /// The campaign needs a subject, and the build failed.
    #[error("{subject}: {message}\n{log}")]
    BuildFailed {
        /// The revision, or the variant of it, as people read it.
        subject: String,
        /// How the build failed.
        message: String,
        /// The end of the build's output.
        log: String,
    },
    /// The history lost a comparison that was just measured.
    #[error("comparison {0} is not in the history; `benchline history verify` lists the damage")]
    LostComparison(ComparisonId),
}

impl CampaignError {
    /// A folder that cannot be used: `.map_err(CampaignError::folder(&path))`.
    pub(super) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> CampaignError {
        let path = path.into();
        move |source| CampaignError::Folder { path, source }
    }
}

/// Why a bisection cannot be performed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BisectionError {
    /// The text names no case, or several.
    #[error("{found} cases match; bisect needs exactly one: name it with --scenario and --case; there are {}", cases.join(", "))]
    NotOneCase {
        /// How many match.
        found: usize,
        /// The cases to choose from, as people read them.
        cases: Vec<String>,
    },
    /// The case has no process that the metric is measured on.
    #[error("{scenario} has no {}, so no {metric}", role.as_str())]
    NoRole {
        /// The scenario.
        scenario: String,
        /// The process that is missing.
        role: Role,
        /// The metric.
        metric: Metric,
    },
    /// The first stage is too short for an interval.
    #[error(
        "{blocks} blocks give no interval, so no commit could be shown to lack the change: give at least {}",
        crate::stats::FEWEST_TRIALS
    )]
    TooFewBlocks {
        /// Blocks of the first stage.
        blocks: u32,
    },
    /// An end is a work tree.
    #[error("a bisection ends at commits: commit the work tree first")]
    NotACommit,
    /// Both ends are one commit.
    #[error("{good} and {bad} are one commit: there is nothing between them")]
    OneCommit {
        /// The good end as given.
        good: String,
        /// The bad end as given.
        bad: String,
    },
    /// The good end is not an ancestor of the bad one along first parents.
    #[error("{good} is not on the line of first parents that leads to {bad}: bisect between commits of one branch")]
    NotOneLine {
        /// The good end as given.
        good: String,
        /// The bad end as given.
        bad: String,
    },
    /// The good end cannot be measured.
    #[error("the good end, {revision}, has no subject to measure: name another")]
    GoodEnd {
        /// The revision, shortened.
        revision: String,
    },
    /// The bad end cannot be measured.
    #[error("the bad end, {revision}, cannot be measured: {reason}; name another")]
    BadEnd {
        /// The revision, shortened.
        revision: String,
        /// Why.
        reason: String,
    },
    /// A revision could be built before, and no longer.
    #[error("{revision} can no longer be built, and could before")]
    NoLongerBuilds {
        /// The revision, shortened.
        revision: String,
    },
    /// The comparison has no verdict on the metric.
    #[error("comparison {comparison} measured no {metric}: see its failures")]
    NotMeasured {
        /// Which comparison.
        comparison: ComparisonId,
        /// The metric that is missing.
        metric: Metric,
    },
}

/// Why a calibration cannot be performed.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The slowdown is none, or too large.
    #[error("a slowdown of {0} cannot be injected: give shares from 0.0001% to 900%, such as `--inject 1%,5%`")]
    Slowdown(f64),
    /// The slowdown was given twice.
    #[error("the slowdown {0} is given twice: leave one out")]
    Repeated(String),
    /// No memory at all.
    #[error("an injection of 0 bytes changes nothing: give `--inject-memory` more than 0 bytes")]
    NoMemory,
    /// The blocks hold no window of the procedure.
    #[error("{blocks} blocks hold no window to replay: give --blocks {window} or more")]
    TooFewBlocks {
        /// Blocks of each case.
        blocks: u32,
        /// Blocks of a window.
        window: u32,
    },
    /// There is nothing to calibrate with.
    #[error("this checkout has no subject to calibrate with")]
    NoSubject,
}

/// Why a case cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The tool is not installed.
    #[error(
        "{counts} are unavailable: there is no `{program}` on this machine; `sudo apt install {package}` installs it"
    )]
    ToolMissing {
        /// What the tool would find.
        counts: &'static str,
        /// Its program.
        program: &'static str,
        /// The package that holds it.
        package: &'static str,
    },
    /// The tool wrote nothing.
    #[error("{program} left no output in {}: {source}", path.display())]
    NoOutput {
        /// The tool's program.
        program: &'static str,
        /// Where its output should be.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The tool wrote an output without a count.
    #[error("valgrind counted nothing: {}. Could `vgdb` reach the client?", .0.display())]
    NothingCounted(PathBuf),
    /// The folder for the subjects' files is not usable.
    #[error("{} cannot be used for the subjects' files: {source}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The folder holds somebody's files, which a trial would remove.
    #[error("{} is not empty; name a folder that is, or a new one", .0.display())]
    NotEmpty(PathBuf),
}
