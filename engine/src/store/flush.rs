//! Starts writeback of a file's bytes while more are written, so that the flush at the end has little left to wait for. It
//! makes nothing durable by itself: the flush still has to follow.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// Starts writeback of `length` bytes from `offset`, without waiting.
pub(crate) fn begin_flush(file: &File, offset: u64, length: u64) {
    // For this advice Linux starts writeback of the range's dirty pages and drops its clean ones; of a range just written
    // there are none. (`sync_file_range` would be more direct, but has no safe wrapper.) Where a file system ignores the
    // advice, only the flush takes longer.
    let _ = fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed);
}
