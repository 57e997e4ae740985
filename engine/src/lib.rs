//! Rooms to come.

pub mod crypto;
