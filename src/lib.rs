//! Benchline measures a program at every commit, keeps every sample, and shows what changed.
//!
//! The rooms, in reading order. Imports flow downwards only; `tests/tidy.rs` proves it.

pub mod charts;
pub mod cli;
pub mod history;
pub mod judge;
pub mod model;
pub mod probe;
pub mod revision;
pub mod runner;
pub mod scenario;
pub mod site;
pub mod stats;
pub mod units;
