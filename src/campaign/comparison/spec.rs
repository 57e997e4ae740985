//! What a comparison is asked for, and how it ended.

use crate::{
    campaign::workbench::RunOutcome,
    history::ComparisonListing,
    model::{Purpose, Revision, RunState},
};

/// How many blocks, and the error that is allowed for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// Blocks of the first stage.
    pub first: u32,
    /// Blocks of the second stage.
    pub second: u32,
    /// Probability that a clean commit shows any false worse or better.
    pub budget: f64,
}

impl Sizes {
    /// 10 blocks, 30 fresh ones for what is suspicious, and 1% of clean commits with any false verdict.
    pub const DEFAULT: Sizes = Sizes { first: 10, second: 30, budget: 0.01 };
}

/// Two revisions to compare, and how.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonSpec<'a> {
    /// What is compared with.
    pub base: &'a Revision,
    /// What is judged.
    pub head: &'a Revision,
    /// Why.
    pub purpose: Purpose,
    /// How many blocks.
    pub sizes: Sizes,
    /// Of the random orders; the number of the head's run where nothing is given.
    pub seed: Option<u64>,
    /// Whether to measure again what was measured already.
    pub again: bool,
}

/// How comparing two revisions ended.
#[derive(Debug, Clone)]
pub enum ComparisonOutcome {
    /// There is a comparison; a stopped one has what was measured until then.
    Measured(Box<MeasuredComparison>),
    /// One of the two has no subject to measure.
    Impossible {
        /// Which one.
        revision: Revision,
        /// What became of it.
        outcome: RunOutcome,
    },
    /// Stopped before anything was measured.
    Stopped,
}

/// A comparison in the history.
#[derive(Debug, Clone)]
pub struct MeasuredComparison {
    /// The comparison.
    pub listing: ComparisonListing,
    /// How many series have a verdict.
    pub verdicts: usize,
}

impl MeasuredComparison {
    /// Whether everything planned was measured or failed.
    pub fn is_finished(&self) -> bool {
        self.listing.comparison.state == RunState::Finished
    }
}
