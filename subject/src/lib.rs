//! Drives the sync engine for the measurement. The only place where the engine and the contract meet.
//!
//! Start with `serve`, which answers the runner's requests; `operations` has a file for each operation that scenarios name.

pub mod counters;
pub mod payload;
pub mod relay;
pub mod serve;

mod clock;
mod error;
mod injection;
mod meter;
mod operations;
mod parameters;
mod reactor;

pub use operations::serve_if_member;

/// Makes this process a worker of `reactor/pool`, if it was started as one, and ends it when the work ends. Must be called
/// before anything else in `main`.
pub fn worker_if_asked() {
    operations::worker_if_asked();
}
