//! The keys of one user: a root secret, and what is derived from it. Start reading the room here.
//!
//! Keys are zeroised when dropped and must never be logged or shown by `Debug`. Passphrases are handled in `recovery`.

use std::fmt::{self, Write as _};

use aws_lc_rs::aead::LessSafeKey;
use zeroize::Zeroizing;

use super::Cipher;
use super::primitives::{KEY_LEN, Key, aead_key, expand, extract_and_expand, random};

/// Salt of the derivation from the root secret. It contains the version, so that another derivation can be added.
const DERIVATION: &[u8] = b"benchline keys v1";

/// The secret of a user from which all other keys are derived. Random, never derived from a passphrase.
#[derive(Clone)]
pub struct RootSecret(Key);

impl RootSecret {
    /// A new secret.
    pub fn generate() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// An existing secret.
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself, for wrapping it and for handing it to another process of this program.
    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

/// Every key of a user: HKDF-SHA256 of the root secret under distinct labels.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Opens the local database.
    pub database: DatabaseKey,
    /// Root of the keys of documents.
    pub documents: DocumentKey,
    /// Root of the keys of blobs.
    pub blobs: BlobKey,
    /// Wraps the private OpenPGP key.
    pub openpgp: OpenPgpWrappingKey,
}

impl Keys {
    /// Derives all keys. Equal secrets give equal keys.
    pub fn derive(root: &RootSecret) -> Self {
        let derived = |label: &str| extract_and_expand(DERIVATION, root.as_bytes(), &[label.as_bytes()]);
        Self {
            database: DatabaseKey(derived("local database")),
            documents: DocumentKey(derived("document root")),
            blobs: BlobKey(derived("blob root")),
            openpgp: OpenPgpWrappingKey(derived("openpgp wrapping")),
        }
    }
}

/// The key of the local database.
#[derive(Clone)]
pub struct DatabaseKey(Key);

impl DatabaseKey {
    /// The key as SQLCipher's raw-key text, `x'` 64 hex digits `'`. SQLCipher runs its slow key derivation on anything
    /// else, once per connection, so it must reach the pragma whole: `pragma_update(None, "key", text)`.
    pub fn pragma(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_LEN + 3));
        text.push_str("x'");
        for byte in self.0.iter() {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\'');
        text
    }
}

/// The root of the keys of documents: each document has its own, so few random nonces are used under one key.
#[derive(Clone)]
pub struct DocumentKey(Key);

impl DocumentKey {
    /// The key itself, for handing it to another process of this program.
    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// A key received from another process.
    pub(crate) fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key of one document under one cipher.
    pub(super) fn of_document(&self, cipher: Cipher, id: &str) -> LessSafeKey {
        aead_key(cipher, &expand(&self.0, &[b"document", &[cipher.wire_id()], id.as_bytes()]))
    }
}

/// The root of the keys of blobs.
#[derive(Clone)]
pub struct BlobKey(Key);

impl BlobKey {
    /// The key itself, for handing it to another process of this program.
    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// A key received from another process.
    pub(crate) fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key of one sealing of one blob: bound to its salt and to its whole header, so that a blob cannot
    /// be passed off as another, nor with other settings.
    pub(super) fn of_blob(&self, cipher: Cipher, salt: &[u8], header_hash: &[u8; 32]) -> LessSafeKey {
        aead_key(cipher, &extract_and_expand(salt, self.0.as_slice(), &[b"blob", header_hash]))
    }
}

/// The key that wraps the private OpenPGP key.
#[derive(Clone)]
pub struct OpenPgpWrappingKey(Key);

impl OpenPgpWrappingKey {
    /// The 32 bytes, for wrapping by other means.
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// The key, for wrapping.
    pub(super) fn key(&self) -> &Key {
        &self.0
    }
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )*};
}

redacted!(RootSecret, DatabaseKey, DocumentKey, BlobKey, OpenPgpWrappingKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let root = RootSecret::from_bytes([0xab; 32]);
        assert_eq!(format!("{root:?}"), "RootSecret(redacted)");
        assert_eq!(
            format!("{:?}", Keys::derive(&root)),
            "Keys { database: DatabaseKey(redacted), documents: DocumentKey(redacted), \
             blobs: BlobKey(redacted), openpgp: OpenPgpWrappingKey(redacted) }"
        );
    }

    #[test]
    fn secrets_are_random() {
        assert_ne!(RootSecret::generate().as_bytes(), RootSecret::generate().as_bytes());
    }

    #[test]
    fn derived_keys_differ_from_each_other() {
        let keys = Keys::derive(&RootSecret::from_bytes([7; 32]));
        let all = [&keys.database.0, &keys.documents.0, &keys.blobs.0, &keys.openpgp.0];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}
