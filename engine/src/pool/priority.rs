//! The scheduling priority of a pool's threads and processes.

/// How far the pool lowers its priority, as a `nice` value: the runtime has to answer; the pool can wait.
const NICENESS: i32 = 5;

/// Lowers the scheduling priority of the calling thread.
pub(super) fn lower_priority() {
    // Where the system does not allow it, the work is done at normal priority.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}
