//! Rooms to come.

pub mod stats;
pub mod units;
