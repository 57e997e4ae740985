//! Contents in one file each. A part's file name ends in `.part`; the flush and the rename after its last byte make it whole.
//! File names are random numbers: no user input becomes part of a path.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;

use super::store::{Insertion, StoreFuture, check_write};
use super::{BlobStore, BlobStoreError, ContentId, Stored};
use crate::config::Synchronous;
use crate::store::begin_flush;

/// The suffix of a part's file name.
const PART: &str = ".part";

/// A folder of sealed files.
pub(super) struct Files(Arc<Folder>);

struct Folder {
    path: PathBuf,
    /// Whether a success has to survive a power failure.
    flush: bool,
}

impl Files {
    /// Opens or creates the folder, accessible only by its owner.
    pub(super) async fn open(path: &Path, synchronous: Synchronous) -> Result<Self, BlobStoreError> {
        let folder = Folder { path: path.to_owned(), flush: synchronous != Synchronous::Off };
        let folder = Self(Arc::new(folder));
        folder.run("the folder of blobs cannot be created", Folder::create).await?;
        Ok(folder)
    }

    /// Runs `work` on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Folder) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, BlobStoreError> {
        let folder = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        match done.unwrap_or_else(|_| Err(Failure::Io(io::Error::other("the program is shutting down")))) {
            Ok(value) => Ok(value),
            Err(Failure::Io(source)) => Err(BlobStoreError::Io { what, source }),
            Err(Failure::Rejected(error)) => Err(error),
        }
    }
}

/// Why an operation in the folder failed.
enum Failure {
    Io(io::Error),
    Rejected(BlobStoreError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl BlobStore for Files {
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(self.run("a blob cannot be written", move |folder| folder.write(content, total, offset, &bytes)))
    }

    fn insert_whole(&self, content: ContentId, bytes: Bytes) -> StoreFuture<'_, Insertion> {
        Box::pin(async move {
            self.write(content, bytes.len() as u64, 0, bytes).await?;
            Ok(Box::new(|_: &Connection| Ok(())) as Insertion)
        })
    }

    fn read(&self, content: ContentId, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        Box::pin(self.run("a blob cannot be read", move |folder| folder.read(content, range)))
    }

    fn stored(&self, content: ContentId) -> StoreFuture<'_, Option<Stored>> {
        Box::pin(self.run("a blob cannot be looked up", move |folder| Ok(folder.stored(content)?)))
    }

    fn remove(&self, content: ContentId) -> StoreFuture<'_, ()> {
        Box::pin(self.run("a blob cannot be removed", move |folder| Ok(folder.remove(content)?)))
    }

    fn list(&self) -> StoreFuture<'_, Vec<ContentId>> {
        Box::pin(self.run("the folder of blobs cannot be read", |folder| Ok(folder.list()?)))
    }
}

impl Folder {
    fn create(&self) -> Result<(), Failure> {
        match DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(self.flush_folder(self.path.parent().unwrap_or(Path::new(".")))?),
        }
    }

    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let part = self.part(content);
        check_write(self.stored(content)?, total, offset, bytes).map_err(Failure::Rejected)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&part)?;
        file.set_len(offset)?;
        file.write_all_at(bytes, offset)?;
        if self.flush {
            begin_flush(&file, offset, bytes.len() as u64);
        }
        if offset + bytes.len() as u64 == total {
            if self.flush {
                file.sync_all()?;
            }
            fs::rename(&part, self.whole(content))?;
            self.flush_folder(&self.path)?;
        }
        Ok(())
    }

    fn read(&self, content: ContentId, range: Range<u64>) -> Result<Bytes, Failure> {
        let stored = self.stored(content)?.unwrap_or(Stored { length: 0, whole: false });
        if range.end > stored.length || range.start > range.end {
            return Err(Failure::Rejected(BlobStoreError::Gap { length: stored.length, offset: range.end }));
        }
        let file = File::open(if stored.whole { self.whole(content) } else { self.part(content) })?;
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }

    fn stored(&self, content: ContentId) -> io::Result<Option<Stored>> {
        for (path, whole) in [(self.whole(content), true), (self.part(content), false)] {
            match fs::metadata(path) {
                Ok(metadata) => return Ok(Some(Stored { length: metadata.len(), whole })),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn remove(&self, content: ContentId) -> io::Result<()> {
        // Not flushed: a file that reappears after a power failure is an orphan, which the next start removes.
        for path in [self.whole(content), self.part(content)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<ContentId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            // Other files in the folder are ignored.
            let Some(name) = name.to_str() else { continue };
            found.extend(ContentId::parse(name.strip_suffix(PART).unwrap_or(name)));
        }
        Ok(found)
    }

    fn whole(&self, content: ContentId) -> PathBuf {
        self.path.join(content.to_string())
    }

    fn part(&self, content: ContentId) -> PathBuf {
        self.path.join(format!("{content}{PART}"))
    }

    fn flush_folder(&self, path: &Path) -> io::Result<()> {
        if self.flush { File::open(path)?.sync_all() } else { Ok(()) }
    }
}
