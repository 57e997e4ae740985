//! Prevents the removal of contents while a backup copies them. A backup locks a file in the server's folder; every server
//! process checks that lock between deleting a row and removing its content. So a content that the copied databases name cannot
//! have been removed: its row existed after the lock was taken, and a process that deleted the row later saw the lock. The system
//! releases the lock however the backup ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::error::{BackupError, WithPath};

/// The lock file, in the folder that is backed up and in the one that holds the backups.
pub(super) const FILE: &str = "backup.lock";

/// How often to try. A server holds the lock briefly whenever it checks it.
const ATTEMPTS: usize = 100;

/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// The lock file, as one process has it open.
pub(in crate::server) struct BackupLock {
    file: File,
}

impl BackupLock {
    /// Opens the lock of `folder` without taking it.
    pub(in crate::server) fn open(folder: &Path) -> std::io::Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self { file })
    }

    /// Whether a backup holds the lock. If the file system cannot tell, the answer is yes.
    pub(in crate::server) fn is_taken(&self) -> bool {
        if self.file.try_lock_shared().is_err() {
            return true;
        }
        // If unlocking fails, the system releases the lock when the process ends.
        let _ = self.file.unlock();
        false
    }

    /// Takes the lock until the value is dropped.
    pub(super) fn acquire(folder: &Path) -> Result<Self, BackupError> {
        let lock = Self::open(folder).at(folder)?;
        for _ in 0..ATTEMPTS {
            match lock.file.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error).at(folder),
            }
        }
        Err(BackupError::Busy(folder.to_owned()))
    }
}
