//! What a process used over the time of a trial, as seen from outside.

use serde::{Deserialize, Serialize};

use super::Role;

/// The readings of one role in one trial, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Whose.
    pub role: Role,
    /// The readings. Counters only grow; a process that ended has no further readings.
    pub points: Vec<TimelinePoint>,
}

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// Nanoseconds since the trial began.
    pub at_ns: u64,
    /// CPU time of the process so far, in nanoseconds.
    pub cpu_ns: u64,
    /// Resident memory, in bytes.
    pub rss: u64,
    /// Bytes that reached read calls so far; I/O is as of the last reading whose number, from 0, is a multiple of
    /// [`TimelinePoint::IO_EVERY`].
    pub bytes_read: u64,
    /// Bytes handed to write calls so far.
    pub bytes_written: u64,
    /// Bytes caused to be written to storage so far.
    pub storage_written: u64,
    /// Context switches of all threads, voluntary and not, up to the last look at them, which is taken every 25th reading.
    pub switches: u64,
}

impl TimelinePoint {
    /// Readings from one of the account of I/O to the next: the kernel adds it up over all threads, under a lock.
    pub const IO_EVERY: usize = 5;
}
