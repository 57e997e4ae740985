//! Decides what measured data shows: from the trials of a case to summaries, checks and grades. Pure: data in, decisions
//! out. Nothing here may read a clock, a file or a database, drop a sample, or let a fast wrong result pass.
//!
//! One run: start at [`measurements`]. `summary` turns trials into numbers, `checks` decides whether they are reliable.
//! Two revisions measured together: [`design`](fn@design) before, [`suspicious`] between the stages, [`verdicts`] after.
//! `pairing` decides which trials are compared, `effects` what their blocks show, `compare` what that decides, and
//! `reasons` states it in words.
//! Settings within one run: [`contrast`](fn@contrast).
//! Graphs: [`changes`] finds what changed in history, [`reconcile()`] matches it with the known findings.

pub mod bisect;
mod budgets;
pub mod calibration;
mod checks;
mod compare;
mod contrast;
mod design;
mod effects;
mod error;
mod findings;
#[cfg(test)]
mod fixture;
mod measurement;
mod noise;
mod pairing;
mod reasons;
mod reconcile;
mod sampling;
mod series;
pub mod shares;
#[cfg(test)]
mod simulation;
mod summary;

pub use budgets::{Crossing, crossed, crossed_anchor};
pub use compare::{suspicious, verdicts};
pub use contrast::{Contrast, contrast};
pub use design::{DesignError, design, identical, tally};
pub use effects::value;
pub use error::JudgeError;
pub use findings::{FoundChange, Line, LinePoint, changes};
pub use measurement::measurements;
pub use noise::{Noise, noise};
pub use pairing::Pairs;
pub use reasons::sentence;
pub use reconcile::{FindingUpdate, moved, reconcile};
pub use sampling::trials_wanted;
