//! Sealing of documents: one AEAD message per revision, followed by a small one, the label, which proves by itself that the
//! revision exists, whether it is a tombstone, and how long its content is. It must never return content or a length that
//! was not verified against the document's id and revision.
//!
//! A sealed document, version 2 (version 1, which still opens, has no label: nonce, cipher and so on follow the tag):
//!
//! ```text
//! sealed = ciphertext ‖ tag (16) ‖ label
//! plaintext = content ‖ zeros up to the padded length ‖ summary
//! label = encrypted summary (5) ‖ tag (16) ‖ nonce (12) ‖ cipher (1) ‖ version (1) ‖ "BLdc" (4)
//! summary = kind (1: 0 tombstone, 1 content) ‖ length of content (4)
//! authenticated = "BLdc" or, for the label, "BLlb" ‖ version ‖ cipher ‖ length of id (2) ‖ id ‖ length of revision (4) ‖ revision
//! key = HKDF-Expand(document root, "document" ‖ cipher ‖ id), for both
//! ```
//!
//! The last bit of the nonce is 0; the label is sealed under the nonce with that bit set to 1. Numbers are big-endian. The
//! description follows the message, so that opening in place leaves the content at the start of its buffer and nothing has
//! to be moved. Id and revision are sent separately; the message only authenticates them.

use aws_lc_rs::aead::{Aad, Nonce};

use super::error::check_name;
use super::limits::DOCUMENT_LIMIT;
use super::primitives::{NONCE_LEN, TAG_LEN, random};
use super::{Cipher, DocumentKey, Keys, OpenError, Padding, SealError};

/// Bytes at the end of a sealed document that are its label.
pub const DOCUMENT_LABEL: usize = TRAILER_LEN + TAG_LEN + FOOTER_LEN;

/// Version of the format. History: 1, without a label, still opened; 2, with one.
const VERSION: u8 = 2;
const WITHOUT_LABEL: u8 = 1;
const MAGIC: [u8; 4] = *b"BLdc";
/// What a label authenticates instead of the magic bytes.
const LABEL_MAGIC: [u8; 4] = *b"BLlb";
/// Most bytes of a document's id.
const ID_LIMIT: usize = 255;
/// Most bytes of a revision: a vector clock of some hundred replicas.
const REVISION_LIMIT: usize = 64 << 10;
const KIND: &str = "document";

/// After the padded content, inside the sealed part: kind and length.
const TRAILER_LEN: usize = 1 + 4;
/// After the label's tag: nonce, cipher, version and magic.
const FOOTER_LEN: usize = NONCE_LEN + 1 + 1 + MAGIC.len();
/// Bytes that sealing adds to the padded content.
const OVERHEAD: usize = TRAILER_LEN + TAG_LEN + DOCUMENT_LABEL;

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
    /// A sealer that seals with this cipher and padding, and opens documents sealed with any.
    pub fn new(keys: &Keys, cipher: Cipher, padding: Padding) -> Self {
        Self::under(keys.documents.clone(), cipher, padding)
    }

    /// As [`Self::new`], with only the key that it needs.
    pub(crate) fn under(key: DocumentKey, cipher: Cipher, padding: Padding) -> Self {
        Self { key, cipher, padding }
    }

    pub(crate) fn key(&self) -> &DocumentKey {
        &self.key
    }

    /// Bytes of the result of [`Self::seal`] for content of `length` bytes.
    pub fn sealed_len(&self, length: usize) -> usize {
        self.padded(length) + OVERHEAD
    }

    /// Seals one revision of a document; `None` is a tombstone. Every call returns different bytes.
    ///
    /// # Errors
    /// [`SealError::TooLong`] over [`DOCUMENT_LIMIT`], [`SealError::Name`] for an id or revision that the format cannot carry.
    pub fn seal(&self, id: &str, revision: &str, content: Option<&[u8]>) -> Result<Vec<u8>, SealError> {
        let mut footer = Footer { nonce: random(), cipher: self.cipher, version: VERSION };
        footer.nonce[NONCE_LEN - 1] &= !1;
        let aad = authenticated(MAGIC, &footer, id, revision)?;
        let (kind, content) = content.map_or((TOMBSTONE, &[][..]), |content| (CONTENT, content));
        if content.len() > DOCUMENT_LIMIT {
            return Err(SealError::TooLong { length: content.len() as u64, limit: DOCUMENT_LIMIT as u64 });
        }
        // Sealed directly from the caller's content into the result, without a copy.
        let mut sealed = vec![0; self.sealed_len(content.len())];
        let (ciphertext, rest) = sealed.split_at_mut(content.len());
        let (trailer_and_tag, label) = rest.split_at_mut(rest.len() - DOCUMENT_LABEL);
        let key = self.key.of_document(self.cipher, id);
        key.seal_out_of_place_scatter(
            Nonce::assume_unique_for_key(footer.nonce),
            Aad::from(&aad),
            content,
            ciphertext,
            &self.trailer(kind, content.len()),
            trailer_and_tag,
        )
        .map_err(|_| SealError::Library)?;
        let (summary, rest) = label.split_at_mut(TRAILER_LEN);
        let (tag, footer_place) = rest.split_at_mut(TAG_LEN);
        summary.copy_from_slice(&summarise(kind, content.len()));
        let aad = authenticated(LABEL_MAGIC, &footer, id, revision)?;
        let sealed_tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(label_nonce(footer.nonce)),
                Aad::from(&aad),
                summary,
            )
            .map_err(|_| SealError::Library)?;
        tag.copy_from_slice(sealed_tag.as_ref());
        footer.write(footer_place);
        Ok(sealed)
    }

    /// Opens one revision of a document in its own buffer; a tombstone is `None`.
    ///
    /// # Errors
    /// [`OpenError`] when the bytes are not a sealed document, or not this revision of this document under this key.
    pub fn open(&self, id: &str, revision: &str, mut sealed: Vec<u8>) -> Result<Option<Vec<u8>>, OpenError> {
        if sealed.len() > DOCUMENT_LIMIT + OVERHEAD {
            return Err(malformed("it is too long"));
        }
        let footer = Footer::read(&sealed)?;
        let suffix = if footer.version == WITHOUT_LABEL { FOOTER_LEN } else { DOCUMENT_LABEL };
        let message = sealed.len().checked_sub(suffix).filter(|length| *length >= TRAILER_LEN + TAG_LEN);
        let message = message.ok_or_else(|| malformed("it is too short"))?;
        let labelled = match sealed[message..].first_chunk::<DOCUMENT_LABEL>() {
            Some(label) => Some(self.open_label(id, revision, label)?),
            None => None,
        };
        sealed.truncate(message);
        let aad = authenticated(MAGIC, &footer, id, revision).map_err(|_| unverified())?;
        let plain_len = self
            .key
            .of_document(footer.cipher, id)
            .open_in_place(Nonce::assume_unique_for_key(footer.nonce), Aad::from(&aad), &mut sealed)
            .map_err(|_| unverified())?
            .len();
        sealed.truncate(plain_len);
        let content_len = read_trailer(&sealed)?;
        if labelled.is_some_and(|length| length != content_len) {
            return Err(INVALID_INSIDE);
        }
        Ok(content_len.map(|length| {
            sealed.truncate(length);
            sealed
        }))
    }

    /// Opens the last [`DOCUMENT_LABEL`] bytes of a sealed revision, without the rest: the length of its content, `None` for
    /// a tombstone.
    ///
    /// # Errors
    /// [`OpenError`] when the bytes are not the label of this revision of this document under this key.
    pub fn open_label(
        &self,
        id: &str,
        revision: &str,
        label: &[u8; DOCUMENT_LABEL],
    ) -> Result<Option<usize>, OpenError> {
        let footer = Footer::read(label)?;
        if footer.version != VERSION {
            return Err(OpenError::Version { kind: KIND, version: footer.version });
        }
        let aad = authenticated(LABEL_MAGIC, &footer, id, revision).map_err(|_| unverified())?;
        let mut summary = label[..TRAILER_LEN + TAG_LEN].to_vec();
        let summary = self
            .key
            .of_document(footer.cipher, id)
            .open_in_place(Nonce::assume_unique_for_key(label_nonce(footer.nonce)), Aad::from(&aad), &mut summary)
            .map_err(|_| unverified())?;
        match read_summary(summary) {
            Some(Some(length)) if length > DOCUMENT_LIMIT => Err(INVALID_INSIDE),
            Some(length) => Ok(length),
            None => Err(INVALID_INSIDE),
        }
    }

    /// What is sealed after the content.
    fn trailer(&self, kind: u8, length: usize) -> Vec<u8> {
        let zeros = self.padded(length) - length;
        let mut trailer = vec![0; zeros];
        trailer.extend_from_slice(&summarise(kind, length));
        trailer
    }

    fn padded(&self, length: usize) -> usize {
        self.padding.padded(length as u64) as usize
    }
}

/// The end of a sealed document.
struct Footer {
    nonce: [u8; NONCE_LEN],
    cipher: Cipher,
    version: u8,
}

impl Footer {
    fn write(&self, place: &mut [u8]) {
        let (nonce_place, rest) = place.split_at_mut(NONCE_LEN);
        nonce_place.copy_from_slice(&self.nonce);
        rest[0] = self.cipher.wire_id();
        rest[1] = self.version;
        rest[2..].copy_from_slice(&MAGIC);
    }

    /// Reads it from the end of `sealed`.
    fn read(sealed: &[u8]) -> Result<Self, OpenError> {
        let footer = sealed.split_last_chunk::<FOOTER_LEN>().map(|(_, footer)| &footer[..]);
        let Some((nonce, &[cipher, version, ref magic @ ..])) = footer.and_then(|f| f.split_first_chunk::<NONCE_LEN>())
        else {
            return Err(malformed("it is too short"));
        };
        if *magic != MAGIC {
            return Err(malformed("it does not end with the magic bytes"));
        }
        if version != VERSION && version != WITHOUT_LABEL {
            return Err(OpenError::Version { kind: KIND, version });
        }
        if version == VERSION && nonce[NONCE_LEN - 1] & 1 != 0 {
            return Err(malformed("its nonce is that of a label"));
        }
        Ok(Self { nonce: *nonce, cipher: Cipher::from_wire_id(cipher)?, version })
    }
}

fn malformed(why: &'static str) -> OpenError {
    OpenError::Malformed { kind: KIND, why }
}

/// The nonce of the label of a message with this nonce.
fn label_nonce(mut nonce: [u8; NONCE_LEN]) -> [u8; NONCE_LEN] {
    nonce[NONCE_LEN - 1] |= 1;
    nonce
}

/// Kind and length of content.
fn summarise(kind: u8, length: usize) -> [u8; TRAILER_LEN] {
    let [a, b, c, d] = (length as u32).to_be_bytes();
    [kind, a, b, c, d]
}

/// The bytes were verified, so the sealer wrote invalid ones.
const INVALID_INSIDE: OpenError = OpenError::Malformed { kind: KIND, why: "its sealed description is invalid" };

/// Length of the content inside a verified plaintext, `None` for a tombstone.
fn read_trailer(plain: &[u8]) -> Result<Option<usize>, OpenError> {
    let Some((padded, trailer)) = plain.split_last_chunk::<TRAILER_LEN>() else { return Err(INVALID_INSIDE) };
    match read_summary(trailer) {
        Some(Some(length)) if length > padded.len() => Err(INVALID_INSIDE),
        Some(length) => Ok(length),
        None => Err(INVALID_INSIDE),
    }
}

/// The inner value is the length, `None` for a tombstone; the outer one is `None` where the summary is invalid.
fn read_summary(summary: &[u8]) -> Option<Option<usize>> {
    let &[kind, a, b, c, d] = summary else { return None };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match kind {
        TOMBSTONE if length == 0 => Some(None),
        CONTENT => Some(Some(length)),
        _ => None,
    }
}

/// The additional authenticated data of a message.
fn authenticated(magic: [u8; 4], footer: &Footer, id: &str, revision: &str) -> Result<Vec<u8>, SealError> {
    check_name("document id", id, ID_LIMIT)?;
    check_name("revision", revision, REVISION_LIMIT)?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 8 + id.len() + revision.len());
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&[footer.version, footer.cipher.wire_id()]);
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
    fn sealed_documents_open_again() {
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
    fn a_label_is_verified_by_itself() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
        for content in [None, Some(&b""[..]), Some(b"x"), Some(&[7; 1000])] {
            let sealed = sealer.seal("D-1", "a:1", content).unwrap();
            let label = sealed.last_chunk::<DOCUMENT_LABEL>().unwrap();
            assert_eq!(sealer.open_label("D-1", "a:1", label).unwrap(), content.map(<[u8]>::len));
            for (id, revision) in [("D-2", "a:1"), ("D-1", "a:2"), ("D-1a", ":1")] {
                assert_eq!(sealer.open_label(id, revision, label), Err(unverified()));
            }
            for bit in 0..label.len() * 8 {
                let mut altered = *label;
                altered[bit / 8] ^= 1 << (bit % 8);
                sealer.open_label("D-1", "a:1", &altered).unwrap_err();
            }
        }
    }

    /// The messages under one key have nonces of two kinds, so that a label cannot pass for a document nor the reverse.
    #[test]
    fn the_message_of_a_tombstone_is_not_a_label() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::None);
        let sealed = sealer.seal("D-1", "a:1", None).unwrap();
        let (message, label) = sealed.split_at(TRAILER_LEN + TAG_LEN);
        let forged = [message, &label[TRAILER_LEN + TAG_LEN..]].concat();
        let forged = forged.last_chunk::<DOCUMENT_LABEL>().unwrap();
        assert_eq!(sealer.open_label("D-1", "a:1", forged), Err(unverified()));
    }

    #[test]
    fn a_sealer_opens_documents_of_any_cipher_and_padding() {
        let sealed = sealer(Cipher::ChaCha20Poly1305, Padding::None).seal("D-1", "a:1", Some(b"x")).unwrap();
        assert_eq!(sealer(Cipher::Aes256Gcm, Padding::Padme).open("D-1", "a:1", sealed).unwrap().unwrap(), b"x");
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_detected() {
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
    fn too_long_content_is_rejected_with_the_limit() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
        let long = vec![0; DOCUMENT_LIMIT + 1];
        let refused = sealer.seal("D-1", "a:1", Some(&long)).unwrap_err();
        assert!(refused.to_string().contains("8388609") && refused.to_string().contains("8388608"), "{refused}");
        let id = "i".repeat(ID_LIMIT + 1);
        assert!(matches!(sealer.seal(&id, "a:1", None), Err(SealError::Name { what: "document id", .. })));
        assert!(matches!(sealer.seal("D-1", "", None), Err(SealError::Name { what: "revision", .. })));
    }

    #[test]
    fn another_version_is_reported_as_such() {
        let sealer = sealer(Cipher::Aes256Gcm, Padding::Padme);
        let mut sealed = sealer.seal("D-1", "a:1", None).unwrap();
        let version = sealed.len() - 5;
        sealed[version] = 3;
        assert_eq!(sealer.open("D-1", "a:1", sealed.clone()), Err(OpenError::Version { kind: "document", version: 3 }));
        sealed[version] = 1;
        assert_eq!(sealer.open("D-1", "a:1", sealed), Err(unverified()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_open(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), marked: bool) {
            if marked {
                bytes.extend_from_slice(&[1, VERSION]);
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
