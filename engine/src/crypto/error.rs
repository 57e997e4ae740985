//! Errors of sealing and opening. Messages must never contain a key, a passphrase or content.

use thiserror::Error;

use super::limits::{MAX_CHUNK_SIZE, MIN_CHUNK_SIZE};

/// Why content could not be sealed. It is always the caller's error: valid input does not fail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The content is too long.
    #[error("content of {length} bytes exceeds the limit of {limit} bytes; split it, or store it as a blob")]
    TooLong {
        /// Bytes of the content.
        length: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// A name (document id, revision, user, namespace, blob id) is empty or too long for the format.
    #[error("the {what} has {length} bytes, but must have 1 to {limit}")]
    Name {
        /// Which name.
        what: &'static str,
        /// Its bytes.
        length: usize,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The chunk size is outside the range that openers accept.
    #[error("a chunk size of {0} bytes is outside {min} to {max}", min = MIN_CHUNK_SIZE, max = MAX_CHUNK_SIZE)]
    ChunkSize(u32),
    /// A chunk of content does not have the length that follows from the blob's length and chunk size.
    #[error("chunk {index} must have {expected} bytes of content, but has {given}")]
    ChunkLength {
        /// Number of the chunk, from 0.
        index: u64,
        /// Bytes it must have.
        expected: usize,
        /// Bytes it had.
        given: usize,
    },
    /// The blob was finished before its last chunk, or a chunk was added after it.
    #[error("the blob has {chunks} chunks, and {sealed} are sealed")]
    Chunks {
        /// Chunks sealed so far.
        sealed: u64,
        /// Chunks of the whole blob.
        chunks: u64,
    },
    /// The stored header of an earlier sealing does not match the keys, the name or the content's length.
    #[error("the earlier sealing cannot be resumed with this header")]
    Resume(#[source] OpenError),
    /// The cryptographic library failed.
    #[error("the cryptographic library failed to seal")]
    Library,
}

/// Why sealed bytes could not be opened. The bytes come from outside: any input gives at most one of these errors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The bytes are not in this format, or truncated.
    #[error("not a sealed {kind}: {why}")]
    Malformed {
        /// What was expected.
        kind: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The format is newer than this program.
    #[error("sealed {kind} of format version {version}, which this program does not support; update it")]
    Version {
        /// What was expected.
        kind: &'static str,
        /// The version found.
        version: u8,
    },
    /// No cipher has this number.
    #[error("sealed with cipher number {0}, which this program does not support; update it")]
    UnknownCipher(u8),
    /// The header of the sealed blob names another blob.
    #[error("the sealed blob is not the requested one: its user, namespace or id differs")]
    AnotherBlob,
    /// The key is wrong, or the bytes were altered, or they belong to another id, revision or position.
    #[error("{what} failed verification: it was altered, misplaced, or sealed with other keys")]
    Unverified {
        /// Which part.
        what: &'static str,
    },
    /// There is no such chunk.
    #[error("the blob has {chunks} chunks, but chunk {index} was requested")]
    NoSuchChunk {
        /// The requested chunk, from 0.
        index: u64,
        /// Chunks of the whole blob.
        chunks: u64,
    },
    /// The blob ended before its last chunk.
    #[error("the blob is truncated: {opened} of {chunks} chunks")]
    Truncated {
        /// Chunks opened so far.
        opened: u64,
        /// Chunks of the whole blob.
        chunks: u64,
    },
}

/// Checks that a name fits the format.
pub(super) fn check_name(what: &'static str, name: &str, limit: usize) -> Result<(), SealError> {
    if (1..=limit).contains(&name.len()) { Ok(()) } else { Err(SealError::Name { what, length: name.len(), limit }) }
}
