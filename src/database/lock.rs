//! The lock that lets one process write a store at a time. Readers must never take it, not even for a moment, or a reader
//! could turn a writer away: they query its holder without taking it.
//!
//! The lock is an open-file-description lock (Linux, `fcntl(2)`) on an empty file next to the database. The kernel drops it
//! with its holder, however that ends, so a lock is never stale. The file itself stays: removing it would let two writers
//! lock two files of the same name.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc,
};

/// The right to write, held until this is dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

impl WriterLock {
    /// Takes the lock of the database at `path`; `None` while another writer holds it.
    pub(super) fn acquire(path: &Path) -> io::Result<Option<WriterLock>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(path))?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
            Ok(_) => Ok(Some(WriterLock { file })),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for WriterLock {
    /// Releases the lock itself: closing the file alone leaves it to a child process that was just forked and has not started
    /// its program yet.
    fn drop(&mut self) {
        let unlock = libc::flock { l_type: libc::F_UNLCK as libc::c_short, ..whole_file() };
        let _ = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&unlock));
    }
}

/// Whether a writer, in this process or another, holds the lock of the database at `path`.
pub(super) fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(lock_path(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut found = whole_file();
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

/// Name of the lock's file.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

/// An exclusive lock on everything; a length of 0 reaches to the end of the file, wherever that is.
fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0, // required of open-file-description locks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_has_one_holder_and_a_query_does_not_take_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        assert!(!is_held(&path).unwrap());
        let lock = WriterLock::acquire(&path).unwrap().unwrap();
        assert!(is_held(&path).unwrap());
        assert!(WriterLock::acquire(&path).unwrap().is_none());
        // As a child process holds it between its fork and its program.
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(!is_held(&path).unwrap());
        drop(inherited);
        assert!(!is_held(&path).unwrap());
        assert!(WriterLock::acquire(&path).unwrap().is_some());
    }
}
