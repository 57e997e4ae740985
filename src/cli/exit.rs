//! Exit codes.

/// A command that did what it was asked.
pub(super) const FINE: u8 = 0;
/// A command that failed, or a run in which something could not be measured.
pub(super) const FAILED: u8 = 1;
/// A comparison that was asked to fail on it, and found something worse.
pub(super) const WORSE: u8 = 3;
/// A command line that is wrong, as clap has it.
pub(super) const USAGE: u8 = 2;
