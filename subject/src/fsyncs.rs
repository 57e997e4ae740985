//! Counts every call that makes a file durable: this program's symbols `fsync` and `fdatasync` take the place of the C
//! library's, so that Rust's standard library and SQLite call them. Only the subject's binary contains it; it must never be
//! linked into the engine or the platform.
//!
//! The C library's functions do no more than the system call (and let a thread be cancelled there, which nothing here
//! does), so the calls behave as ever, and cost one addition more.
#![expect(unsafe_code, reason = "a symbol that C calls, and a system call, cannot be written without it")]

use std::sync::atomic::{AtomicU64, Ordering};

use nix::libc::{SYS_fdatasync, SYS_fsync, c_int, c_long, syscall};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Calls so far, of all threads, including failed ones.
pub(crate) fn total() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// Counts a call of a system call that takes a file and nothing else.
fn counted(number: c_long, file: c_int) -> c_int {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: both calls that come here take the number of a file and touch no memory of this process. Their answer is zero,
    // or -1 with `errno` set, and so fits.
    unsafe { syscall(number, file) as c_int }
}

/// See fsync(2).
// SAFETY: the name and the signature are those of the C library's function, and so is what it does.
#[unsafe(no_mangle)]
extern "C" fn fsync(file: c_int) -> c_int {
    counted(SYS_fsync, file)
}

/// See fdatasync(2).
// SAFETY: as for `fsync`.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(file: c_int) -> c_int {
    counted(SYS_fdatasync, file)
}
