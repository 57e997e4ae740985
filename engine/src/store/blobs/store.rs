//! The contract of every store of blob contents on a device. A store knows neither names nor keys: it holds sealed bytes
//! under random ids, and the index maps blobs to them.

use std::ops::Range;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::Connection;

use super::{BlobStoreError, ContentId};

/// Writes that end at multiples of this many bytes are the most efficient ones.
pub(crate) const WRITE_SIZE: u64 = 1 << 20;

/// How much of a content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Stored bytes, from the start.
    pub(crate) length: u64,
    /// Whether these are the whole content, durably.
    pub(crate) whole: bool,
}

/// The future of a store's result.
pub(super) type StoreFuture<'a, T> = BoxFuture<'a, Result<T, BlobStoreError>>;

/// The part of an insertion that runs in a transaction of the index.
pub(crate) type Insertion = Box<dyn FnOnce(&Connection) -> Result<(), BlobStoreError> + Send>;

/// Holds contents. `store_tests` checks what every implementation guarantees:
///
/// - A content is a part until the write that reaches its last byte; then it is whole, and durable when that write
///   returns. A crash leaves a whole content, a part, or nothing; never anything else that counts as whole.
/// - A part survives a crash as a prefix of what was written. Only its reader can verify its bytes.
/// - Memory use does not grow with the length of a content.
pub(crate) trait BlobStore: Send + Sync {
    /// Writes `bytes` of a content of `total` bytes at `offset`, which is at most the stored length. Bytes stored after
    /// `offset` are dropped first. The write that reaches `total` makes the content whole.
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> StoreFuture<'_, ()>;

    /// Stores a new, whole content of at most 1 MiB. The caller runs the returned insertion in the transaction of the index
    /// that names the content; a store in the same database does all of its work there.
    fn insert_whole(&self, content: ContentId, bytes: Bytes) -> StoreFuture<'_, Insertion>;

    /// The bytes in `range`, also of a part. The caller bounds the range: all of it is held in memory.
    fn read(&self, content: ContentId, range: Range<u64>) -> StoreFuture<'_, Bytes>;

    /// All bytes of a content of this length, read with the index's connection; `None` where they are not in its database, or
    /// not complete.
    fn read_inline(
        &self,
        _index: &Connection,
        _content: ContentId,
        _length: u64,
    ) -> Result<Option<Bytes>, BlobStoreError> {
        Ok(None)
    }

    /// How much is stored; `None` where nothing is.
    fn stored(&self, content: ContentId) -> StoreFuture<'_, Option<Stored>>;

    /// Removes a content or a part, if it exists.
    fn remove(&self, content: ContentId) -> StoreFuture<'_, ()>;

    /// Every content and part, in any order.
    fn list(&self) -> StoreFuture<'_, Vec<ContentId>>;
}

/// Checks a write against what is stored, before anything is changed.
pub(super) fn check_write(stored: Option<Stored>, total: u64, offset: u64, bytes: &[u8]) -> Result<(), BlobStoreError> {
    let length = stored.map_or(0, |stored| stored.length);
    let whole = stored.is_some_and(|stored| stored.whole);
    let end = offset.saturating_add(bytes.len() as u64);
    if whole || offset > length || end > total { Err(BlobStoreError::Gap { length, offset: end }) } else { Ok(()) }
}
