//! Rooms to come.

pub mod units;
