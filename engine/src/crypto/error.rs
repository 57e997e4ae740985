//! Why something could not be sealed or opened. Messages must never contain a key, a passphrase or content.

use thiserror::Error;

/// Why content could not be sealed. Always the caller's doing: nothing that is in range fails.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The content is longer than this kind of thing may be.
    #[error("content of {length} bytes is over the limit of {limit} bytes; split it, or store it as a blob")]
    TooLong {
        /// Bytes of the content.
        length: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// A name (document id, revision, user, namespace, blob id) is empty or too long for the format.
    #[error("the {what} has {length} bytes, and must have 1 to {limit}")]
    Name {
        /// Which name.
        what: &'static str,
        /// Its bytes.
        length: usize,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The chunk size is outside the range that openers accept.
    #[error("a chunk size of {0} bytes is outside {min} to {max}", min = super::MIN_CHUNK_SIZE, max = super::MAX_CHUNK_SIZE)]
    ChunkSize(u32),
    /// A chunk of content was not as long as the blob's length and chunk size say.
    #[error("chunk {index} must have {expected} bytes of content and was given {given}")]
    ChunkLength {
        /// Number of the chunk, from 0.
        index: u64,
        /// Bytes it must have.
        expected: usize,
        /// Bytes it had.
        given: usize,
    },
    /// The blob was finished, or read as finished, before its last chunk; or a chunk was offered after it.
    #[error("{sealed} of the blob's {chunks} chunks are sealed")]
    Chunks {
        /// Chunks sealed so far.
        sealed: u64,
        /// Chunks of the whole blob.
        chunks: u64,
    },
    /// The stored header of a blob sealed before does not fit the keys, the name or the content's length.
    #[error("the header of the earlier sealing cannot be used again")]
    Again(#[source] OpenError),
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed to seal")]
    Library,
}

/// Why sealed bytes could not be opened. They come from outside: whatever they are, this is the worst that happens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The bytes are not of this format, or cut short.
    #[error("not a sealed {kind}: {why}")]
    Malformed {
        /// What was expected.
        kind: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The format is newer than this program.
    #[error("sealed {kind} of format version {version}, which this program does not know; update it")]
    Version {
        /// What was expected.
        kind: &'static str,
        /// The version found.
        version: u8,
    },
    /// No cipher has this number.
    #[error("sealed with cipher number {0}, which this program does not know; update it")]
    UnknownCipher(u8),
    /// A sealed blob whose header names another one.
    #[error("the sealed blob is not the one asked for: its user, namespace or id differs")]
    AnotherBlob,
    /// The key does not fit, or the bytes were altered, or they belong to another id, revision or place.
    #[error("{what} failed verification: altered, misplaced, or sealed with other keys")]
    Unverified {
        /// Which part.
        what: &'static str,
    },
    /// There is no such chunk, or none is left.
    #[error("the blob has {chunks} chunks, and chunk {index} was asked for")]
    NoSuchChunk {
        /// The chunk asked for, from 0.
        index: u64,
        /// Chunks of the whole blob.
        chunks: u64,
    },
    /// The blob ended before its last chunk.
    #[error("the blob is cut short: {opened} of {chunks} chunks")]
    Truncated {
        /// Chunks opened so far.
        opened: u64,
        /// Chunks of the whole blob.
        chunks: u64,
    },
}

/// That a name fits its place in a format.
pub(super) fn check_name(what: &'static str, name: &str, limit: usize) -> Result<(), SealError> {
    if (1..=limit).contains(&name.len()) { Ok(()) } else { Err(SealError::Name { what, length: name.len(), limit }) }
}
