//! Seals blobs into a store and opens them from it, a few chunks at a time.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::BlobError;
use crate::crypto::{BlobName, BlobOpener, BlobSealer, BlobSettings, Keys, OpenError, SealError};
use crate::pool::{OpenChunks, Pool, SharedBlob, Work};
use crate::store::{BlobAddress, BlobStore, BlobStoreError, Content, ContentId, Insertion, WRITE_SIZE};

/// Up to this many sealed bytes are opened on the calling task: it takes tens of microseconds.
pub(super) const OPENED_INLINE: u64 = 130 << 10;

/// Bytes of content that are read and sealed at once, in a fraction of a millisecond. Each read from a file costs a hop to
/// another thread.
const READ: usize = 256 << 10;

/// A blob's name, and the keys that seal and open it.
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

    /// Seals `length` bytes of `content` into the store. The caller runs the returned insertion in the transaction that names
    /// the content.
    pub(super) async fn seal(
        &self,
        store: &dyn BlobStore,
        settings: BlobSettings,
        length: u64,
        mut content: impl AsyncRead + Unpin,
    ) -> Result<(Content, Insertion), BlobError> {
        let cannot = |source: SealError| BlobError::Seal { address: self.address.clone(), source };
        let wrong_length = || BlobError::Length { address: self.address.clone(), length };
        let cannot_read = |source: std::io::Error| match source.kind() {
            ErrorKind::UnexpectedEof => wrong_length(),
            _ => BlobError::Io { what: "the content of the blob cannot be read", source },
        };
        let mut sealer = BlobSealer::new(self.keys, self.name(), length, settings).map_err(cannot)?;
        let mut stored = StoreWriter::new(store, sealer.layout().sealed_len());
        stored.push(sealer.prelude());
        let mut window = Window::of(&sealer);
        while sealer.next_len().is_some() {
            // Sealed bytes are written while more are read and sealed.
            let writing = stored.write_ready();
            let sealing = async {
                while stored.waiting.len() < WRITE_SIZE as usize && sealer.next_len().is_some() {
                    window.read(&mut content).await.map_err(cannot_read)?;
                    window.seal(&mut sealer, &mut stored).map_err(cannot)?;
                }
                Ok::<_, BlobError>(())
            };
            let (written, sealed) = tokio::join!(writing, sealing);
            written?;
            sealed?;
        }
        sealer.finish().map_err(cannot)?;
        if content.read(&mut [0]).await.map_err(cannot_read)? > 0 {
            return Err(wrong_length());
        }
        stored.write_ready().await?;
        Ok(stored.finish().await?)
    }

    /// Opens the bytes of the content in `range`, or all of them, into `writer`, and returns how many they were. `inline` has
    /// all sealed bytes of a small blob, if they were read with its record.
    pub(super) async fn open(
        &self,
        store: &dyn BlobStore,
        pool: &Pool,
        content: &Content,
        inline: Option<Bytes>,
        range: Option<Range<u64>>,
        mut writer: impl AsyncWrite + Unpin,
    ) -> Result<u64, BlobError> {
        let cannot = |source: OpenError| BlobError::Open { address: self.address.clone(), source };
        let cannot_write = |source| BlobError::Io { what: "the opened blob cannot be written", source };
        let prelude_len = self.name().prelude_len();
        // A small blob is read at once.
        let length = content.sealed_length.filter(|length| *length <= OPENED_INLINE).unwrap_or(0);
        let beginning = match inline {
            Some(all) => all,
            None => store.read(content.id, 0..length.max(prelude_len as u64)).await?,
        };
        let prelude = beginning.get(..prelude_len).unwrap_or_default();
        let blob = Arc::new(SharedBlob::new(&self.keys.blobs, self.name(), prelude).map_err(cannot)?);
        let layout = *blob.opener().layout();
        let range = range.unwrap_or(0..layout.content_len());
        if range.start > range.end || range.end > layout.content_len() {
            return Err(BlobError::Range { address: self.address.clone(), length: layout.content_len() });
        }
        let chunks_per_window = (WRITE_SIZE / u64::from(layout.chunk_size())).max(1);
        // Opens the window that holds the byte at `at`: its range of the content, and its bytes.
        let open_at = async |at: u64| -> Result<(Range<u64>, Vec<u8>), BlobError> {
            let first = layout.chunk_at(at);
            let last = layout.chunk_at(range.end - 1).min(first + chunks_per_window - 1);
            let sealed = layout.sealed_range(first).start..layout.sealed_range(last).end;
            let window = match beginning.get(sealed.start as usize..sealed.end as usize) {
                Some(window) => window.to_vec(),
                None => Vec::from(store.read(content.id, sealed.clone()).await?),
            };
            let work = OpenChunks { blob: blob.clone(), first, window };
            // For a chunk or two, a hop to the pool costs more than the work.
            let inline = sealed.end - sealed.start <= OPENED_INLINE;
            let opened = if inline { work.perform() } else { pool.run(work).await? };
            let inside = layout.content_range(first).start..layout.content_range(last).end;
            Ok((inside, opened.map_err(cannot)?))
        };
        let mut next = if range.is_empty() { None } else { Some(open_at(range.start).await?) };
        while let Some((inside, opened)) = next {
            let wanted = inside.start.max(range.start)..inside.end.min(range.end);
            let wanted = (wanted.start - inside.start) as usize..(wanted.end - inside.start) as usize;
            // Opened bytes are written while more are opened.
            let opening = async {
                let more = inside.end < range.end;
                if more { open_at(inside.end).await.map(Some) } else { Ok(None) }
            };
            let (written, opened) = tokio::join!(writer.write_all(&opened[wanted]), opening);
            written.map_err(cannot_write)?;
            next = opened?;
        }
        writer.flush().await.map_err(cannot_write)?;
        Ok(range.end - range.start)
    }
}

/// Chunks of content that are read at once and sealed one by one.
struct Window {
    /// Bytes of content that were not read yet.
    remaining: u64,
    chunks: usize,
    chunk_size: usize,
    content: Vec<u8>,
    /// One sealed chunk.
    sealed: Vec<u8>,
}

impl Window {
    fn of(sealer: &BlobSealer) -> Self {
        let chunk_size = sealer.layout().chunk_size() as usize;
        let chunks = (READ / chunk_size).max(1);
        Self { remaining: sealer.layout().content_len(), chunks, chunk_size, content: Vec::new(), sealed: Vec::new() }
    }

    /// Reads the content of the next chunks, as far as there is any.
    async fn read(&mut self, content: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
        let length = self.remaining.min((self.chunks * self.chunk_size) as u64);
        self.remaining -= length;
        self.content.resize(length as usize, 0);
        content.read_exact(&mut self.content).await.map(drop)
    }

    /// Seals them.
    fn seal(&mut self, sealer: &mut BlobSealer, stored: &mut StoreWriter<'_>) -> Result<(), SealError> {
        let mut rest = &self.content[..];
        for _ in 0..self.chunks {
            let Some(next) = sealer.next_len() else { break };
            // After the content there are chunks of padding without content.
            let (content, later) = rest.split_at(next.min(rest.len()));
            sealer.seal_next_from(content, &mut self.sealed)?;
            stored.push(&self.sealed);
            rest = later;
        }
        Ok(())
    }
}

/// Writes sealed bytes to a store.
struct StoreWriter<'a> {
    store: &'a dyn BlobStore,
    content: ContentId,
    total: u64,
    /// Bytes written, or being written.
    at: u64,
    waiting: BytesMut,
    digest: Context,
}

impl<'a> StoreWriter<'a> {
    fn new(store: &'a dyn BlobStore, total: u64) -> Self {
        let content = ContentId::generate();
        Self { store, content, total, at: 0, waiting: BytesMut::new(), digest: Context::new(&SHA256) }
    }

    fn push(&mut self, sealed: &[u8]) {
        self.digest.update(sealed);
        self.waiting.extend_from_slice(sealed);
    }

    /// Writes up to a multiple of the efficient write size, but never the last bytes. More may be pushed meanwhile.
    fn write_ready(&mut self) -> impl Future<Output = Result<(), BlobStoreError>> + use<'a> {
        let reached = self.at + self.waiting.len() as u64;
        let end = (reached - reached % WRITE_SIZE).min(self.total.saturating_sub(1)).max(self.at);
        let bytes = self.waiting.split_to((end - self.at) as usize).freeze();
        let (store, content, total, at) = (self.store, self.content, self.total, self.at);
        self.at = end;
        async move { if bytes.is_empty() { Ok(()) } else { store.write(content, total, at, bytes).await } }
    }

    /// Writes the last bytes, or leaves a small content whole to the transaction of the index.
    async fn finish(self) -> Result<(Content, Insertion), BlobStoreError> {
        let bytes = self.waiting.freeze();
        let insertion = if self.at == 0 {
            self.store.insert_whole(self.content, bytes).await?
        } else {
            self.store.write(self.content, self.total, self.at, bytes).await?;
            Box::new(|_: &_| Ok(()))
        };
        let mut digest = [0; 32];
        digest.copy_from_slice(self.digest.finish().as_ref());
        Ok((Content { id: self.content, sealed_length: Some(self.total), digest: Some(digest) }, insertion))
    }
}
