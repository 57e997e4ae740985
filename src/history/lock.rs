//! The lock that lets one process write a history at a time. It must never be taken by readers, not even for a moment,
//! or a reader could turn a writer away: they ask who holds it without taking it.
//!
//! The lock is an open-file-description lock (Linux, `fcntl(2)`) on an empty file beside the database. The kernel drops it
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
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the database at `path`; `None` where somebody holds it.
    pub(super) fn take(path: &Path) -> io::Result<Option<WriterLock>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(beside(path))?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
            Ok(_) => Ok(Some(WriterLock { _file: file })),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether somebody, in this process or another, may write the database at `path` now.
pub(super) fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(beside(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut found = whole_file();
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

/// Name of the lock's file.
fn beside(path: &Path) -> PathBuf {
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
    fn one_holder_at_a_time_and_asking_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        assert!(!is_held(&path).unwrap());
        let lock = WriterLock::take(&path).unwrap().unwrap();
        assert!(is_held(&path).unwrap());
        assert!(WriterLock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(!is_held(&path).unwrap());
        assert!(WriterLock::take(&path).unwrap().is_some());
    }
}
