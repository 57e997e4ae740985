//! The prelude of a sealed blob, before its chunks: its name, how it is sealed, and the sealed length of its content. It must
//! never trust a field before the key that is derived from all of them has verified something.
//!
//! The prelude of a sealed blob, version 1:
//!
//! ```text
//! header = "BLbl" ‖ version (1) ‖ cipher (1) ‖ chunk size (4) ‖ padded length (8) ‖ salt (32)
//!          ‖ length of user (1) ‖ user ‖ length of namespace (1) ‖ namespace ‖ length of blob id (1) ‖ blob id
//! key = HKDF-SHA256(salt, blob root, "blob" ‖ SHA-256(header))
//! prelude = header ‖ length of content (8), sealed under the key (tag 16)
//! ```
//!
//! Numbers are big-endian.

use aws_lc_rs::digest::{SHA256, digest};

use super::error::check_name;
use super::limits::{BLOB_LIMIT, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE};
use super::primitives::{random, take};
use super::stream::{BlobLayout, SEALED_LENGTH_LEN, Stream};
use super::{BlobKey, Cipher, OpenError, Padding, SealError};

/// Version of the format. History: 1, the first.
const VERSION: u8 = 1;
const MAGIC: [u8; 4] = *b"BLbl";
const KIND: &str = "blob";
/// Most bytes of each part of a name.
const NAME_LIMIT: usize = 255;
const SALT_LEN: usize = 32;
/// Up to and with the salt.
const FIXED_LEN: usize = MAGIC.len() + 1 + 1 + 4 + 8 + SALT_LEN;

/// Which blob: all three parts together, never the id alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobName<'a> {
    /// The user who owns the blob.
    pub user: &'a str,
    /// The namespace inside the user's blobs.
    pub namespace: &'a str,
    /// The id inside the namespace.
    pub id: &'a str,
}

impl BlobName<'_> {
    /// Bytes before the first chunk of this blob when it is sealed.
    pub fn prelude_len(&self) -> usize {
        FIXED_LEN + self.parts().iter().map(|(_, part)| 1 + part.len()).sum::<usize>() + SEALED_LENGTH_LEN
    }

    fn check(&self) -> Result<(), SealError> {
        self.parts().into_iter().try_for_each(|(what, part)| check_name(what, part, NAME_LIMIT))
    }

    fn parts(&self) -> [(&'static str, &str); 3] {
        [("user", self.user), ("namespace", self.namespace), ("blob id", self.id)]
    }
}

/// How blobs are sealed. Openers accept any of these settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobSettings {
    /// The cipher of every chunk.
    pub cipher: Cipher,
    /// Bytes of a chunk, [`MIN_CHUNK_SIZE`] to [`MAX_CHUNK_SIZE`].
    pub chunk_size: u32,
    /// How the length is hidden.
    pub padding: Padding,
}

impl Default for BlobSettings {
    fn default() -> Self {
        Self { cipher: Cipher::default(), chunk_size: 64 << 10, padding: Padding::default() }
    }
}

/// The fixed part of a header.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    cipher: Cipher,
    chunk_size: u32,
    padded_len: u64,
    salt: [u8; SALT_LEN],
}

/// Starts a new sealing: returns its prelude, and the stream that seals its chunks.
pub(super) fn start(
    key: &BlobKey,
    name: BlobName<'_>,
    content_len: u64,
    settings: BlobSettings,
) -> Result<(Vec<u8>, BlobLayout, Stream), SealError> {
    name.check()?;
    if content_len > BLOB_LIMIT {
        return Err(SealError::TooLong { length: content_len, limit: BLOB_LIMIT });
    }
    let BlobSettings { cipher, chunk_size, padding } = settings;
    if !(MIN_CHUNK_SIZE..=MAX_CHUNK_SIZE).contains(&chunk_size) {
        return Err(SealError::ChunkSize(chunk_size));
    }
    let fixed = Fixed { cipher, chunk_size, padded_len: padding.padded(content_len), salt: random() };
    let mut prelude = fixed.header(name);
    let stream = fixed.stream(key, &prelude);
    prelude.extend_from_slice(&stream.seal_length(content_len)?);
    Ok((prelude, fixed.layout(name, content_len), stream))
}

/// Reads the prelude of a sealed blob, which must be the blob named `name`.
pub(super) fn read(key: &BlobKey, name: BlobName<'_>, prelude: &[u8]) -> Result<(BlobLayout, Stream), OpenError> {
    name.check().map_err(|_| OpenError::AnotherBlob)?;
    let fixed = Fixed::parse(prelude)?;
    let header = fixed.header(name);
    let rest = prelude.strip_prefix(&header[..]).ok_or(OpenError::AnotherBlob)?;
    let sealed_length = rest.try_into().map_err(|_| malformed("its header is truncated or followed by more bytes"))?;
    let stream = fixed.stream(key, &header);
    let content_len = stream.open_length(sealed_length)?;
    if content_len > fixed.padded_len {
        return Err(malformed("the sealed length inside is invalid"));
    }
    Ok((fixed.layout(name, content_len), stream))
}

impl Fixed {
    /// The fields, each within its bounds, of whatever `bytes` start with.
    fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let truncated = || malformed("its header is truncated");
        let mut rest = bytes;
        if take(&mut rest).ok_or_else(truncated)? != MAGIC {
            return Err(malformed("it does not start with the magic bytes"));
        }
        let [version, cipher] = take(&mut rest).ok_or_else(truncated)?;
        if version != VERSION {
            return Err(OpenError::Version { kind: KIND, version });
        }
        let cipher = Cipher::from_wire_id(cipher)?;
        let chunk_size = u32::from_be_bytes(take(&mut rest).ok_or_else(truncated)?);
        if !(MIN_CHUNK_SIZE..=MAX_CHUNK_SIZE).contains(&chunk_size) {
            return Err(malformed("its chunk size is out of bounds"));
        }
        let padded_len = u64::from_be_bytes(take(&mut rest).ok_or_else(truncated)?);
        if padded_len > BLOB_LIMIT {
            return Err(malformed("its length is out of bounds"));
        }
        Ok(Self { cipher, chunk_size, padded_len, salt: take(&mut rest).ok_or_else(truncated)? })
    }

    fn header(&self, name: BlobName<'_>) -> Vec<u8> {
        let mut header = Vec::with_capacity(name.prelude_len());
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&[VERSION, self.cipher.wire_id()]);
        header.extend_from_slice(&self.chunk_size.to_be_bytes());
        header.extend_from_slice(&self.padded_len.to_be_bytes());
        header.extend_from_slice(&self.salt);
        for (_, part) in name.parts() {
            header.push(part.len() as u8);
            header.extend_from_slice(part.as_bytes());
        }
        header
    }

    fn stream(&self, key: &BlobKey, header: &[u8]) -> Stream {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, header).as_ref());
        Stream::new(key.of_blob(self.cipher, &self.salt, &hash))
    }

    fn layout(&self, name: BlobName<'_>, content_len: u64) -> BlobLayout {
        BlobLayout {
            content_len,
            padded_len: self.padded_len,
            chunk_size: self.chunk_size,
            prelude_len: name.prelude_len(),
        }
    }
}

fn malformed(why: &'static str) -> OpenError {
    OpenError::Malformed { kind: KIND, why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::{Keys, RootSecret};

    const NAME: BlobName<'_> = BlobName { user: "u", namespace: "n", id: "i" };

    fn key() -> BlobKey {
        Keys::derive(&RootSecret::from_bytes([1; 32])).blobs
    }

    #[test]
    fn a_prelude_contains_its_settings() {
        let settings = BlobSettings { cipher: Cipher::ChaCha20Poly1305, chunk_size: 2048, padding: Padding::Padme };
        let (prelude, layout, _) = start(&key(), NAME, 999, settings).unwrap();
        assert_eq!(prelude.len(), NAME.prelude_len());
        assert_eq!(
            layout,
            BlobLayout { content_len: 999, padded_len: 1024, chunk_size: 2048, prelude_len: prelude.len() }
        );
        assert_eq!(read(&key(), NAME, &prelude).unwrap().0, layout);
    }

    #[test]
    fn invalid_settings_are_rejected() {
        let refused = |name, length, chunk_size| {
            start(&key(), name, length, BlobSettings { chunk_size, ..BlobSettings::default() }).unwrap_err()
        };
        assert_eq!(refused(NAME, 1, MIN_CHUNK_SIZE - 1), SealError::ChunkSize(MIN_CHUNK_SIZE - 1));
        assert_eq!(refused(NAME, 1, MAX_CHUNK_SIZE + 1), SealError::ChunkSize(MAX_CHUNK_SIZE + 1));
        assert!(matches!(refused(NAME, BLOB_LIMIT + 1, 4096), SealError::TooLong { .. }));
        assert!(matches!(
            refused(BlobName { namespace: "", ..NAME }, 1, 4096),
            SealError::Name { what: "namespace", .. }
        ));
        let long = "i".repeat(256);
        assert!(matches!(refused(BlobName { id: &long, ..NAME }, 1, 4096), SealError::Name { what: "blob id", .. }));
    }

    #[test]
    fn hostile_fields_are_bounded_before_anything_is_derived_from_them() {
        let (prelude, _, _) = start(&key(), NAME, 1, BlobSettings::default()).unwrap();
        for (at, field) in [(6, &[0xff; 4][..]), (6, &[0; 4]), (10, &[0xff; 8])] {
            let mut altered = prelude.clone();
            altered[at..at + field.len()].copy_from_slice(field);
            let refused = read(&key(), NAME, &altered).unwrap_err();
            assert!(refused.to_string().contains("out of bounds"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_preludes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in 0usize..54) {
            let (good, _, _) = super::start(&key(), NAME, 1, BlobSettings::default()).unwrap();
            read(&key(), NAME, &bytes).unwrap_err();
            read(&key(), NAME, &[&good[..start], &bytes].concat()).unwrap_err();
        }
    }
}
