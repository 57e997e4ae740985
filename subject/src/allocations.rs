//! Counts allocations: how many, and of how many bytes. Only builds with the feature `allocations` do, because counting costs
//! time on every call. Only Rust code is counted: SQLite and other C code have an allocator of their own. It must never allocate
//! itself.
#![expect(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Calls for memory so far, of all threads.
pub(crate) fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// Bytes requested so far, of all threads. Freed memory is not subtracted.
pub(crate) fn bytes() -> u64 {
    BYTES.load(Ordering::Relaxed)
}

/// The system's allocator, counted. Growing or shrinking counts as one call for the new size.
pub(crate) struct Counting;

fn count(bytes: usize) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every call is passed to the system's allocator unchanged, so its guarantees are the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as for `alloc`.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as for `alloc`; the memory came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_bytes_are_counted_once_each() {
        let layout = Layout::from_size_align(1000, 8).unwrap();
        let before = (calls(), bytes());
        // SAFETY: the layout is not empty, and the memory is given back with the layout that it has.
        unsafe {
            let memory = Counting.alloc(layout);
            let memory = Counting.realloc(memory, layout, 3000);
            Counting.dealloc(memory, Layout::from_size_align(3000, 8).unwrap());
            let memory = Counting.alloc_zeroed(layout);
            assert_eq!(*memory, 0);
            Counting.dealloc(memory, layout);
        }
        assert_eq!((calls() - before.0, bytes() - before.1), (3, 5000));
    }
}
