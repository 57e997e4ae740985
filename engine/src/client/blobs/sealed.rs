//! Sealing into a store and opening from it, a few chunks at a time.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{BlobError, WRITE};
use crate::crypto::{BlobName, BlobOpener, BlobSealer, BlobSettings, Keys, OpenError, SealError};
use crate::pool::{OpenChunks, Pool, SharedBlob, Work};
use crate::store::{BlobAddress, BlobStore, BlobStoreError, Content, ContentId, Entering};

/// Sealed bytes that are opened where they are read: tens of microseconds.
pub(super) const ON_THE_SPOT: u64 = 130 << 10;

/// Bytes of content that are read and sealed at once, a fraction of a millisecond's work. Whoever reads from a file pays a hop
/// to another thread for each.
const READ: usize = 256 << 10;

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

    /// Seals `length` bytes of `content`. What fits into one write is for the caller to enter into the store together with
    /// what names it; the rest is stored already.
    pub(super) async fn seal(
        &self,
        store: &dyn BlobStore,
        settings: BlobSettings,
        length: u64,
        mut content: impl AsyncRead + Unpin,
    ) -> Result<(Content, Entering), BlobError> {
        let cannot = |source: SealError| BlobError::Seal { address: self.address.clone(), source };
        let wrong_length = || BlobError::Length { address: self.address.clone(), length };
        let cannot_read = |source: std::io::Error| match source.kind() {
            ErrorKind::UnexpectedEof => wrong_length(),
            _ => BlobError::Io { what: "the content of a blob cannot be read", source },
        };
        let mut sealer = BlobSealer::new(self.keys, self.name(), length, settings).map_err(cannot)?;
        let mut stored = Storing::new(store, sealer.layout().sealed_len());
        stored.push(sealer.prelude());
        let mut window = Window::of(&sealer);
        while sealer.next_len().is_some() {
            // What is sealed is written while more is read and sealed.
            let writing = stored.write_ready();
            let sealing = async {
                while stored.waiting.len() < WRITE as usize && sealer.next_len().is_some() {
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

    /// Opens the bytes of the content in `range`, or all of them, into `writer`, and gives how many they were. All of its
    /// sealed bytes may be at hand already, if it is `small`.
    pub(super) async fn open(
        &self,
        store: &dyn BlobStore,
        pool: &Pool,
        content: &Content,
        small: Option<Bytes>,
        range: Option<Range<u64>>,
        mut writer: impl AsyncWrite + Unpin,
    ) -> Result<u64, BlobError> {
        let cannot = |source: OpenError| BlobError::Open { address: self.address.clone(), source };
        let cannot_write = |source| BlobError::Io { what: "an opened blob cannot be written", source };
        let prelude_len = self.name().prelude_len();
        // What is small is read at once.
        let length = content.sealed_length.filter(|length| *length <= ON_THE_SPOT).unwrap_or(0);
        let beginning = match small {
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
        let in_a_window = (WRITE / u64::from(layout.chunk_size())).max(1);
        // The bytes of the content that come in one window with the one at `at`, and themselves.
        let open_at = async |at: u64| -> Result<(Range<u64>, Vec<u8>), BlobError> {
            let first = layout.chunk_at(at);
            let last = layout.chunk_at(range.end - 1).min(first + in_a_window - 1);
            let sealed = layout.sealed_range(first).start..layout.sealed_range(last).end;
            let window = match beginning.get(sealed.start as usize..sealed.end as usize) {
                Some(window) => window.to_vec(),
                None => Vec::from(store.read(content.id, sealed.clone()).await?),
            };
            let work = OpenChunks { blob: blob.clone(), first, window };
            // A hop to the pool costs more than a chunk or two.
            let here = sealed.end - sealed.start <= ON_THE_SPOT;
            let opened = if here { work.perform() } else { pool.run(work).await? };
            let inside = layout.content_range(first).start..layout.content_range(last).end;
            Ok((inside, opened.map_err(cannot)?))
        };
        let mut next = if range.is_empty() { None } else { Some(open_at(range.start).await?) };
        while let Some((inside, opened)) = next {
            let wanted = inside.start.max(range.start)..inside.end.min(range.end);
            let wanted = (wanted.start - inside.start) as usize..(wanted.end - inside.start) as usize;
            // What is open is written while more is opened.
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

/// Some chunks of content, read at once and sealed one by one.
struct Window {
    /// Bytes of content that were not read yet.
    left: u64,
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
        Self { left: sealer.layout().content_len(), chunks, chunk_size, content: Vec::new(), sealed: Vec::new() }
    }

    /// Reads the content of the next chunks, as far as there is any.
    async fn read(&mut self, content: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
        let length = self.left.min((self.chunks * self.chunk_size) as u64);
        self.left -= length;
        self.content.resize(length as usize, 0);
        content.read_exact(&mut self.content).await.map(drop)
    }

    /// Seals them.
    fn seal(&mut self, sealer: &mut BlobSealer, stored: &mut Storing<'_>) -> Result<(), SealError> {
        let mut rest = &self.content[..];
        for _ in 0..self.chunks {
            let Some(next) = sealer.next_len() else { break };
            // Behind the content comes padding, whose chunks have no content.
            let (content, later) = rest.split_at(next.min(rest.len()));
            sealer.seal_next_from(content, &mut self.sealed)?;
            stored.push(&self.sealed);
            rest = later;
        }
        Ok(())
    }
}

/// Sealed bytes on their way into a store.
struct Storing<'a> {
    store: &'a dyn BlobStore,
    content: ContentId,
    total: u64,
    /// Bytes in the store, or on their way there.
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

    /// Takes what ends where writes cost least, but never the last bytes, and writes it: while that is done, more may be
    /// pushed.
    fn write_ready(&mut self) -> impl Future<Output = Result<(), BlobStoreError>> + use<'a> {
        let reached = self.at + self.waiting.len() as u64;
        let end = (reached - reached % WRITE).min(self.total.saturating_sub(1)).max(self.at);
        let bytes = self.waiting.split_to((end - self.at) as usize).freeze();
        let (store, content, total, at) = (self.store, self.content, self.total, self.at);
        self.at = end;
        async move { if bytes.is_empty() { Ok(()) } else { store.write(content, total, at, bytes).await } }
    }

    /// Writes the last bytes, or leaves that to the transaction of the index where they are the only ones.
    async fn finish(self) -> Result<(Content, Entering), BlobStoreError> {
        let bytes = self.waiting.freeze();
        let entry = if self.at == 0 {
            self.store.enter(self.content, bytes).await?
        } else {
            self.store.write(self.content, self.total, self.at, bytes).await?;
            Box::new(|_: &_| Ok(()))
        };
        let mut digest = [0; 32];
        digest.copy_from_slice(self.digest.finish().as_ref());
        Ok((Content { id: self.content, sealed_length: Some(self.total), digest: Some(digest) }, entry))
    }
}
