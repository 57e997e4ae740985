//! Keys, and sealing under them: only the user can read what leaves this room for a disk or a server. It must never release
//! a secret or unverified bytes, and never decide where anything is stored.
//!
//! Read `keys` first, then `sealed_document` and `sealed_blob`.

mod blob_header;
mod blob_io;
mod cipher;
mod error;
mod keys;
mod limits;
mod openpgp;
mod padding;
mod primitives;
mod recovery;
mod sealed_blob;
mod sealed_document;
mod stream;

pub use blob_header::{BlobName, BlobSettings};
pub use blob_io::{open_blob, seal_blob};
pub use cipher::Cipher;
pub use error::{OpenError, SealError};
pub use keys::{BlobKey, DatabaseKey, DocumentKey, Keys, OpenPgpWrappingKey, RootSecret};
pub use limits::{BLOB_LIMIT, DOCUMENT_LIMIT, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE};
pub use openpgp::{
    Decrypted, Fingerprint, OpenPgpError, OpenPgpKey, PUBLIC_KEY_LIMIT, PublicKey, decrypt_with_any, is_encrypted,
};
pub use padding::Padding;
pub use recovery::{Cost, RecoveryDocument, UnlockError};
pub use sealed_blob::{BlobOpener, BlobSealer};
pub use sealed_document::{DOCUMENT_LABEL, DocumentSealer};
pub use stream::BlobLayout;
