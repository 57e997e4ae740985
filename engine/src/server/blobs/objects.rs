//! Contents in any object store that the `object_store` crate knows: S3 and what speaks like it, or a folder. A whole
//! content is one object, `USER/whole/NAME`. What is sent with pauses is kept as segments, `USER/partial/NAME/OFFSET`,
//! which are put together when it is whole.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use super::backend::{Backend, BackendError, Content, Doing, ObjectName, Start, Writer};
use super::staged::Staged;

/// Bytes of a part, all that a writer holds in memory. S3 takes none below 5 MiB but the last.
const PART: usize = 5 << 20;

/// Contents in an object store.
pub struct ObjectStoreBackend {
    bucket: Bucket,
}

impl ObjectStoreBackend {
    /// Contents in `store`, under `prefix`.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { bucket: Bucket { store, prefix: Path::from(prefix), staged: None } }
    }

    /// The store at `address`: `file:///a/folder`, or `s3://bucket/prefix` with credentials, region and endpoint from the
    /// usual `AWS_…` variables of the environment. Where it is not `durable`, a folder's files are not flushed.
    ///
    /// # Errors
    /// [`BackendError::Address`] for any other address, or what the store says of it.
    pub fn open(address: &str, durable: bool) -> Result<Self, BackendError> {
        match address.split_once("://") {
            Some(("file", folder)) if folder.starts_with('/') => {
                let unusable = |error| BackendError::Address(format!("{folder} cannot be made: {error}"));
                std::fs::create_dir_all(folder).map_err(unusable)?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(durable).with_automatic_cleanup(true);
                let staged = Some(Staged::new(folder));
                Ok(Self { bucket: Bucket { store: Arc::new(store), prefix: Path::default(), staged } })
            }
            Some(("s3", place)) if !place.is_empty() => {
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
                Ok(Self::new(Arc::new(store), prefix))
            }
            _ => Err(BackendError::Address(format!("{address} is no address of an object store"))),
        }
    }
}

impl Backend for ObjectStoreBackend {
    fn write(&self, object: ObjectName, start: Start) -> Doing<'_, Box<dyn Writer>> {
        Box::pin(async move {
            let target = match start {
                Start::Whole => Target::Whole(None),
                Start::At(offset) => {
                    self.bucket.cut(object, offset).await?;
                    Target::Segments(offset)
                }
            };
            let writer = ObjectWriter { bucket: self.bucket.clone(), object, gathered: BytesMut::new(), target };
            Ok(Box::new(writer) as Box<dyn Writer>)
        })
    }

    fn read(&self, object: ObjectName, range: Range<u64>) -> Doing<'_, Content> {
        Box::pin(async move {
            let options = GetOptions::new().with_range(Some(range));
            let got = self.bucket.store.get_opts(&self.bucket.whole(object), options).await;
            let got = got.map_err(|error| absent(error, object))?;
            Ok(got.into_stream().map_err(move |error| absent(error, object)).boxed())
        })
    }

    fn read_partial(&self, object: ObjectName, length: u64) -> Doing<'_, Content> {
        Box::pin(async move {
            let segments = self.bucket.segments(object).await?;
            if segments.last().is_none_or(|last| last.end < length) {
                return Err(BackendError::Absent(object));
            }
            Ok(self.bucket.join(object, segments, length))
        })
    }

    fn delete(&self, object: ObjectName) -> Doing<'_, ()> {
        Box::pin(async move {
            self.bucket.remove(&self.bucket.whole(object)).await?;
            self.bucket.cut(object, 0).await?;
            self.bucket.remove_staged(object).await
        })
    }

    fn list(&self, user: i64) -> Doing<'_, Vec<ObjectName>> {
        Box::pin(async move {
            let root = self.bucket.prefix.clone().join(user.to_string());
            let mut listed = self.bucket.store.list(Some(&root));
            let mut found = Vec::new();
            while let Some(meta) = listed.try_next().await? {
                let name = meta.location.prefix_match(&root).and_then(|mut parts| parts.nth(1));
                found.extend(name.and_then(|name| ObjectName::parse(user, name.as_ref())));
            }
            if let Some(staged) = &self.bucket.staged {
                found.extend(staged.list(user).await?);
            }
            found.sort_unstable();
            found.dedup();
            Ok(found)
        })
    }
}

fn absent(error: object_store::Error, object: ObjectName) -> BackendError {
    match error {
        object_store::Error::NotFound { .. } => BackendError::Absent(object),
        other => other.into(),
    }
}

/// The store, and where in it everything is.
#[derive(Clone)]
struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// What kills leave in a folder. Other stores clear away for themselves.
    staged: Option<Staged>,
}

impl Bucket {
    fn whole(&self, object: ObjectName) -> Path {
        self.prefix.clone().join(object.user.to_string()).join("whole").join(object.to_string())
    }

    fn partial(&self, object: ObjectName) -> Path {
        self.prefix.clone().join(object.user.to_string()).join("partial").join(object.to_string())
    }

    fn segment(&self, object: ObjectName, offset: u64) -> Path {
        self.partial(object).join(format!("{offset:016x}"))
    }

    /// The stretches that segments cover, in order. After a kill some may be behind a gap.
    async fn listed(&self, object: ObjectName) -> Result<Vec<Range<u64>>, BackendError> {
        let listed = self.store.list(Some(&self.partial(object)));
        let listed: Vec<_> = listed.try_collect().await?;
        let offset = |location: &Path| u64::from_str_radix(location.filename()?, 16).ok();
        let stretch = |meta: object_store::ObjectMeta| {
            let start = offset(&meta.location)?;
            Some(start..start + meta.size)
        };
        let mut all: Vec<_> = listed.into_iter().filter_map(stretch).collect();
        all.sort_unstable_by_key(|stretch| stretch.start);
        Ok(all)
    }

    /// The stretches from the first on as far as there is no gap.
    async fn segments(&self, object: ObjectName) -> Result<Vec<Range<u64>>, BackendError> {
        let mut all = self.listed(object).await?;
        let mut end = 0;
        all.retain(|stretch| {
            let follows = stretch.start == end;
            end = if follows { stretch.end } else { end };
            follows
        });
        Ok(all)
    }

    /// Removes the segments from `offset` on. They must reach it.
    async fn cut(&self, object: ObjectName, offset: u64) -> Result<(), BackendError> {
        if offset > 0 && !self.segments(object).await?.iter().any(|stretch| stretch.end == offset) {
            return Err(BackendError::Absent(object));
        }
        for stretch in self.listed(object).await?.into_iter().rev().filter(|stretch| stretch.start >= offset) {
            self.remove(&self.segment(object, stretch.start)).await?;
        }
        Ok(())
    }

    async fn remove_staged(&self, object: ObjectName) -> Result<(), BackendError> {
        match &self.staged {
            Some(staged) => Ok(staged.remove(object).await?),
            None => Ok(()),
        }
    }

    /// The first `length` bytes of the segments, one after the other.
    fn join(&self, object: ObjectName, segments: Vec<Range<u64>>, length: u64) -> Content {
        let bucket = self.clone();
        let pieces = iter(segments).filter(move |stretch| std::future::ready(stretch.start < length));
        let read = pieces.then(move |stretch| {
            let bucket = bucket.clone();
            async move {
                let options = GetOptions::new().with_range(Some(0..stretch.end.min(length) - stretch.start));
                let got = bucket.store.get_opts(&bucket.segment(object, stretch.start), options).await?;
                Ok::<_, BackendError>(got.into_stream().map_err(BackendError::from))
            }
        });
        read.try_flatten().boxed()
    }

    async fn remove(&self, path: &Path) -> Result<(), BackendError> {
        match self.store.delete(path).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes one object of segments that cover `length` bytes. It appears whole; only then are they removed.
async fn join(bucket: &Bucket, object: ObjectName, length: u64) -> Result<(), BackendError> {
    let segments = bucket.segments(object).await?;
    if segments.last().map_or(0, |last| last.end) != length {
        return Err(BackendError::Absent(object));
    }
    let target = Target::Whole(None);
    let mut whole = ObjectWriter { bucket: bucket.clone(), object, gathered: BytesMut::new(), target };
    let mut content = bucket.join(object, segments, length);
    while let Some(piece) = content.try_next().await? {
        whole.write(piece).await?;
    }
    whole.finish_whole().await?;
    bucket.cut(object, 0).await?;
    // A process that was killed may have begun the same.
    bucket.remove_staged(object).await
}

/// Where the pieces go.
enum Target {
    /// Into one object: at once where it is small, in parts where it is not.
    Whole(Option<Box<dyn MultipartUpload>>),
    /// Into segments, the next of which begins at this offset.
    Segments(u64),
}

struct ObjectWriter {
    bucket: Bucket,
    object: ObjectName,
    gathered: BytesMut,
    target: Target,
}

impl ObjectWriter {
    /// Sends the first `length` of the bytes that were gathered.
    async fn send(&mut self, length: usize) -> Result<(), BackendError> {
        let piece = PutPayload::from_bytes(self.gathered.split_to(length).freeze());
        match &mut self.target {
            Target::Whole(Some(upload)) => upload.put_part(piece).await?,
            Target::Whole(none) => {
                let upload = self.bucket.store.put_multipart(&self.bucket.whole(self.object)).await?;
                none.insert(upload).put_part(piece).await?;
            }
            Target::Segments(offset) => {
                self.bucket.store.put(&self.bucket.segment(self.object, *offset), piece).await?;
                *offset += length as u64;
            }
        }
        Ok(())
    }

    async fn finish_whole(mut self) -> Result<(), BackendError> {
        if let Target::Whole(None) = self.target {
            let payload = PutPayload::from_bytes(self.gathered.freeze());
            self.bucket.store.put(&self.bucket.whole(self.object), payload).await?;
            return Ok(());
        }
        self.send(self.gathered.len()).await?;
        if let Target::Whole(Some(mut upload)) = self.target {
            upload.complete().await?;
        }
        Ok(())
    }
}

impl Writer for ObjectWriter {
    fn write(&mut self, piece: Bytes) -> Doing<'_, ()> {
        Box::pin(async move {
            self.gathered.extend_from_slice(&piece);
            // The last part is kept back, for one that is empty is none.
            while self.gathered.len() > PART {
                self.send(PART).await?;
            }
            Ok(())
        })
    }

    fn sync(&mut self) -> Doing<'_, ()> {
        Box::pin(async move { if self.gathered.is_empty() { Ok(()) } else { self.send(self.gathered.len()).await } })
    }

    fn finish(mut self: Box<Self>) -> Doing<'static, ()> {
        Box::pin(async move {
            if let Target::Whole(_) = self.target {
                return self.finish_whole().await;
            }
            self.sync().await?;
            match self.target {
                Target::Segments(length) => join(&self.bucket, self.object, length).await,
                Target::Whole(_) => Ok(()),
            }
        })
    }

    fn discard(mut self: Box<Self>) -> Doing<'static, ()> {
        Box::pin(async move {
            if let Target::Whole(Some(upload)) = &mut self.target {
                upload.abort().await?;
            }
            self.bucket.cut(self.object, 0).await
        })
    }
}
