//! Keys, and sealing under them: what leaves this room for a disk or a server can be read by its user alone. It must
//! never let a secret or unverified bytes out, and never decide where anything is stored.
//!
//! Read `keys` first, then `sealed_document` and `sealed_blob`.

mod cipher;
mod error;
mod keys;
mod padding;
mod primitives;
mod sealed_document;

pub use cipher::Cipher;
pub use error::{OpenError, SealError};
pub use keys::{BlobKey, DatabaseKey, DocumentKey, Keys, OpenPgpKey, RootSecret};
pub use padding::Padding;
pub use sealed_document::{DOCUMENT_LIMIT, DocumentSealer};

/// Smallest chunk of a sealed blob, in bytes.
pub const MIN_CHUNK_SIZE: u32 = 1 << 10;
/// Largest chunk of a sealed blob, in bytes: what an opener must be ready to hold for a stranger.
pub const MAX_CHUNK_SIZE: u32 = 1 << 20;
