//! `blobs/server_store`: contents written to a backend of the server's, or read from it, in this process and without HTTP.
//! A write is durable when it is done, unless `store.synchronous` is `off`. The digest is over what is read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use benchline_contract::Access;
use benchline_engine::config::Synchronous;
use benchline_engine::server::blobs::{Backend, BackendError, FilesBackend, ObjectName, ObjectStoreBackend, Start};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Handle;

use super::set::{BlobSet, at_once};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::digest::ContentsDigest;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::parameters::Parameters;

/// The user to whom all contents belong.
const USER: i64 = 1;
/// Bytes of a piece that is handed over, about as they arrive in the body of a request.
const PIECE: usize = 64 << 10;

#[derive(Clone, Copy)]
enum Direction {
    Write,
    Read,
}

#[derive(Clone, Copy)]
enum Kind {
    Files,
    ObjectStore,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let direction = parameters.word("direction", &[("write", Direction::Write), ("read", Direction::Read)])?;
    let kind = parameters.word("backend", &[("files", Kind::Files), ("object-store", Kind::ObjectStore)])?;
    let set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    let durable = setup.config.store.synchronous != Synchronous::Off;
    let mut backends = Backends { folder: setup.folder.join("server"), kind, durable, made: 0 };
    let (operation, runtime) = (setup.operation.to_owned(), setup.runtime.clone());
    Ok(match direction {
        Direction::Write => Box::new(Write { set, backends, ready: None, written: None, operation, runtime }),
        Direction::Read => {
            let backend = backends.fresh()?;
            on_reactor(&runtime, write_all(backend.clone(), &set))?;
            Box::new(Read { set, backends, backend, read: None, operation, runtime })
        }
    })
}

/// Makes empty backends, each in a folder of its own.
struct Backends {
    folder: PathBuf,
    kind: Kind,
    durable: bool,
    made: u64,
}

impl Backends {
    /// An empty backend. What the one before it holds is removed.
    fn fresh(&mut self) -> Result<Arc<dyn Backend>, SubjectError> {
        self.remove()?;
        self.made += 1;
        let folder = self.current();
        Ok(match self.kind {
            Kind::Files => Arc::new(FilesBackend::new(folder, self.durable)),
            Kind::ObjectStore => Arc::new(open_store(&folder, self.durable)?),
        })
    }

    fn remove(&self) -> Result<(), SubjectError> {
        match std::fs::remove_dir_all(self.current()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SubjectError::engine("removing a backend's folder")(error))
            }
            _ => Ok(()),
        }
    }

    fn current(&self) -> PathBuf {
        self.folder.join(self.made.to_string())
    }
}

fn open_store(folder: &Path, durable: bool) -> Result<ObjectStoreBackend, SubjectError> {
    let folder = std::path::absolute(folder).map_err(SubjectError::engine("finding the store's folder"))?;
    ObjectStoreBackend::open(&format!("file://{}", folder.display()), durable)
        .map_err(SubjectError::engine("opening the object store"))
}

struct Write {
    set: BlobSet,
    backends: Backends,
    /// Empty, for the next iteration.
    ready: Option<Arc<dyn Backend>>,
    /// Filled by the last one.
    written: Option<Arc<dyn Backend>>,
    operation: String,
    runtime: Handle,
}

impl Client for Write {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.written = None;
        self.ready = Some(self.backends.fresh()?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let backend = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = write_all(backend.clone(), &self.set);
        meter.time(|| on_reactor(&self.runtime, work))?;
        self.written = Some(backend);
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let backend = self.written.clone().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        let read = on_reactor(&self.runtime, read_all(backend, &self.set))?;
        Ok(digest(&self.set, read))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.backends.remove()
    }
}

struct Read {
    set: BlobSet,
    backends: Backends,
    /// Where they all are.
    backend: Arc<dyn Backend>,
    /// By the last iteration, in any order.
    read: Option<Vec<Pieces>>,
    operation: String,
    runtime: Handle,
}

impl Client for Read {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.read = None;
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        for _ in 0..count {
            self.read = None;
            let work = read_all(self.backend.clone(), &self.set);
            self.read = Some(meter.time(|| on_reactor(&self.runtime, work))?);
        }
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let read = self.read.take().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        Ok(digest(&self.set, read))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.backends.remove()
    }
}

/// A content as it was read, with its place in the set.
type Pieces = (usize, Vec<Bytes>);

fn object(place: usize) -> ObjectName {
    ObjectName { user: USER, process: 1, serial: place as u64 }
}

fn write_all(
    backend: Arc<dyn Backend>,
    set: &BlobSet,
) -> impl Future<Output = Result<(), SubjectError>> + Send + use<> {
    let contents: Vec<_> = set.iter().map(|(_, content)| content.clone()).collect();
    let works = contents.into_iter().enumerate().map(move |(place, content)| {
        let backend = backend.clone();
        async move {
            let written = write(&*backend, object(place), content).await;
            written.map_err(SubjectError::engine("writing a content"))
        }
    });
    async move { at_once(works).await.map(drop) }
}

async fn write(backend: &dyn Backend, object: ObjectName, mut content: Bytes) -> Result<(), BackendError> {
    let mut writer = backend.write(object, Start::Whole).await?;
    while !content.is_empty() {
        writer.write(content.split_to(content.len().min(PIECE))).await?;
    }
    writer.finish().await
}

fn read_all(
    backend: Arc<dyn Backend>,
    set: &BlobSet,
) -> impl Future<Output = Result<Vec<Pieces>, SubjectError>> + Send + use<> {
    let lengths: Vec<_> = set.iter().map(|(_, content)| content.len() as u64).collect();
    at_once(lengths.into_iter().enumerate().map(move |(place, length)| {
        let backend = backend.clone();
        async move {
            let read = read(&*backend, object(place), length).await;
            Ok((place, read.map_err(SubjectError::engine("reading a content"))?))
        }
    }))
}

async fn read(backend: &dyn Backend, object: ObjectName, length: u64) -> Result<Vec<Bytes>, BackendError> {
    let mut pieces = Vec::new();
    // An empty range is none that a backend could read.
    if length > 0 {
        let mut content = backend.read(object, 0..length).await?;
        while let Some(piece) = content.next().await {
            pieces.push(piece?);
        }
    }
    Ok(pieces)
}

/// The [`ContentsDigest`] of what was read, under the names that the set has for it.
fn digest(set: &BlobSet, mut read: Vec<Pieces>) -> String {
    read.sort_unstable_by_key(|(place, _)| *place);
    let mut digest = ContentsDigest::new();
    for ((address, _), (_, pieces)) in set.iter().zip(read) {
        digest.add(address.id(), &pieces.concat());
    }
    digest.finish()
}
