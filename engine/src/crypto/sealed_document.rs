//! Sealing of documents: one AEAD message per revision. It must never hand out content that was not verified against
//! the document's id and revision.
//!
//! A sealed document, version 1:
//!
//! ```text
//! ciphertext ‖ tag (16) ‖ nonce (12) ‖ cipher (1) ‖ version (1) ‖ "BLdc" (4)
//! plaintext = content ‖ zeros up to the padded length ‖ kind (1: 0 tombstone, 1 content) ‖ length of content (4)
//! authenticated = "BLdc" ‖ version ‖ cipher ‖ length of id (2) ‖ id ‖ length of revision (4) ‖ revision
//! key = HKDF-Expand(document root, "document" ‖ cipher ‖ id)
//! ```
//!
//! Numbers are big-endian. What describes the message stands behind it, not before it, so that opening in place leaves
//! the content at the start of its buffer and nothing has to be moved. Id and revision travel beside the message; the
//! message only proves them.

use aws_lc_rs::aead::{Aad, Nonce};

use super::error::check_name;
use super::primitives::{NONCE_LEN, TAG_LEN, random};
use super::{Cipher, DocumentKey, Keys, OpenError, Padding, SealError};

/// Most bytes of content that a document may have. A larger thing is a blob.
pub const DOCUMENT_LIMIT: usize = 8 << 20;

/// Version of the format. History: 1, the first.
const VERSION: u8 = 1;
const MAGIC: [u8; 4] = *b"BLdc";
/// Most bytes of a document's id.
const ID_LIMIT: usize = 255;
/// Most bytes of a revision: a vector clock of some hundred replicas.
const REVISION_LIMIT: usize = 64 << 10;
const KIND: &str = "document";

/// Behind the padded content, inside the sealed part: kind and length.
const TRAILER_LEN: usize = 1 + 4;
/// Behind the tag: nonce, cipher, version and magic.
const FOOTER_LEN: usize = NONCE_LEN + 1 + 1 + MAGIC.len();
/// What sealing adds to the padded content.
const OVERHEAD: usize = TRAILER_LEN + TAG_LEN + FOOTER_LEN;

const TOMBSTONE: u8 = 0;
const CONTENT: u8 = 1;

/// Seals and opens the documents of one user.
#[derive(Debug, Clone)]
pub struct DocumentSealer {
    key: DocumentKey,
    cipher: Cipher,
    padding: Padding,
}

impl DocumentSealer {
    /// A sealer that seals with this cipher and padding, and opens whatever cipher and padding a document was sealed with.
    pub fn new(keys: &Keys, cipher: Cipher, padding: Padding) -> Self {
        Self::under(keys.documents.clone(), cipher, padding)
    }

    /// As [`Self::new`], with the only key that it takes.
    pub(crate) fn under(key: DocumentKey, cipher: Cipher, padding: Padding) -> Self {
        Self { key, cipher, padding }
    }

    pub(crate) fn key(&self) -> &DocumentKey {
        &self.key
    }

    /// Bytes that [`Self::seal`] makes of content of `length` bytes.
    pub fn sealed_len(&self, length: usize) -> usize {
        self.padded(length) + OVERHEAD
    }

    /// Seals one revision of a document; no content is a tombstone. Every call gives other bytes.
    ///
    /// # Errors
    /// [`SealError::TooLong`] over [`DOCUMENT_LIMIT`], [`SealError::Name`] for an id or revision that the format cannot carry.
    pub fn seal(&self, id: &str, revision: &str, content: Option<&[u8]>) -> Result<Vec<u8>, SealError> {
        let authenticated = authenticated(self.cipher, id, revision)?;
        let (kind, content) = content.map_or((TOMBSTONE, &[][..]), |content| (CONTENT, content));
        if content.len() > DOCUMENT_LIMIT {
            return Err(SealError::TooLong { length: content.len() as u64, limit: DOCUMENT_LIMIT as u64 });
        }
        // Sealed straight from the caller's content into its place: nothing is copied first.
        let mut sealed = vec![0; self.sealed_len(content.len())];
        let (ciphertext, rest) = sealed.split_at_mut(content.len());
        let (trailer_and_tag, footer) = rest.split_at_mut(rest.len() - FOOTER_LEN);
        let nonce = random::<NONCE_LEN>();
        self.key
            .of_document(self.cipher, id)
            .seal_out_of_place_scatter(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&authenticated),
                content,
                ciphertext,
                &self.trailer(kind, content.len()),
                trailer_and_tag,
            )
            .map_err(|_| SealError::Library)?;
        write_footer(footer, self.cipher, nonce);
        Ok(sealed)
    }

    /// Opens one revision of a document in its own buffer; a tombstone is `None`.
    ///
    /// # Errors
    /// [`OpenError`] when the bytes are not a sealed document, or not this revision of this document under this key.
    pub fn open(&self, id: &str, revision: &str, mut sealed: Vec<u8>) -> Result<Option<Vec<u8>>, OpenError> {
        let (cipher, nonce) = read_footer(&sealed)?;
        let authenticated = authenticated(cipher, id, revision).map_err(|_| unverified())?;
        sealed.truncate(sealed.len() - FOOTER_LEN);
        let plain_len = self
            .key
            .of_document(cipher, id)
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(&authenticated), &mut sealed)
            .map_err(|_| unverified())?
            .len();
        sealed.truncate(plain_len);
        let content_len = read_trailer(&sealed)?;
        Ok(content_len.map(|length| {
            sealed.truncate(length);
            sealed
        }))
    }

    /// What is sealed behind the content.
    fn trailer(&self, kind: u8, length: usize) -> Vec<u8> {
        let zeros = self.padded(length) - length;
        let mut trailer = vec![0; zeros + TRAILER_LEN];
        trailer[zeros] = kind;
        trailer[zeros + 1..].copy_from_slice(&(length as u32).to_be_bytes());
        trailer
    }

    fn padded(&self, length: usize) -> usize {
        self.padding.padded(length as u64) as usize
    }
}

fn write_footer(footer: &mut [u8], cipher: Cipher, nonce: [u8; NONCE_LEN]) {
    let (nonce_place, rest) = footer.split_at_mut(NONCE_LEN);
    nonce_place.copy_from_slice(&nonce);
    rest[0] = cipher.wire_id();
    rest[1] = VERSION;
    rest[2..].copy_from_slice(&MAGIC);
}

/// Cipher and nonce of a message that is long enough to be one.
fn read_footer(sealed: &[u8]) -> Result<(Cipher, [u8; NONCE_LEN]), OpenError> {
    let malformed = |why| OpenError::Malformed { kind: KIND, why };
    let Some((_, footer)) = sealed.split_last_chunk::<FOOTER_LEN>().filter(|_| sealed.len() >= OVERHEAD) else {
        return Err(malformed("it is too short"));
    };
    if sealed.len() > DOCUMENT_LIMIT + OVERHEAD {
        return Err(malformed("it is too long"));
    }
    let Some((nonce, &[cipher, version, ref magic @ ..])) = footer.split_first_chunk::<NONCE_LEN>() else {
        return Err(malformed("it is too short"));
    };
    if *magic != MAGIC {
        return Err(malformed("it does not end in the mark of one"));
    }
    if version != VERSION {
        return Err(OpenError::Version { kind: KIND, version });
    }
    Ok((Cipher::from_wire_id(cipher)?, *nonce))
}

/// Length of the content inside a verified plaintext, `None` for a tombstone. What is wrong here was sealed wrong.
fn read_trailer(plain: &[u8]) -> Result<Option<usize>, OpenError> {
    let wrong = OpenError::Malformed { kind: KIND, why: "what its maker sealed inside makes no sense" };
    let Some((padded, &[kind, ref length @ ..])) = plain.split_last_chunk::<TRAILER_LEN>() else { return Err(wrong) };
    let length = u32::from_be_bytes(*length) as usize;
    match kind {
        TOMBSTONE if length == 0 => Ok(None),
        CONTENT if length <= padded.len() => Ok(Some(length)),
        _ => Err(wrong),
    }
}

/// What a message proves besides its content.
fn authenticated(cipher: Cipher, id: &str, revision: &str) -> Result<Vec<u8>, SealError> {
    check_name("document id", id, ID_LIMIT)?;
    check_name("revision", revision, REVISION_LIMIT)?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 8 + id.len() + revision.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[VERSION, cipher.wire_id()]);
    bytes.extend_from_slice(&(id.len() as u16).to_be_bytes());
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(&(revision.len() as u32).to_be_bytes());
    bytes.extend_from_slice(revision.as_bytes());
    Ok(bytes)
}

fn unverified() -> OpenError {
    OpenError::Unverified { what: KIND }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::RootSecret;

    fn sealer(cipher: Cipher, padding: Padding) -> DocumentSealer {
        DocumentSealer::new(&Keys::derive(&RootSecret::from_bytes([1; 32])), cipher, padding)
    }

    #[test]
    fn what_is_sealed_opens_again() {
        for cipher in Cipher::ALL {
            for padding in [Padding::Padme, Padding::None] {
                let sealer = sealer(cipher, padding);
                for length in [0, 1, 2, 15, 16, 17, 1000, 65_536, DOCUMENT_LIMIT] {
                    let content = vec![0x5a; length];
                    let sealed = sealer.seal("D-1", "a:1", Some(&content)).unwrap();
                    assert_eq!(sealed.len(), sealer.sealed_len(length));
                    assert_eq!(sealer.open("D-1", "a:1", sealed).unwrap(), Some(content));
                }
                let tombstone = sealer.seal("D-1", "a:2", None).unwrap();
                assert_eq!(sealer.open("D-1", "a:2", tombstone).unwrap(), None);
            }
        }
    }

    #[test]
    fn a_sealer_opens_what_another_cipher_and_padding_sealed() {
        let sealed = sealer(Cipher::ChaCha20Poly1305, Padding::None).seal("D-1", "a:1", Some(b"x")).unwrap();
        assert_eq!(sealer(Cipher::Aes256Gcm, Padding::Padme).open("D-1", "a:1", sealed).unwrap().unwrap(), b"x");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        for cipher in Cipher::ALL {
            let sealer = sealer(cipher, Padding::Padme);
            let sealed = sealer.seal("D-1", "a:1", Some(b"{\"subject\":\"hello\"}")).unwrap();
            for bit in 0..sealed.len() * 8 {
                let mut altered = sealed.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                sealer.open("D-1", "a:1", altered).unwrap_err();
            }
            for length in 0..sealed.len() {
                sealer.open("D-1", "a:1", sealed[..length].to_vec()).unwrap_err();
                sealer.open("D-1", "a:1", sealed[sealed.len() - length..].to_vec()).unwrap_err();
            }
            sealer.open("D-1", "a:1", [&sealed[..], b"\0"].concat()).unwrap_err();
        }
    }

    #[test]
    fn a_document_cannot_pass_for_another_nor_for_another_revision() {
        let mine = sealer(Cipher::Aes256Gcm, Padding::Padme);
        let sealed = mine.seal("D-1", "a:1", Some(b"x")).unwrap();
        for (id, revision) in [("D-2", "a:1"), ("D-1", "a:2"), ("D-1a", ":1"), ("", "a:1"), ("D-1", "")] {
            assert_eq!(mine.open(id, revision, sealed.clone()), Err(unverified()), "{id} {revision}");
        }
        let other = DocumentSealer::new(&Keys::derive(&RootSecret::generate()), Cipher::Aes256Gcm, Padding::Padme);
        assert_eq!(other.open("D-1", "a:1", sealed), Err(unverified()));
    }

    #[test]
    fn equal_documents_differ_when_sealed() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
        assert_ne!(sealer.seal("D-1", "a:1", Some(b"x")), sealer.seal("D-1", "a:1", Some(b"x")));
    }

    #[test]
    fn what_is_too_long_is_refused_with_its_limit() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
        let long = vec![0; DOCUMENT_LIMIT + 1];
        let refused = sealer.seal("D-1", "a:1", Some(&long)).unwrap_err();
        assert!(refused.to_string().contains("8388609") && refused.to_string().contains("8388608"), "{refused}");
        let id = "i".repeat(ID_LIMIT + 1);
        assert!(matches!(sealer.seal(&id, "a:1", None), Err(SealError::Name { what: "document id", .. })));
        assert!(matches!(sealer.seal("D-1", "", None), Err(SealError::Name { what: "revision", .. })));
    }

    #[test]
    fn a_newer_version_is_named_as_such() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
        let mut sealed = sealer.seal("D-1", "a:1", None).unwrap();
        let version = sealed.len() - 5;
        sealed[version] = 2;
        assert_eq!(sealer.open("D-1", "a:1", sealed), Err(OpenError::Version { kind: "document", version: 2 }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_open(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), marked: bool) {
            if marked {
                bytes.extend_from_slice(&[1, 1]);
                bytes.extend_from_slice(b"BLdc");
            }
            sealer(Cipher::Aes256Gcm, Padding::Padme).open("D-1", "a:1", bytes).unwrap_err();
        }

        #[test]
        fn any_content_comes_back(content in proptest::collection::vec(any::<u8>(), 0..3000), id in "[A-Za-z0-9._-]{1,255}") {
            let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
            let sealed = sealer.seal(&id, "a:1|b:2", Some(&content)).unwrap();
            prop_assert_eq!(sealer.open(&id, "a:1|b:2", sealed).unwrap(), Some(content));
        }
    }
}
