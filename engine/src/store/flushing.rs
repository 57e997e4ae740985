//! Has the system begin to write a file's bytes to the disk while more come, so that the flush at the end has little left
//! to wait for. It makes nothing durable by itself: the flush still has to follow.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// Begins to write `length` bytes from `offset` on to the disk, and waits for nothing.
pub(crate) fn begin_flush(file: &File, offset: u64, length: u64) {
    // Linux starts to write the dirty pages of a range that will not be needed, and then forgets those that are on the disk already:
    // of a range just written, none. (`sync_file_range` would say it better, and has no safe wrapper.) It is advice, so
    // a file system that does not take it costs nothing but time.
    let _ = fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed);
}
