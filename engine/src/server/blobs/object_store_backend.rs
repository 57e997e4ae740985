//! Contents in any object store that the `object_store` crate supports: S3 and compatible stores, or a folder. A complete
//! content is one object, `USER/whole/NAME`. A content that is written in several steps is stored as segments,
//! `USER/partial/NAME/OFFSET`, which are joined when it is complete.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use super::backend::{Backend, BackendError, BackendFuture, Content, ObjectName, Start, Writer};
use super::temporary_files::TemporaryFiles;

/// Bytes of a part, which is all that a writer holds in memory. S3 accepts only the last part below 5 MiB.
const PART: usize = 5 << 20;

/// Contents in an object store.
pub struct ObjectStoreBackend {
    bucket: Bucket,
}

impl ObjectStoreBackend {
    /// Contents in `store`, under `prefix`.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { bucket: Bucket { store, prefix: Path::from(prefix), temporary: None } }
    }

    /// The store at `address`: `file:///a/folder`, or `s3://bucket/prefix` with credentials, region and endpoint from the
    /// usual `AWS_…` environment variables. Unless it is `durable`, files in a folder are not flushed.
    ///
    /// # Errors
    /// [`BackendError::Address`] for any other address; errors of the store.
    pub fn open(address: &str, durable: bool) -> Result<Self, BackendError> {
        match address.split_once("://") {
            Some(("file", folder)) if folder.starts_with('/') => {
                let unusable = |error| BackendError::Address(format!("cannot create {folder}: {error}"));
                std::fs::create_dir_all(folder).map_err(unusable)?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(durable).with_automatic_cleanup(true);
                let temporary = Some(TemporaryFiles::new(folder));
                Ok(Self { bucket: Bucket { store: Arc::new(store), prefix: Path::default(), temporary } })
            }
            Some(("s3", location)) if !location.is_empty() => {
                let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
                let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
                Ok(Self::new(Arc::new(store), prefix))
            }
            _ => Err(BackendError::Address(format!("{address} is not the address of an object store"))),
        }
    }
}

impl Backend for ObjectStoreBackend {
    fn write(&self, object: ObjectName, start: Start) -> BackendFuture<'_, Box<dyn Writer>> {
        Box::pin(async move {
            let target = match start {
                Start::Whole => Target::Whole(None),
                Start::At(offset) => {
                    self.bucket.truncate(object, offset).await?;
                    Target::Segments(offset)
                }
            };
            let writer = ObjectWriter { bucket: self.bucket.clone(), object, buffer: BytesMut::new(), target };
            Ok(Box::new(writer) as Box<dyn Writer>)
        })
    }

    fn read(&self, object: ObjectName, range: Range<u64>) -> BackendFuture<'_, Content> {
        Box::pin(async move {
            let options = GetOptions::new().with_range(Some(range));
            let got = self.bucket.store.get_opts(&self.bucket.complete(object), options).await;
            let got = got.map_err(|error| absent(error, object))?;
            Ok(got.into_stream().map_err(move |error| absent(error, object)).boxed())
        })
    }

    fn read_partial(&self, object: ObjectName, length: u64) -> BackendFuture<'_, Content> {
        Box::pin(async move {
            let segments = self.bucket.segments(object).await?;
            if segments.last().is_none_or(|last| last.end < length) {
                return Err(BackendError::Absent(object));
            }
            Ok(self.bucket.read_segments(object, segments, length))
        })
    }

    fn delete(&self, object: ObjectName) -> BackendFuture<'_, ()> {
        Box::pin(async move {
            self.bucket.remove(&self.bucket.complete(object)).await?;
            self.bucket.truncate(object, 0).await?;
            self.bucket.remove_temporary(object).await
        })
    }

    fn list(&self, user: i64) -> BackendFuture<'_, Vec<ObjectName>> {
        Box::pin(async move {
            let root = self.bucket.prefix.clone().join(user.to_string());
            let mut listed = self.bucket.store.list(Some(&root));
            let mut found = Vec::new();
            while let Some(meta) = listed.try_next().await? {
                let name = meta.location.prefix_match(&root).and_then(|mut parts| parts.nth(1));
                found.extend(name.and_then(|name| ObjectName::parse(user, name.as_ref())));
            }
            if let Some(temporary) = &self.bucket.temporary {
                found.extend(temporary.list(user).await?);
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

/// The store and the layout of what is in it.
#[derive(Clone)]
struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// What killed processes leave in a folder. Other stores clean up themselves.
    temporary: Option<TemporaryFiles>,
}

impl Bucket {
    fn complete(&self, object: ObjectName) -> Path {
        self.prefix.clone().join(object.user.to_string()).join("whole").join(object.to_string())
    }

    fn partial(&self, object: ObjectName) -> Path {
        self.prefix.clone().join(object.user.to_string()).join("partial").join(object.to_string())
    }

    fn segment(&self, object: ObjectName, offset: u64) -> Path {
        self.partial(object).join(format!("{offset:016x}"))
    }

    /// The ranges that segments cover, in order. After a crash there may be gaps.
    async fn all_segments(&self, object: ObjectName) -> Result<Vec<Range<u64>>, BackendError> {
        let listed = self.store.list(Some(&self.partial(object)));
        let listed: Vec<_> = listed.try_collect().await?;
        let offset = |location: &Path| u64::from_str_radix(location.filename()?, 16).ok();
        let range = |meta: object_store::ObjectMeta| {
            let start = offset(&meta.location)?;
            Some(start..start + meta.size)
        };
        let mut all: Vec<_> = listed.into_iter().filter_map(range).collect();
        all.sort_unstable_by_key(|range| range.start);
        Ok(all)
    }

    /// The ranges that segments cover, up to the first gap.
    async fn segments(&self, object: ObjectName) -> Result<Vec<Range<u64>>, BackendError> {
        let mut all = self.all_segments(object).await?;
        let mut end = 0;
        all.retain(|range| {
            let follows = range.start == end;
            end = if follows { range.end } else { end };
            follows
        });
        Ok(all)
    }

    /// Removes the segments from `offset` on. The segments must extend to it without a gap.
    async fn truncate(&self, object: ObjectName, offset: u64) -> Result<(), BackendError> {
        if offset > 0 && !self.segments(object).await?.iter().any(|range| range.end == offset) {
            return Err(BackendError::Absent(object));
        }
        for range in self.all_segments(object).await?.into_iter().rev().filter(|range| range.start >= offset) {
            self.remove(&self.segment(object, range.start)).await?;
        }
        Ok(())
    }

    async fn remove_temporary(&self, object: ObjectName) -> Result<(), BackendError> {
        match &self.temporary {
            Some(temporary) => temporary.remove(object).await,
            None => Ok(()),
        }
    }

    /// The first `length` bytes of the segments, one after the other.
    fn read_segments(&self, object: ObjectName, segments: Vec<Range<u64>>, length: u64) -> Content {
        let bucket = self.clone();
        let ranges = iter(segments).filter(move |range| std::future::ready(range.start < length));
        let read = ranges.then(move |range| {
            let bucket = bucket.clone();
            async move {
                let options = GetOptions::new().with_range(Some(0..range.end.min(length) - range.start));
                let got = bucket.store.get_opts(&bucket.segment(object, range.start), options).await?;
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

/// Joins segments that cover `length` bytes into one object. The segments are removed only once the object is complete.
async fn join(bucket: &Bucket, object: ObjectName, length: u64) -> Result<(), BackendError> {
    let segments = bucket.segments(object).await?;
    if segments.last().map_or(0, |last| last.end) != length {
        return Err(BackendError::Absent(object));
    }
    let target = Target::Whole(None);
    let mut writer = ObjectWriter { bucket: bucket.clone(), object, buffer: BytesMut::new(), target };
    let mut content = bucket.read_segments(object, segments, length);
    while let Some(chunk) = content.try_next().await? {
        writer.write(chunk).await?;
    }
    writer.finish_whole().await?;
    bucket.truncate(object, 0).await?;
    // A process that was killed may have left temporary files of the same join.
    bucket.remove_temporary(object).await
}

/// Where the chunks are written.
enum Target {
    /// To one object: in one request if it is small, in parts otherwise.
    Whole(Option<Box<dyn MultipartUpload>>),
    /// To segments, the next of which begins at this offset.
    Segments(u64),
}

struct ObjectWriter {
    bucket: Bucket,
    object: ObjectName,
    buffer: BytesMut,
    target: Target,
}

impl ObjectWriter {
    /// Sends the first `length` bytes of the buffer.
    async fn send(&mut self, length: usize) -> Result<(), BackendError> {
        let payload = PutPayload::from_bytes(self.buffer.split_to(length).freeze());
        match &mut self.target {
            Target::Whole(Some(upload)) => upload.put_part(payload).await?,
            Target::Whole(none) => {
                let upload = self.bucket.store.put_multipart(&self.bucket.complete(self.object)).await?;
                none.insert(upload).put_part(payload).await?;
            }
            Target::Segments(offset) => {
                self.bucket.store.put(&self.bucket.segment(self.object, *offset), payload).await?;
                *offset += length as u64;
            }
        }
        Ok(())
    }

    async fn finish_whole(mut self) -> Result<(), BackendError> {
        if let Target::Whole(None) = self.target {
            let payload = PutPayload::from_bytes(self.buffer.freeze());
            self.bucket.store.put(&self.bucket.complete(self.object), payload).await?;
            return Ok(());
        }
        self.send(self.buffer.len()).await?;
        if let Target::Whole(Some(mut upload)) = self.target {
            upload.complete().await?;
        }
        Ok(())
    }
}

impl Writer for ObjectWriter {
    fn write(&mut self, chunk: Bytes) -> BackendFuture<'_, ()> {
        Box::pin(async move {
            self.buffer.extend_from_slice(&chunk);
            // A full buffer is kept back, because the last part must not be empty.
            while self.buffer.len() > PART {
                self.send(PART).await?;
            }
            Ok(())
        })
    }

    fn sync(&mut self) -> BackendFuture<'_, ()> {
        Box::pin(async move { if self.buffer.is_empty() { Ok(()) } else { self.send(self.buffer.len()).await } })
    }

    fn finish(mut self: Box<Self>) -> BackendFuture<'static, ()> {
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

    fn discard(mut self: Box<Self>) -> BackendFuture<'static, ()> {
        Box::pin(async move {
            if let Target::Whole(Some(upload)) = &mut self.target {
                upload.abort().await?;
            }
            self.bucket.truncate(self.object, 0).await
        })
    }
}
