//! Sealing into a store and opening from it, a few chunks at a time.

use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{BlobError, WRITE};
use crate::crypto::{BlobName, BlobOpener, BlobSealer, BlobSettings, Keys, OpenError, SealError};
use crate::pool::{OpenChunks, Pool, SharedBlob, Work};
use crate::store::{BlobAddress, BlobStore, Content, ContentId};

/// Sealed bytes that are opened where they are read: tens of microseconds.
const ON_THE_SPOT: u64 = 130 << 10;

/// A blob's name, and what seals and opens it.
#[derive(Clone, Copy)]
pub(in crate::client) struct Sealed<'a> {
    pub(super) keys: &'a Keys,
    pub(super) user: &'a str,
    pub(super) address: &'a BlobAddress,
}

impl<'a> Sealed<'a> {
    /// The name that the sealed blob carries.
    pub(in crate::client) fn name(&self) -> BlobName<'a> {
        BlobName { user: self.user, namespace: self.address.namespace(), id: self.address.id() }
    }

    /// Reads the beginning of the sealed blob.
    pub(in crate::client) fn opener(&self, prelude: &[u8]) -> Result<BlobOpener, OpenError> {
        BlobOpener::new(self.keys, self.name(), prelude)
    }

    /// Seals `length` bytes of `content` into the store.
    pub(super) async fn seal(
        &self,
        store: &dyn BlobStore,
        settings: BlobSettings,
        length: u64,
        mut content: impl AsyncRead + Unpin,
    ) -> Result<Content, BlobError> {
        let cannot = |source: SealError| BlobError::Seal { address: self.address.clone(), source };
        let wrong_length = || BlobError::Length { address: self.address.clone(), length };
        let mut sealer = BlobSealer::new(self.keys, self.name(), length, settings).map_err(cannot)?;
        let mut stored = Storing::new(store, sealer.layout().sealed_len());
        stored.push(sealer.prelude());
        let mut chunk = Vec::new();
        while let Some(next) = sealer.next_len() {
            chunk.resize(next, 0);
            if let Err(source) = content.read_exact(&mut chunk).await {
                if source.kind() == std::io::ErrorKind::UnexpectedEof {
                    return Err(wrong_length());
                }
                return Err(BlobError::Io { what: "the content of a blob cannot be read", source });
            }
            sealer.seal_next(&mut chunk).map_err(cannot)?;
            stored.push(&chunk);
            stored.flush(false).await?;
        }
        sealer.finish().map_err(cannot)?;
        let more = content.read(&mut [0]).await;
        if more.map_err(|source| BlobError::Io { what: "the content of a blob cannot be read", source })? > 0 {
            return Err(wrong_length());
        }
        stored.flush(true).await?;
        Ok(stored.finish())
    }

    /// Opens the bytes of the content in `range`, or all of them, into `writer`, and gives how many they were.
    pub(super) async fn open(
        &self,
        store: &dyn BlobStore,
        pool: &Pool,
        content: ContentId,
        range: Option<Range<u64>>,
        mut writer: impl AsyncWrite + Unpin,
    ) -> Result<u64, BlobError> {
        let cannot = |source: OpenError| BlobError::Open { address: self.address.clone(), source };
        let prelude = store.read(content, 0..self.name().prelude_len() as u64).await?;
        let blob = Arc::new(SharedBlob::new(&self.keys.blobs, self.name(), &prelude).map_err(cannot)?);
        let layout = *blob.opener().layout();
        let range = range.unwrap_or(0..layout.content_len());
        if range.start > range.end || range.end > layout.content_len() {
            return Err(BlobError::Range { address: self.address.clone(), length: layout.content_len() });
        }
        let in_a_window = (WRITE / u64::from(layout.chunk_size())).max(1);
        let mut at = range.start;
        while at < range.end {
            let first = layout.chunk_at(at);
            let last = layout.chunk_at(range.end - 1).min(first + in_a_window - 1);
            let sealed = layout.sealed_range(first).start..layout.sealed_range(last).end;
            let window = Vec::from(store.read(content, sealed.clone()).await?);
            let work = OpenChunks { blob: blob.clone(), first, window };
            // A hop to the pool costs more than a chunk or two.
            let here = sealed.end - sealed.start <= ON_THE_SPOT;
            let opened = if here { work.perform() } else { pool.run(work).await? };
            let window = opened.map_err(cannot)?;
            for index in first..=last {
                let chunk = &window[(layout.sealed_range(index).start - sealed.start) as usize..];
                let here = layout.content_range(index);
                let wanted = (at - here.start) as usize..(range.end.min(here.end) - here.start) as usize;
                at = range.end.min(here.end);
                let written = writer.write_all(&chunk[wanted]).await;
                written.map_err(|source| BlobError::Io { what: "an opened blob cannot be written", source })?;
            }
        }
        writer.flush().await.map_err(|source| BlobError::Io { what: "an opened blob cannot be written", source })?;
        Ok(range.end - range.start)
    }
}

/// Sealed bytes on their way into a store.
struct Storing<'a> {
    store: &'a dyn BlobStore,
    content: ContentId,
    total: u64,
    /// Bytes in the store.
    at: u64,
    waiting: BytesMut,
    digest: Context,
}

impl<'a> Storing<'a> {
    fn new(store: &'a dyn BlobStore, total: u64) -> Self {
        let content = ContentId::generate();
        Self { store, content, total, at: 0, waiting: BytesMut::new(), digest: Context::new(&SHA256) }
    }

    fn push(&mut self, sealed: &[u8]) {
        self.digest.update(sealed);
        self.waiting.extend_from_slice(sealed);
    }

    /// Writes what ends where writes cost least, or everything.
    async fn flush(&mut self, all: bool) -> Result<(), BlobError> {
        let reached = self.at + self.waiting.len() as u64;
        let end = if all { reached } else { (reached - reached % WRITE).min(self.total.saturating_sub(1)) };
        if end > self.at {
            let bytes = self.waiting.split_to((end - self.at) as usize).freeze();
            self.store.write(self.content, self.total, self.at, bytes).await?;
            self.at = end;
        }
        Ok(())
    }

    fn finish(self) -> Content {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.digest.finish().as_ref());
        Content { id: self.content, sealed_length: Some(self.total), digest: Some(digest) }
    }
}
