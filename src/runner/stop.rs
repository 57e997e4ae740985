//! How a person ends measuring, and how measuring ended.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set when a person wants to stop: the step in progress is abandoned, everything finished is kept.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Not yet requested.
    pub const fn new() -> Stop {
        Stop(AtomicBool::new(false))
    }

    /// Requests the stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was requested.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For code that takes a plain flag.
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

/// How a walk over trials ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything planned was measured or failed.
    Complete,
    /// A person stopped it.
    Stopped,
}
