//! The runner's own fixed workload, measured around a trial to distinguish a drifting machine from changed code.

use serde::{Deserialize, Serialize};

/// The canary around one trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Name and version of the workload, such as `mix@1`: other versions are not comparable.
    pub workload: String,
    /// Right before the trial.
    pub before: CanaryReading,
    /// Right after it.
    pub after: CanaryReading,
}

/// One reading of the canary: the fastest of a few repetitions, so that a single interruption does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryReading {
    /// Monotonic time, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time of the thread, in nanoseconds.
    pub cpu_ns: u64,
}
