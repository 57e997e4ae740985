//! What every store of blob contents on a device must promise. A store knows neither names nor keys: it holds sealed
//! bytes under random ids, and the index says what they are.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::Connection;

use super::BlobStoreError;

/// Names the sealed bytes of one blob on this device. A new one is drawn whenever content is stored, so an id never
/// means two things, not even across a crash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ContentId(u128);

impl ContentId {
    /// An id that nothing has.
    pub(crate) fn generate() -> Self {
        Self(uuid::Uuid::new_v4().as_u128())
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Reads what `Display` wrote, in that one spelling.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = Self(u128::from_str_radix(text, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How much of a content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Bytes from the start on.
    pub(crate) length: u64,
    /// Whether that is all of it, durably.
    pub(crate) whole: bool,
}

/// What a store answers, later.
pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, BlobStoreError>>;

/// What a store does in a transaction of the index.
pub(crate) type Entering = Box<dyn FnOnce(&Connection) -> Result<(), BlobStoreError> + Send>;

/// Holds contents. `store_tests` says in code what every implementation promises:
///
/// - A content is a part until the write that reaches its last byte; then it is whole, and durable when that write
///   returns. A crash leaves a whole content, a part, or nothing, and never something else that calls itself whole.
/// - A part survives a crash as a beginning of what was written. Only its reader can tell whether its bytes are right.
/// - Memory does not grow with the length of a content.
pub(crate) trait BlobStore: Send + Sync {
    /// Writes `bytes` of a content of `total` bytes at `offset`, which is at most what is stored of it. What stood behind
    /// is dropped. The write that reaches `total` makes the content whole.
    fn write(&self, content: ContentId, total: u64, offset: u64, bytes: Bytes) -> Answer<'_, ()>;

    /// Stores a whole content of at most 1 MiB that nothing is stored of. What is left to do when this returns belongs into
    /// the transaction of the index that names it; a store in the same database does all of its work there.
    fn enter(&self, content: ContentId, bytes: Bytes) -> Answer<'_, Entering>;

    /// The bytes in `range`, of a part too. The caller bounds the range: it is all held in memory.
    fn read(&self, content: ContentId, range: Range<u64>) -> Answer<'_, Bytes>;

    /// All bytes of a content of this length, read in the index's own look at the database; `None` where they do not lie
    /// there, or are not all there.
    fn read_beside(
        &self,
        _index: &Connection,
        _content: ContentId,
        _length: u64,
    ) -> Result<Option<Bytes>, BlobStoreError> {
        Ok(None)
    }

    /// How much is stored; `None` where nothing is.
    fn stored(&self, content: ContentId) -> Answer<'_, Option<Stored>>;

    /// Removes a content or a part, if it is there.
    fn remove(&self, content: ContentId) -> Answer<'_, ()>;

    /// Every content and part, in no order.
    fn list(&self) -> Answer<'_, Vec<ContentId>>;
}

/// Checks a write against what is stored, before anything is changed.
pub(super) fn check_write(stored: Option<Stored>, total: u64, offset: u64, bytes: &[u8]) -> Result<(), BlobStoreError> {
    let length = stored.map_or(0, |stored| stored.length);
    let whole = stored.is_some_and(|stored| stored.whole);
    let end = offset.saturating_add(bytes.len() as u64);
    if whole || offset > length || end > total { Err(BlobStoreError::Gap { length, offset: end }) } else { Ok(()) }
}
