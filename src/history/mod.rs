//! The history: every sample of every run, stored in one database file.
//!
//! One process writes at a time, through a [`Writer`]; any number of processes read meanwhile, through [`Reader`]s, and
//! neither waits for the other. A trial is committed as it ends, whole and durable, so a kill at any moment loses at most
//! the trial in progress. This room must never lose or overwrite what it holds: on any error the database stays as it was.
//!
//! Calls are synchronous and may wait for the disk: asynchronous callers use `spawn_blocking`.
//!
//! Start with `migrations/0001_history.sql`, the map of what is stored. [`Reader`] and [`Writer`] have a file for each kind
//! of record.

mod error;
mod intern;
mod limits;
mod packing;
mod reader;
mod records;
mod row;
mod schema;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::HistoryError;
pub use reader::Reader;
pub use records::{
    CalibrationStart, ComparisonListing, ComparisonStart, GroupCounts, OpenCalibration, OpenComparison, OpenRun, Point,
    Progress, RunListing, RunStart, Series, VerdictPoint,
};
pub use writer::Writer;
