//! One timed run of a program: from right before it is started until it was waited for.

use std::{
    path::Path,
    process::{self, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::{error::AdapterError, hooks};
use crate::probe::{child, process::ProcessProbe};

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
    /// Highest resident memory of it or of one of its descendants, where the kernel's figure is reliable.
    pub(super) peak: Option<u64>,
}

/// Runs a command line in `folder`.
pub(super) fn run(line: &[String], folder: &Path, stdout: Stdio) -> Result<Run, AdapterError> {
    let mut command = hooks::command(line, folder);
    command.stdout(stdout);
    let began = Instant::now();
    let child = command.spawn().map_err(|error| AdapterError::start(line, error))?;
    let exit = child::wait(&child)?;
    let wall = began.elapsed();
    // A child begins life in the memory of its parent, and the kernel's mark of the child starts from the parent's
    // (`exec_mmap`): a lower figure than that is the parent's, and not the child's.
    let own = ProcessProbe::new(process::id())?.rss_peak()?;
    let peak = Some(exit.usage.rss_peak).filter(|peak| *peak > own + SLACK);
    Ok(Run { status: exit.status, wall, cpu: Duration::from_nanos(exit.usage.cpu_ns()), peak })
}
