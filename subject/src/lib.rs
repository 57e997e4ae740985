//! How the sync engine is held under the instrument. The only place where engine and measuring meet.
//!
//! Start with `serve`, which answers the runner; `operations` has a file for each operation that scenarios name.

pub mod counters;
pub mod payload;
pub mod relay;
pub mod serve;

mod clock;
mod error;
mod injection;
mod operations;
mod parameters;
mod reactor;

pub use operations::serve_if_member;
/// Makes this process one that works for a load, and ends it with that work, if it was started as one. To be called before
/// anything else in `main`.
pub fn worker_if_asked() {
    operations::worker_if_asked();
}
