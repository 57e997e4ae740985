//! A registry of the processes that share a data folder, which shows which of them are alive. Each process holds a lock on a file
//! of its own, which the system releases however the process ends. A dead process must never appear alive, nor the other way
//! round.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::blobs::ObjectName;

/// The processes that share a data folder, as seen by this one.
pub(super) struct ProcessRegistry {
    folder: PathBuf,
    own_id: u64,
    serial: AtomicU64,
    lock: Mutex<Option<File>>,
}

impl ProcessRegistry {
    /// Registers this process in `folder`.
    pub(super) fn register(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let mut id = [0; 8];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| Error::other("the system's random number generator failed"))?;
        let own_id = u64::from_be_bytes(id);
        // Locked before it gets its final name, so that it never appears unlocked while this process is alive.
        let unnamed = folder.join(format!("{own_id:016x}.new"));
        let lock = File::create_new(&unnamed)?;
        lock.try_lock()?;
        std::fs::rename(unnamed, file_of(&folder, own_id))?;
        Ok(Self { folder, own_id, serial: AtomicU64::new(0), lock: Mutex::new(Some(lock)) })
    }

    /// The id of this process.
    pub(super) fn own_id(&self) -> u64 {
        self.own_id
    }

    /// A name for a new content.
    pub(super) fn new_object_name(&self, user: i64) -> ObjectName {
        ObjectName { user, process: self.own_id, serial: self.serial.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether a process is alive. If the file system cannot tell, it counts as alive.
    pub(super) fn is_alive(&self, process: u64) -> bool {
        if process == self.own_id {
            return true;
        }
        is_alive(&self.folder, process)
    }

    /// Unregisters dead processes. Returns whether there were any. The folder is small: reading it takes less time than a
    /// request.
    pub(super) fn remove_dead(&self) -> bool {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return false };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let numbers = names.filter(|name| name.len() == 16).filter_map(|name| u64::from_str_radix(&name, 16).ok());
        // Ids are not reused. If a file cannot be removed, it is found again next time.
        let dead = numbers.filter(|process| !self.is_alive(*process));
        dead.filter(|process| std::fs::remove_file(file_of(&self.folder, *process)).is_ok()).count() > 0
    }

    /// Unregisters this process: from now on it counts as dead.
    pub(super) fn unregister(&self) {
        if self.lock.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            // If the file remains, it is not locked, so the process counts as dead all the same.
            let _ = std::fs::remove_file(file_of(&self.folder, self.own_id));
        }
    }
}

/// Whether a process that is registered in `folder` is alive. If the file system cannot tell, it counts as alive.
pub(super) fn is_alive(folder: &Path, process: u64) -> bool {
    match File::open(file_of(folder, process)) {
        Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_))),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

fn file_of(folder: &Path, process: u64) -> PathBuf {
    folder.join(format!("{process:016x}"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn live_and_dead_processes_are_distinguished() {
        let folder = tempfile::tempdir().unwrap();
        let register = || ProcessRegistry::register(folder.path().join("processes")).unwrap();
        let (one, two, three) = (register(), register(), register());
        assert!(one.is_alive(one.own_id()) && one.is_alive(two.own_id()) && two.is_alive(one.own_id()));
        assert!(!one.is_alive(7) && !one.remove_dead());
        let gone = [two.own_id(), three.own_id()];
        two.unregister();
        // Like a kill: the lock is released, the file remains.
        drop(three);
        // A child process that another test forks at this moment holds a copy of the lock until it has executed its program.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !one.remove_dead() {
            assert!(Instant::now() < deadline, "the lock of a process that ended is still held");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!one.remove_dead());
        assert!(gone.iter().all(|process| !one.is_alive(*process)));
        assert!(gone.iter().all(|process| !one.is_alive(*process)));
        assert_ne!(one.new_object_name(1), one.new_object_name(1));
    }
}
