//! Keeps the contents of blobs where they are while a backup copies them. A backup locks a file in the server's folder;
//! every server process looks at it after a row is gone and before its content goes. So a content that the copied databases
//! name cannot have been removed: its row was there after the lock was taken, and whoever deleted it later saw the lock.
//! The system lets go of the lock however the backup ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::BackupError;
use super::error::At;

/// The file, in the folder that is copied and in the one that holds the copies.
pub(super) const FILE: &str = "backup.lock";

/// How often to try. Servers hold the lock for a moment whenever they look at it.
const ATTEMPTS: usize = 100;

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// The lock, as one process has it open.
pub(in crate::server) struct Hold {
    file: File,
}

impl Hold {
    /// The lock of `folder`, not taken.
    pub(in crate::server) fn of(folder: &Path) -> std::io::Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self { file })
    }

    /// Whether contents must stay. A file system that does not tell counts as yes.
    pub(in crate::server) fn is_taken(&self) -> bool {
        if self.file.try_lock_shared().is_err() {
            return true;
        }
        // Nothing is held: the look alone counts. What cannot be let go of now goes when the process ends.
        let _ = self.file.unlock();
        false
    }

    /// Takes it for as long as the value lives.
    pub(super) fn take(folder: &Path) -> Result<Self, BackupError> {
        let hold = Self::of(folder).at(folder)?;
        for _ in 0..ATTEMPTS {
            match hold.file.try_lock() {
                Ok(()) => return Ok(hold),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error).at(folder),
            }
        }
        Err(BackupError::Busy(folder.to_owned()))
    }
}
