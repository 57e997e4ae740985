//! Contents as files: `USER/XX/NAME`, where `XX` are the last two digits of the name, so that no folder grows too large.
//! What is not whole has `.part` behind its name and is flushed and renamed when it is; a name without it is whole.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::{StreamExt, once, try_unfold};
use tokio::task::{JoinHandle, spawn_blocking};

use super::backend::{Backend, BackendError, Content, Doing, ObjectName, Start, Writer};
use crate::store::begin_flush;

/// Bytes that are gathered before they are handed to the file system.
const GATHERED: usize = 256 << 10;

/// Bytes that are read at once.
const CHUNK: u64 = 256 << 10;

/// Contents in a folder.
pub struct FilesBackend {
    folder: PathBuf,
    durable: bool,
}

impl FilesBackend {
    /// Contents in `folder`, which is made when it is needed. Where they are not `durable`, nothing is flushed, and a
    /// loss of power may lose or damage them.
    pub fn new(folder: PathBuf, durable: bool) -> Self {
        Self { folder, durable }
    }

    fn place(&self, object: ObjectName) -> Place {
        let whole = path_of(&self.folder, object);
        let folder = whole.parent().unwrap_or(&self.folder).to_owned();
        Place { part: whole.with_extension("part"), whole, folder, durable: self.durable }
    }

    fn read_file(&self, object: ObjectName, path: PathBuf, range: Range<u64>) -> Doing<'_, Content> {
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
    fn write(&self, object: ObjectName, start: Start) -> Doing<'_, Box<dyn Writer>> {
        let place = self.place(object);
        Box::pin(async move {
            let (file, written) = match start {
                Start::Whole => (None, 0),
                Start::At(offset) => {
                    let place = place.clone();
                    (Some(blocking(object, move || place.go_on(offset)).await?), offset)
                }
            };
            let open = Open { place: place.clone(), file, written, gathered: Vec::new(), named: false };
            Ok(Box::new(FileWriter { object, place, open: Some(open), writing: None, gathered: Vec::new() })
                as Box<dyn Writer>)
        })
    }

    fn read(&self, object: ObjectName, range: Range<u64>) -> Doing<'_, Content> {
        self.read_file(object, self.place(object).whole, range)
    }

    fn read_partial(&self, object: ObjectName, length: u64) -> Doing<'_, Content> {
        self.read_file(object, self.place(object).part, 0..length)
    }

    fn delete(&self, object: ObjectName) -> Doing<'_, ()> {
        let place = self.place(object);
        Box::pin(blocking(object, move || place.remove()))
    }

    fn list(&self, user: i64) -> Doing<'_, Vec<ObjectName>> {
        let folder = self.folder.join(user.to_string());
        let nameless = ObjectName { user, process: 0, serial: 0 };
        Box::pin(blocking(nameless, move || list(&folder, user)))
    }
}

/// Where in `folder` a whole content is.
pub(in crate::server) fn path_of(folder: &Path, object: ObjectName) -> PathBuf {
    let name = object.to_string();
    folder.join(object.user.to_string()).join(&name[30..]).join(name)
}

/// Does work that blocks, on a thread that may.
async fn blocking<T: Send + 'static>(
    object: ObjectName,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> std::result::Result<T, BackendError> {
    joined(object, spawn_blocking(work)).await
}

/// Waits for work on a thread.
async fn joined<T>(object: ObjectName, work: JoinHandle<Result<T>>) -> std::result::Result<T, BackendError> {
    let done = work.await.unwrap_or_else(|error| Err(Error::other(error)));
    done.map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::UnexpectedEof => BackendError::Absent(object),
        _ => BackendError::Io { object: object.to_string(), source },
    })
}

/// The next piece of a range, and what remains to be read.
fn read_chunk(file: File, range: Range<u64>) -> Result<(Bytes, (File, Range<u64>))> {
    let end = range.end.min(range.start + CHUNK);
    let mut piece = vec![0; usize::try_from(end - range.start).map_err(Error::other)?];
    file.read_exact_at(&mut piece, range.start)?;
    Ok((piece.into(), (file, end..range.end)))
}

/// The contents in the folder of a user, whole or not.
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
            // A file that is none of ours is nobody's business here.
            found.extend(name.and_then(|name| ObjectName::parse(user, name)));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Where a content is.
#[derive(Clone)]
struct Place {
    folder: PathBuf,
    part: PathBuf,
    whole: PathBuf,
    durable: bool,
}

impl Place {
    /// An empty file that is not whole.
    fn create(&self) -> Result<File> {
        let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.part);
        match open() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make_folder()?;
                open()
            }
            opened => opened,
        }
    }

    /// The file that is not whole, cut to `offset` and ready to be appended to.
    fn go_on(&self, offset: u64) -> Result<File> {
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

    fn make_folder(&self) -> Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let above = self.folder.ancestors().skip(1).take(3).filter(|folder| !folder.as_os_str().is_empty());
        above.into_iter().try_for_each(|folder| self.flush_folder(folder))
    }

    fn flush_folder(&self, folder: &Path) -> Result<()> {
        if self.durable { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self) -> Result<()> {
        for path in [&self.part, &self.whole] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A file that is being written. The file of a content that is written in one go is made when there is enough to write.
struct Open {
    place: Place,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
    gathered: Vec<u8>,
    /// Whether the folder with the file's name in it was flushed.
    named: bool,
}

impl Open {
    fn write_gathered(&mut self) -> Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.place.create()?,
        };
        let file = self.file.insert(file);
        file.write_all(&self.gathered)?;
        let length = self.gathered.len() as u64;
        if self.place.durable && length > 0 {
            begin_flush(file, self.written, length);
        }
        self.written += length;
        self.gathered.clear();
        Ok(file)
    }

    fn flush(&mut self) -> Result<()> {
        let durable = self.place.durable;
        let file = self.write_gathered()?;
        if durable { file.sync_all() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<()> {
        self.flush()?;
        if !self.named {
            self.place.flush_folder(&self.place.folder)?;
            self.named = true;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        std::fs::rename(&self.place.part, &self.place.whole)?;
        self.place.flush_folder(&self.place.folder)
    }
}

struct FileWriter {
    object: ObjectName,
    place: Place,
    /// Away while a thread works on it, and for good after a failure.
    open: Option<Open>,
    /// A thread that writes while more is gathered.
    writing: Option<JoinHandle<Result<Open>>>,
    gathered: Vec<u8>,
}

impl FileWriter {
    /// Waits for the thread that writes, and hands over what was gathered since.
    async fn take(&mut self) -> std::result::Result<Open, BackendError> {
        let open = match self.writing.take() {
            Some(writing) => Some(joined(self.object, writing).await?),
            None => self.open.take(),
        };
        let mut open = open.ok_or(BackendError::Absent(self.object))?;
        // The buffers change places: the one that was written is empty, and filled next.
        std::mem::swap(&mut self.gathered, &mut open.gathered);
        Ok(open)
    }

    async fn on_thread(
        &mut self,
        work: impl FnOnce(&mut Open) -> Result<()> + Send + 'static,
    ) -> std::result::Result<(), BackendError> {
        let mut open = self.take().await?;
        let open = blocking(self.object, move || work(&mut open).map(|()| open)).await?;
        self.open = Some(open);
        Ok(())
    }
}

impl Writer for FileWriter {
    fn write(&mut self, piece: Bytes) -> Doing<'_, ()> {
        Box::pin(async move {
            self.gathered.extend_from_slice(&piece);
            if self.gathered.len() >= GATHERED {
                let mut open = self.take().await?;
                self.writing = Some(spawn_blocking(move || open.write_gathered().map(drop).map(|()| open)));
            }
            Ok(())
        })
    }

    fn sync(&mut self) -> Doing<'_, ()> {
        Box::pin(self.on_thread(Open::sync))
    }

    fn finish(mut self: Box<Self>) -> Doing<'static, ()> {
        Box::pin(async move { self.on_thread(Open::finish).await })
    }

    fn discard(mut self: Box<Self>) -> Doing<'static, ()> {
        Box::pin(async move {
            if let Some(writing) = self.writing.take() {
                // What became of it does not matter, but it must have ended.
                let _ = writing.await;
            }
            blocking(self.object, move || self.place.remove()).await
        })
    }
}
