//! Where contents of blobs are kept, as seen by everything above: `docs/STORAGE.md` says what each promise means and the
//! conformance tests hold every backend to them. A backend knows no names of users or blobs and must decide nothing:
//! what exists, and for whom, is the database's word alone.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// The name of a content: the number of the user it belongs to, the process that made it, and a serial number of that
/// process. None is ever used again, so nothing that concerns a deleted content can hit a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The user's number.
    pub user: i64,
    /// The process that made it.
    pub process: u64,
    /// Its place among those of that process.
    pub serial: u64,
}

impl ObjectName {
    /// The object of this user whose [`fmt::Display`] reads `text`.
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

/// A backend could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// There is no such content, or less of it than asked for.
    #[error("content {0} is not there, or not all of it")]
    Absent(ObjectName),
    /// The file system failed.
    #[error("content {object}: {source}")]
    Io {
        /// Which content.
        object: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The object store failed.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
    /// The address of the object store makes no sense.
    #[error("setting blobs.server_backend: {0}: write file:///a/folder or s3://bucket/prefix")]
    Address(String),
}

/// What a backend does, and how that went.
pub type Doing<'a, T> = BoxFuture<'a, Result<T, BackendError>>;

/// A content as it is read.
pub type Content = BoxStream<'static, Result<Bytes, BackendError>>;

/// How a content is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In one go: it becomes whole or nothing of it stays.
    Whole,
    /// With pauses: go on at this offset, which is 0 or was made durable by [`Writer::sync`]. What is behind it is dropped.
    At(u64),
}

/// A store of contents.
pub trait Backend: Send + Sync + 'static {
    /// Begins to write a content, or goes on with one. Nobody else may be writing it.
    fn write(&self, object: ObjectName, start: Start) -> Doing<'_, Box<dyn Writer>>;

    /// Reads a range that is not empty of a whole content.
    fn read(&self, object: ObjectName, range: Range<u64>) -> Doing<'_, Content>;

    /// Reads the first `length` bytes of a content that was begun with [`Start::At`] and is not whole yet.
    fn read_partial(&self, object: ObjectName, length: u64) -> Doing<'_, Content>;

    /// Removes a content, whole or not. One that is not there is removed already.
    fn delete(&self, object: ObjectName) -> Doing<'_, ()>;

    /// All contents of a user, whole or not, in no order.
    fn list(&self, user: i64) -> Doing<'_, Vec<ObjectName>>;
}

/// A content that is being written. Dropping it is what the end of the process would be: what was synced stays, anything
/// else may stay or not.
pub trait Writer: Send {
    /// Appends a piece.
    fn write(&mut self, piece: Bytes) -> Doing<'_, ()>;

    /// Makes all that was written so far durable, so that [`Start::At`] can go on there. Only for what was begun so.
    fn sync(&mut self) -> Doing<'_, ()>;

    /// Makes the content whole: durable first, and only then readable.
    fn finish(self: Box<Self>) -> Doing<'static, ()>;

    /// Removes all that was written, earlier too.
    fn discard(self: Box<Self>) -> Doing<'static, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_spelling_only() {
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
