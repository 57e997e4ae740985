//! Clocks of this process: what is spent on the CPU, and durations as numbers.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Whole nanoseconds, as many as fit.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// CPU time of all threads of this process, user and system.
pub(crate) fn process_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map(Duration::from)
        .expect("invariant: Linux has had this clock since 2.6.12, for the calling process always")
}

/// CPU time of the calling thread, user and system.
pub(crate) fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map(Duration::from)
        .expect("invariant: Linux has had this clock since 2.6.12, for the calling thread always")
}
