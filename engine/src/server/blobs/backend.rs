//! The interface of backends, which store contents of blobs. `docs/STORAGE.md` explains what each method guarantees, and the
//! conformance tests check every backend. A backend knows no names of users or blobs: only the database decides which blobs
//! exist, and for whom.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// The name of a content: the number of the user it belongs to, the process that created it, and a serial number of that
/// process. Names are never reused, so no operation on a deleted content can affect a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The user's number.
    pub user: i64,
    /// The process that created it.
    pub process: u64,
    /// The serial number within that process.
    pub serial: u64,
}

impl ObjectName {
    /// The name of this user's object that [`fmt::Display`] formats as `text`.
    pub fn parse(user: i64, text: &str) -> Option<Self> {
        let digits = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
        let name = Self { user, process: digits(text.get(..16))?, serial: digits(text.get(16..))? };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for ObjectName {
    /// 32 hexadecimal digits, without the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.process, self.serial)
    }
}

/// A backend failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The content does not exist, or is shorter than requested.
    #[error("content {0} is missing or incomplete")]
    Absent(ObjectName),
    /// The file system failed.
    #[error("content {object}: {source}")]
    Io {
        /// Which content.
        object: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The object store failed.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
    /// The address of the object store is invalid.
    #[error("setting blobs.server_backend: {0}: use file:///a/folder or s3://bucket/prefix")]
    Address(String),
}

/// The future of a backend operation.
pub type BackendFuture<'a, T> = BoxFuture<'a, Result<T, BackendError>>;

/// The stream of a content that is read.
pub type Content = BoxStream<'static, Result<Bytes, BackendError>>;

/// How writing a content begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In one go: the content becomes complete, or nothing of it is kept.
    Whole,
    /// In several steps: at this offset, which is 0 or was made durable by [`Writer::sync`]. Bytes after it are discarded.
    At(u64),
}

/// A store of contents.
pub trait Backend: Send + Sync + 'static {
    /// Begins or resumes writing a content. No other writer may exist.
    fn write(&self, object: ObjectName, start: Start) -> BackendFuture<'_, Box<dyn Writer>>;

    /// Reads a non-empty range of a complete content.
    fn read(&self, object: ObjectName, range: Range<u64>) -> BackendFuture<'_, Content>;

    /// Reads the first `length` bytes of a content that was begun with [`Start::At`] and is not complete yet.
    fn read_partial(&self, object: ObjectName, length: u64) -> BackendFuture<'_, Content>;

    /// Removes a content, complete or not. It succeeds if the content does not exist.
    fn delete(&self, object: ObjectName) -> BackendFuture<'_, ()>;

    /// All contents of a user, complete or not, in no particular order.
    fn list(&self, user: i64) -> BackendFuture<'_, Vec<ObjectName>>;
}

/// Writes a content. Dropping it has the same effect as a crash of the process: what was synced is kept, anything else may
/// or may not be.
pub trait Writer: Send {
    /// Appends a chunk.
    fn write(&mut self, chunk: Bytes) -> BackendFuture<'_, ()>;

    /// Makes everything written so far durable, so that [`Start::At`] can resume there. Only for contents that were begun with
    /// [`Start::At`].
    fn sync(&mut self) -> BackendFuture<'_, ()>;

    /// Completes the content: it becomes durable first, and only then readable.
    fn finish(self: Box<Self>) -> BackendFuture<'static, ()>;

    /// Removes everything that was written, including earlier steps.
    fn discard(self: Box<Self>) -> BackendFuture<'static, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_exactly_one_spelling() {
        let name = ObjectName { user: 7, process: 0xab, serial: 1 };
        assert_eq!(name.to_string(), "00000000000000ab0000000000000001");
        assert_eq!(ObjectName::parse(7, &name.to_string()), Some(name));
        for other in [
            "",
            "ab",
            "00000000000000AB0000000000000001",
            "00000000000000ab000000000000001é",
            "+0000000000000ab0000000000000001",
        ] {
            assert_eq!(ObjectName::parse(7, other), None, "{other}");
        }
    }
}
