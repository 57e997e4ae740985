//! Starts subjects, asks them for samples, reads them from outside, verifies what they produced, and tells all of it as
//! events. It stores nothing, prints nothing and draws nothing.
//!
//! `measure` walks a plan for one program, `blocks` measures several against each other, `by_hand` performs one case for a
//! person who looks on; `attempt` is one try at one trial,
//! `trial` measures one fresh set of processes, `subject` is one process at the other end of the pipe, `sampler` reads it
//! every 20 ms, `missing` says what could not be had, and `canary` tells whether the machine is what it was.

mod attempt;
mod blocks;
mod by_hand;
mod canary;
mod measure;
mod missing;
mod operations;
mod order;
mod programs;
mod readings;
mod sampler;
mod subject;
mod totals;
mod trial;

pub use attempt::Attempt;
pub use blocks::{BlockEvent, BlockSpec, FinishedBlock, Variant, measure_blocks, rounds};
pub use by_hand::{ByHand, Tap, Way, replay};
pub use measure::{Done, Ended, Target, measure};
pub use operations::{NoHello, operations};
pub use programs::Programs;
pub use sampler::sampled;
pub use subject::STOP_GRACE;

use std::sync::atomic::{AtomicBool, Ordering};

/// Set when a person wants it to end: the step in progress is given up, everything finished is kept.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Not yet.
    pub const fn new() -> Stop {
        Stop(AtomicBool::new(false))
    }

    /// From now on everything ends.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked for.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For code that takes a plain flag.
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }
}
