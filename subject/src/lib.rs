//! How the sync engine is held under the instrument. The only place where engine and measuring meet.
//!
//! `contract` is what the platform uses; the rest drives the engine inside the `benchline-subject` binary.

pub mod contract;
