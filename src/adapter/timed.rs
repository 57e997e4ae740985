//! One timed run of a program: from right before it is started until it was waited for.

use std::{
    path::Path,
    process::{self, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use wait4::Wait4 as _;

use super::{error::AdapterError, hooks};
use crate::probe::process::ProcessProbe;

/// By how much the kernel's two marks of one process's memory may differ: it counts pages for each CPU apart, and adds
/// them up later.
const SLACK: u64 = 512 << 10;

/// What one run took.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) status: ExitStatus,
    pub(super) wall: Duration,
    /// User and system, with that of all descendants that were waited for.
    pub(super) cpu: Duration,
    /// Highest resident memory of it or of one of its descendants, where the kernel's word can be believed.
    pub(super) peak: Option<u64>,
}

/// Runs `words` in `folder`.
pub(super) fn run(words: &[String], folder: &Path, stdout: Stdio) -> Result<Run, AdapterError> {
    let mut command = hooks::command(words, folder);
    command.stdout(stdout);
    let began = Instant::now();
    let mut child = command.spawn().map_err(|error| AdapterError::start(words, error))?;
    let used = child.wait4()?;
    let wall = began.elapsed();
    // A child begins life in the memory of its parent, and the kernel's mark of the child starts from the parent's
    // (`exec_mmap`): a lower figure than that is the parent's, and says nothing of the child.
    let own = ProcessProbe::new(process::id())?.rss_peak()?;
    let peak = Some(used.rusage.maxrss).filter(|peak| *peak > own + SLACK);
    Ok(Run { status: used.status, wall, cpu: used.rusage.utime + used.rusage.stime, peak })
}
