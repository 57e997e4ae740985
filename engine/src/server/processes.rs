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
        let joined = Self { folder, own, serial: AtomicU64::new(0), lock: Mutex::new(Some(lock)) };
        joined.bury_the_dead()?;
        Ok(joined)
    }

    /// Removes the files of processes that were killed. One without a file counts as ended, so nothing is forgotten.
    fn bury_the_dead(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            if let Some(process) = name.to_str().and_then(|name| u64::from_str_radix(name, 16).ok()) {
                self.is_alive(process);
            }
        }
        Ok(())
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
        let path = file_of(&self.folder, process);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => return error.kind() != ErrorKind::NotFound,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
            Ok(()) => {
                // It does not come back under this number; if the file stays, it is found dead again.
                let _ = std::fs::remove_file(path);
                false
            }
        }
    }

    /// Leaves: from now on this process counts as ended.
    pub(super) fn leave(&self) {
        if self.lock.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            // A file that stays behind is not locked, which says the same.
            let _ = std::fs::remove_file(file_of(&self.folder, self.own));
        }
    }
}

fn file_of(folder: &Path, process: u64) -> PathBuf {
    folder.join(format!("{process:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_and_the_dead_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let join = || Processes::join(folder.path().join("processes")).unwrap();
        let (one, two, three) = (join(), join(), join());
        assert!(one.is_alive(one.own()) && one.is_alive(two.own()) && two.is_alive(one.own()));
        assert!(!one.is_alive(7));
        let gone = [two.own(), three.own()];
        two.leave();
        // As a kill does: the lock goes, the file stays.
        drop(three);
        assert!(gone.iter().all(|process| !one.is_alive(*process)));
        assert!(gone.iter().all(|process| !one.is_alive(*process)));
        assert_ne!(one.name(1), one.name(1));
    }

    #[test]
    fn files_of_the_dead_do_not_pile_up() {
        let folder = tempfile::tempdir().unwrap();
        let join = || Processes::join(folder.path().to_owned()).unwrap();
        let living = join();
        // As a kill does: the lock goes, the file stays.
        (0..3).for_each(|_| drop(join()));
        let last = join();
        assert!(living.is_alive(last.own()) && last.is_alive(living.own()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
