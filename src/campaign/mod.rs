//! Campaigns: what `run`, `compare`, `bisect`, `calibrate`, `check` and `replay` do, from a revision to rows in the history:
//! build, open or resume, measure, keep, decide. The terminal, a test or a worker drives them alike.
//!
//! Progress leaves as typed notices through an [`Observer`], and the end comes in through a [`crate::runner::Stop`]. Nothing
//! here may print, read arguments or settings, or install a signal handler.
//!
//! Start with [`Workbench`]. `single_run` measures one revision, `comparison` two of them in interleaved blocks, `revisions`
//! several in a row, `bisection` a line of commits, `calibration` the platform itself; `recorder` says what happens to the
//! runner's events. `check` and `replay` measure without keeping anything. `eta` estimates how long a plan takes, and
//! `findings` looks for changes in the series.

mod bisection;
mod builds;
mod calibration;
mod check;
mod comparison;
mod config;
mod error;
mod eta;
mod findings;
mod identity;
mod observer;
mod recorder;
mod replay;
mod revisions;
mod single_run;
mod workbench;

pub use bisection::{
    Answer, BisectionResult, Evidence, Gap, Step, check_sizes, line_between, most_comparisons, one_case,
};
pub use calibration::{CalibrationOutcome, check_blocks, variants};
pub use check::check;
pub use comparison::{ComparisonOutcome, ComparisonSpec, MeasuredComparison, Sizes};
pub use config::Config;
pub use error::{BisectionError, CalibrationError, CampaignError, ReplayError};
pub use eta::{Estimates, Total, trials};
pub use findings::refresh_findings;
pub use identity::{environment_of, fingerprint, now};
pub use observer::{Judged, NoBase, Notice, Observer, Scope, Silent};
pub use replay::{Replay, ReplayOutcome, ReplaySpec, Tool, ToolReport};
pub use revisions::checkout_and_before;
pub use workbench::{RunOutcome, Workbench};
