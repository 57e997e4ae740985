//! The history: every sample of every run, kept in one SQLite file. The only room that knows SQL.
//!
//! One process writes at a time, through a [`Writer`]; any number of processes read meanwhile, through [`Reader`]s, and
//! neither waits for the other. A trial is committed as it ends, whole and durable, so a kill at any moment loses at most
//! the trial in progress. This room must never lose or overwrite what it holds: on any error the database stays as it was.
//!
//! Calls are synchronous and may wait for the disk: asynchronous callers use `spawn_blocking`.
//!
//! Start with `migrations/`, which are the map of what is kept: runs and all that is measured in the first, what is
//! decided from it in the second.

mod connection;
mod error;
mod intern;
mod limits;
mod lock;
mod packing;
mod read;
mod reader;
mod records;
mod row;
mod schema;
mod verify;
mod write;
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

/// What every call of this room answers with.
type Result<T, E = HistoryError> = std::result::Result<T, E>;
