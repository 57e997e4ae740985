//! Contents as files: `USER/XX/NAME`, where `XX` are the last two digits of the name, so that no folder grows too large.
//! An incomplete content has the suffix `.part`; it is flushed and renamed when it is complete.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::{StreamExt, once, try_unfold};
use tokio::task::{JoinHandle, spawn_blocking};

use super::backend::{Backend, BackendError, BackendFuture, Content, ObjectName, Start, Writer};
use crate::store::begin_flush;

/// Bytes that are buffered before they are written to the file system.
const BUFFER: usize = 256 << 10;

/// Bytes that are read at a time.
const CHUNK: u64 = 256 << 10;

/// Contents in a folder.
pub struct FilesBackend {
    folder: PathBuf,
    durable: bool,
}

impl FilesBackend {
    /// Contents in `folder`, which is created when it is needed. Unless they are `durable`, nothing is flushed, and a power
    /// failure may lose or damage them.
    pub fn new(folder: PathBuf, durable: bool) -> Self {
        Self { folder, durable }
    }

    fn paths(&self, object: ObjectName) -> ContentPaths {
        let complete = path_of(&self.folder, object);
        let folder = complete.parent().unwrap_or(&self.folder).to_owned();
        ContentPaths { part: complete.with_extension("part"), complete, folder, durable: self.durable }
    }

    fn read_file(&self, object: ObjectName, path: PathBuf, range: Range<u64>) -> BackendFuture<'_, Content> {
        Box::pin(async move {
            let (first, rest) = blocking(object, move || {
                let file = File::open(path)?;
                read_chunk(file, range)
            })
            .await?;
            let rest = try_unfold(rest, move |(file, range)| async move {
                if range.is_empty() {
                    return Ok(None);
                }
                blocking(object, move || read_chunk(file, range)).await.map(Some)
            });
            Ok(once(async { Ok(first) }).chain(rest).boxed())
        })
    }
}

impl Backend for FilesBackend {
    fn write(&self, object: ObjectName, start: Start) -> BackendFuture<'_, Box<dyn Writer>> {
        let paths = self.paths(object);
        Box::pin(async move {
            let (file, written) = match start {
                Start::Whole => (None, 0),
                Start::At(offset) => {
                    let paths = paths.clone();
                    (Some(blocking(object, move || paths.open_at(offset)).await?), offset)
                }
            };
            let open = OpenFile { paths: paths.clone(), file, written, buffer: Vec::new(), folder_flushed: false };
            Ok(Box::new(FileWriter { object, paths, open: Some(open), writing: None, buffer: Vec::new() })
                as Box<dyn Writer>)
        })
    }

    fn read(&self, object: ObjectName, range: Range<u64>) -> BackendFuture<'_, Content> {
        self.read_file(object, self.paths(object).complete, range)
    }

    fn read_partial(&self, object: ObjectName, length: u64) -> BackendFuture<'_, Content> {
        self.read_file(object, self.paths(object).part, 0..length)
    }

    fn delete(&self, object: ObjectName) -> BackendFuture<'_, ()> {
        let paths = self.paths(object);
        Box::pin(blocking(object, move || paths.remove()))
    }

    fn list(&self, user: i64) -> BackendFuture<'_, Vec<ObjectName>> {
        let folder = self.folder.join(user.to_string());
        let none = ObjectName { user, process: 0, serial: 0 };
        Box::pin(blocking(none, move || list(&folder, user)))
    }
}

/// The path of a complete content in `folder`.
pub(in crate::server) fn path_of(folder: &Path, object: ObjectName) -> PathBuf {
    let name = object.to_string();
    folder.join(object.user.to_string()).join(&name[30..]).join(name)
}

/// Does blocking work on a thread that may block.
async fn blocking<T: Send + 'static>(
    object: ObjectName,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> std::result::Result<T, BackendError> {
    joined(object, spawn_blocking(work)).await
}

/// Waits for blocking work.
async fn joined<T>(object: ObjectName, work: JoinHandle<Result<T>>) -> std::result::Result<T, BackendError> {
    let done = work.await.unwrap_or_else(|error| Err(Error::other(error)));
    done.map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::UnexpectedEof => BackendError::Absent(object),
        _ => BackendError::Io { object: object.to_string(), source },
    })
}

/// The next chunk of a range, and what remains to be read.
fn read_chunk(file: File, range: Range<u64>) -> Result<(Bytes, (File, Range<u64>))> {
    let end = range.end.min(range.start + CHUNK);
    let mut chunk = vec![0; usize::try_from(end - range.start).map_err(Error::other)?];
    file.read_exact_at(&mut chunk, range.start)?;
    Ok((chunk.into(), (file, end..range.end)))
}

/// The contents in the folder of a user, complete or not.
pub(in crate::server) fn list(folder: &Path, user: i64) -> Result<Vec<ObjectName>> {
    let mut found = Vec::new();
    let shards = match folder.read_dir() {
        Ok(shards) => shards,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for shard in shards {
        for file in shard?.path().read_dir()? {
            let name = file?.file_name();
            let name = name.to_str().map(|name| name.strip_suffix(".part").unwrap_or(name));
            // Other files are ignored.
            found.extend(name.and_then(|name| ObjectName::parse(user, name)));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The paths of a content.
#[derive(Clone)]
struct ContentPaths {
    folder: PathBuf,
    /// While it is incomplete.
    part: PathBuf,
    /// Once it is complete.
    complete: PathBuf,
    durable: bool,
}

impl ContentPaths {
    /// A new, empty file for an incomplete content.
    fn create(&self) -> Result<File> {
        let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.part);
        match open() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.create_folder()?;
                open()
            }
            opened => opened,
        }
    }

    /// The file of an incomplete content, truncated to `offset` and ready for appending.
    fn open_at(&self, offset: u64) -> Result<File> {
        if offset == 0 {
            return self.create();
        }
        let mut file = OpenOptions::new().write(true).open(&self.part)?;
        if file.metadata()?.len() < offset {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }

    fn create_folder(&self) -> Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let above = self.folder.ancestors().skip(1).take(3).filter(|folder| !folder.as_os_str().is_empty());
        above.into_iter().try_for_each(|folder| self.flush_folder(folder))
    }

    fn flush_folder(&self, folder: &Path) -> Result<()> {
        if self.durable { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self) -> Result<()> {
        for path in [&self.part, &self.complete] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A file that is being written. The file of a content that is written in one go is created when the buffer is full.
struct OpenFile {
    paths: ContentPaths,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
    buffer: Vec<u8>,
    /// Whether the folder that has the file's name was flushed.
    folder_flushed: bool,
}

impl OpenFile {
    fn write_buffer(&mut self) -> Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.paths.create()?,
        };
        let file = self.file.insert(file);
        file.write_all(&self.buffer)?;
        let length = self.buffer.len() as u64;
        if self.paths.durable && length > 0 {
            begin_flush(file, self.written, length);
        }
        self.written += length;
        self.buffer.clear();
        Ok(file)
    }

    fn flush(&mut self) -> Result<()> {
        let durable = self.paths.durable;
        let file = self.write_buffer()?;
        if durable { file.sync_all() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<()> {
        self.flush()?;
        if !self.folder_flushed {
            self.paths.flush_folder(&self.paths.folder)?;
            self.folder_flushed = true;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        std::fs::rename(&self.paths.part, &self.paths.complete)?;
        self.paths.flush_folder(&self.paths.folder)
    }
}

struct FileWriter {
    object: ObjectName,
    paths: ContentPaths,
    /// `None` while a thread works on it, and after a failure.
    open: Option<OpenFile>,
    /// A thread that writes while more data is buffered.
    writing: Option<JoinHandle<Result<OpenFile>>>,
    buffer: Vec<u8>,
}

impl FileWriter {
    /// Waits for the thread that writes, and takes the file with what was buffered since.
    async fn take(&mut self) -> std::result::Result<OpenFile, BackendError> {
        let open = match self.writing.take() {
            Some(writing) => Some(joined(self.object, writing).await?),
            None => self.open.take(),
        };
        let mut open = open.ok_or(BackendError::Absent(self.object))?;
        // Swaps the buffers: the one that was written is empty, and is filled next.
        std::mem::swap(&mut self.buffer, &mut open.buffer);
        Ok(open)
    }

    async fn on_thread(
        &mut self,
        work: impl FnOnce(&mut OpenFile) -> Result<()> + Send + 'static,
    ) -> std::result::Result<(), BackendError> {
        let mut open = self.take().await?;
        let open = blocking(self.object, move || work(&mut open).map(|()| open)).await?;
        self.open = Some(open);
        Ok(())
    }
}

impl Writer for FileWriter {
    fn write(&mut self, chunk: Bytes) -> BackendFuture<'_, ()> {
        Box::pin(async move {
            self.buffer.extend_from_slice(&chunk);
            if self.buffer.len() >= BUFFER {
                let mut open = self.take().await?;
                self.writing = Some(spawn_blocking(move || open.write_buffer().map(drop).map(|()| open)));
            }
            Ok(())
        })
    }

    fn sync(&mut self) -> BackendFuture<'_, ()> {
        Box::pin(self.on_thread(OpenFile::sync))
    }

    fn finish(mut self: Box<Self>) -> BackendFuture<'static, ()> {
        Box::pin(async move { self.on_thread(OpenFile::finish).await })
    }

    fn discard(mut self: Box<Self>) -> BackendFuture<'static, ()> {
        Box::pin(async move {
            if let Some(writing) = self.writing.take() {
                // Its result does not matter, but it must have ended.
                let _ = writing.await;
            }
            blocking(self.object, move || self.paths.remove()).await
        })
    }
}
