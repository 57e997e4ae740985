//! Which of the processes that work on one folder of data are alive: each holds a lock on a file of its own, and the
//! system lets go of it however the process ends. A process that was killed must never be taken for one that works, nor
//! the other way round.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::blobs::ObjectName;

/// This process among those that share a folder.
pub(super) struct Processes {
    folder: PathBuf,
    own: u64,
    serial: AtomicU64,
    lock: Mutex<Option<File>>,
}

impl Processes {
    /// Joins the processes that are registered in `folder`.
    pub(super) fn join(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let mut own = [0; 8];
        aws_lc_rs::rand::fill(&mut own).map_err(|_| Error::other("the system's generator failed"))?;
        let own = u64::from_be_bytes(own);
        // Locked before it gets its name, so that nobody ever sees it unlocked while this process lives.
        let unnamed = folder.join(format!("{own:016x}.new"));
        let lock = File::create_new(&unnamed)?;
        lock.try_lock()?;
        std::fs::rename(unnamed, file_of(&folder, own))?;
        Ok(Self { folder, own, serial: AtomicU64::new(0), lock: Mutex::new(Some(lock)) })
    }

    /// The number of this process.
    pub(super) fn own(&self) -> u64 {
        self.own
    }

    /// A name for a new content.
    pub(super) fn name(&self, user: i64) -> ObjectName {
        ObjectName { user, process: self.own, serial: self.serial.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether a process is alive. A file system that does not tell counts as yes.
    pub(super) fn is_alive(&self, process: u64) -> bool {
        if process == self.own {
            return true;
        }
        is_alive(&self.folder, process)
    }

    /// Whether one that was registered has died since one of the others last asked. The folder is small: reading it costs
    /// less than a request.
    pub(super) fn has_lost_one(&self) -> bool {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return false };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let numbers = names.filter(|name| name.len() == 16).filter_map(|name| u64::from_str_radix(&name, 16).ok());
        // A number does not come back. Where the file cannot be removed, it is found dead again.
        let dead = numbers.filter(|process| !self.is_alive(*process));
        dead.filter(|process| std::fs::remove_file(file_of(&self.folder, *process)).is_ok()).count() > 0
    }

    /// Leaves: from now on this process counts as ended.
    pub(super) fn leave(&self) {
        if self.lock.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            // A file that stays behind is not locked, which says the same.
            let _ = std::fs::remove_file(file_of(&self.folder, self.own));
        }
    }
}

/// Whether a process that is registered in `folder` is alive. A file system that does not tell counts as yes.
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
    fn the_living_and_the_dead_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let join = || Processes::join(folder.path().join("processes")).unwrap();
        let (one, two, three) = (join(), join(), join());
        assert!(one.is_alive(one.own()) && one.is_alive(two.own()) && two.is_alive(one.own()));
        assert!(!one.is_alive(7) && !one.has_lost_one());
        let gone = [two.own(), three.own()];
        two.leave();
        // As a kill does: the lock goes, the file stays.
        drop(three);
        // What another test starts at this moment holds a copy of the lock, until it has become that other program.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !one.has_lost_one() {
            assert!(Instant::now() < deadline, "the lock of a process that ended is still held");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!one.has_lost_one());
        assert!(gone.iter().all(|process| !one.is_alive(*process)));
        assert!(gone.iter().all(|process| !one.is_alive(*process)));
        assert_ne!(one.name(1), one.name(1));
    }
}
