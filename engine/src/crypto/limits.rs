//! Limits of the sealed formats.

/// Most bytes of content that a document may have. Larger content is stored as a blob.
pub const DOCUMENT_LIMIT: usize = 8 << 20;
/// Most bytes of content that a blob may have: 1 TiB, far below what one key may seal.
pub const BLOB_LIMIT: u64 = 1 << 40;
/// Smallest chunk of a sealed blob, in bytes.
pub const MIN_CHUNK_SIZE: u32 = 1 << 10;
/// Largest chunk of a sealed blob, in bytes: an opener must be able to hold one of untrusted origin in memory.
pub const MAX_CHUNK_SIZE: u32 = 1 << 20;
