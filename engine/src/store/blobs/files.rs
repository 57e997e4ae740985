//! Contents in a file each. A part's name ends in `.part`; the flush and the rename that follow its last byte make it
//! whole. Names are random numbers: nothing that a user wrote becomes a path.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;

use super::store::{Answer, Entering, check_write};
use super::{BlobStore, BlobStoreError, ContentId, Stored};
use crate::config::Synchronous;
use crate::store::begin_flush;

/// What the name of a part ends in.
const PART: &str = ".part";

/// A folder of sealed files.
pub(super) struct Files(Arc<Folder>);

struct Folder {
    path: PathBuf,
    /// Whether a success has to survive a loss of power.
    flush: bool,
}

impl Files {
    /// Opens the folder, or makes it, for its owner alone.
    pub(super) async fn open(path: &Path, synchronous: Synchronous) -> Result<Self, BlobStoreError> {
        let folder = Folder { path: path.to_owned(), flush: synchronous != Synchronous::Off };
        let folder = Self(Arc::new(folder));
        folder.run("the folder of blobs cannot be made", Folder::make).await?;
        Ok(folder)
    }

    /// Does `work` on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Folder) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, BlobStoreError> {
        let folder = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        match done.unwrap_or_else(|_| Err(Failure::Io(io::Error::other("the program is ending")))) {
            Ok(value) => Ok(value),
            Err(Failure::Io(source)) => Err(BlobStoreError::Io { what, source }),
            Err(Failure::Refused(error)) => Err(error),
        }
    }
}

/// Why something in the folder did not work.
enum Failure {
    Io(io::Error),
    Refused(BlobStoreError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl BlobStore for Files {
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> Answer<'_, ()> {
        Box::pin(self.run("a blob cannot be written", move |folder| folder.write(content, total, offset, &bytes)))
    }

    fn enter(&self, content: ContentId, bytes: Bytes) -> Answer<'_, Entering> {
        Box::pin(async move {
            self.write(content, bytes.len() as u64, 0, bytes).await?;
            Ok(Box::new(|_: &Connection| Ok(())) as Entering)
        })
    }

    fn read(&self, content: ContentId, range: Range<u64>) -> Answer<'_, Bytes> {
        Box::pin(self.run("a blob cannot be read", move |folder| folder.read(content, range)))
    }

    fn stored(&self, content: ContentId) -> Answer<'_, Option<Stored>> {
        Box::pin(self.run("a blob cannot be looked for", move |folder| Ok(folder.stored(content)?)))
    }

    fn remove(&self, content: ContentId) -> Answer<'_, ()> {
        Box::pin(self.run("a blob cannot be removed", move |folder| Ok(folder.remove(content)?)))
    }

    fn list(&self) -> Answer<'_, Vec<ContentId>> {
        Box::pin(self.run("the folder of blobs cannot be read", |folder| Ok(folder.list()?)))
    }
}

impl Folder {
    fn make(&self) -> Result<(), Failure> {
        match DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(self.flush_folder(self.path.parent().unwrap_or(Path::new(".")))?),
        }
    }

    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let part = self.part(content);
        check_write(self.stored(content)?, total, offset, bytes).map_err(Failure::Refused)?;
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
            return Err(Failure::Refused(BlobStoreError::Gap { length: stored.length, offset: range.end }));
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
        // Not flushed: what comes back after a loss of power is an orphan, and removed again at the next start.
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
            // Whatever else lies in the folder is not ours.
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
