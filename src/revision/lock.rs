//! One build folder, one benchline: an exclusive lock that outlives a killed holder for as long as its build lives.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::RevisionError;

/// How often a waiting benchline looks again.
const POLL: Duration = Duration::from_millis(100);

/// A held lock; dropping it lets the next one in.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the lock. `None` where `stop` was raised meanwhile.
    pub(super) fn acquire(
        path: &Path,
        progress: &mut dyn FnMut(&str),
        stop: &AtomicBool,
    ) -> Result<Option<Lock>, RevisionError> {
        let file = open(path).map_err(RevisionError::io("open the lock", path))?;
        let mut reported = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock { file })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(RevisionError::io("take the lock", path)(source)),
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if !reported {
                progress("waiting for another benchline that builds this repository");
                reported = true;
            }
            thread::sleep(POLL);
        }
    }

    /// The lock's own empty file as the standard input of a command: it reads as an empty input, and the kernel keeps
    /// the lock until the command, too, is gone. Were benchline killed, its orphaned build could not be disturbed.
    pub(super) fn as_input(&self) -> io::Result<Stdio> {
        self.file.try_clone().map(Stdio::from)
    }
}

/// Opens it to read: a command that inherits it must not be able to write into it.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)?;
    File::open(path)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_second_holder_waits_until_it_is_told_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let never = AtomicBool::new(false);
        let held = Lock::acquire(&path, &mut |_| {}, &never).unwrap().unwrap();
        let stop = AtomicBool::new(false);
        let second = Lock::acquire(&path, &mut |_| stop.store(true, Ordering::Relaxed), &stop).unwrap();
        assert!(second.is_none());
        drop(held);
        assert!(Lock::acquire(&path, &mut |_| {}, &never).unwrap().is_some());
    }

    #[test]
    fn the_lock_lives_as_long_as_a_command_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::acquire(&path, &mut |_| {}, &AtomicBool::new(false)).unwrap().unwrap();
        let mut orphan = Command::new("sleep").arg("1000").stdin(held.as_input().unwrap()).spawn().unwrap();
        drop(held);
        let stop = AtomicBool::new(true);
        assert!(Lock::acquire(&path, &mut |_| {}, &stop).unwrap().is_none());
        orphan.kill().unwrap();
        orphan.wait().unwrap();
        assert!(Lock::acquire(&path, &mut |_| {}, &stop).unwrap().is_some());
    }
}
