//! The reactor probe: how long a ready task waits before the runtime polls it. A thread of the operating system spawns a no-op
//! on the runtime at planned times; its latency is the time from the plan to the first poll.
//!
//! It must never omit a no-op that it could not spawn (coordinated omission): while one waits, the planned times of the next
//! ones pass, and each counts as waiting from its own planned time. A reactor that is blocked for one second is reported as
//! blocked for one second, though at most one no-op is in the queue.

mod probe;
mod recorder;
#[cfg(test)]
mod tests;

pub(crate) use self::probe::Probe;
pub(crate) use self::recorder::Observation;
