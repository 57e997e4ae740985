//! Bundles: many small blobs in one body, each with the metadata that a request of its own would have. A length from the wire must
//! never cause an allocation beyond the limits of a bundle.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::blob::{BlobDigest, BlobFlags, BlobId};
use super::problem::Problem;

/// Media type of a bundle.
pub const BUNDLE: &str = "application/vnd.benchline.blobs";

/// Most bytes of a blob in a bundle.
pub const BUNDLED_BYTES: usize = 64 << 10;

/// Most total bytes of the blobs in a bundle.
pub const BUNDLE_BYTES: usize = 2 << 20;

/// Most blobs of a bundle, and most ids of a request for one.
pub const BUNDLE_BLOBS: usize = 256;

/// Bytes of an item besides the content of its blob: kind, length of the id, id, flags, digest, length.
const ITEM_HEAD: usize = 2 + 255 + 1 + 32 + 4;

/// Most bytes of a bundle on the wire.
pub const BUNDLE_LIMIT: usize = BUNDLE_BYTES + BUNDLE_BLOBS * ITEM_HEAD + 1;

const END: u8 = 0;
const BLOB: u8 = 1;
const ABSENT: u8 = 2;
const ALONE: u8 = 3;

/// A blob in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledBlob {
    /// Its id within the namespace in the path.
    pub id: BlobId,
    /// Its flags.
    pub flags: BlobFlags,
    /// The announced SHA-256 of its bytes. The receiver verifies it.
    pub digest: BlobDigest,
    /// Its bytes, encrypted.
    pub content: Bytes,
}

/// One item of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleItem {
    /// A blob.
    Blob(BundledBlob),
    /// In answers: there is no such blob.
    Absent(BlobId),
    /// In answers: it is too large for a bundle; request it separately.
    Alone(BlobId),
    /// The end of the bundle. A bundle without it is incomplete.
    End,
}

/// The bytes are not a valid bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The encoding is invalid.
    #[error("invalid bundle: {0}")]
    Malformed(&'static str),
    /// A blob that is too large.
    #[error("a blob in a bundle may have at most {BUNDLED_BYTES} bytes, but one has {0}: send it separately")]
    BlobTooLarge(usize),
    /// There are too many blobs or bytes.
    #[error("a bundle may have at most {BUNDLE_BLOBS} blobs and {BUNDLE_BYTES} bytes: send several bundles")]
    TooLarge,
}

/// The result for one blob of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundled {
    /// The blob.
    pub id: BlobId,
    /// The status that a request of its own would have had.
    pub status: u16,
    /// The problem, if it was not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The blobs that a bundle is requested of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleWanted {
    /// Their ids, at most [`BUNDLE_BLOBS`].
    pub ids: Vec<BlobId>,
}

/// Appends an item.
pub fn encode_item(bytes: &mut BytesMut, item: &BundleItem) {
    let mut head = |kind: u8, id: &BlobId| {
        bytes.put_u8(kind);
        // An id has at most 255 characters.
        bytes.put_u8(id.as_str().len() as u8);
        bytes.put_slice(id.as_str().as_bytes());
    };
    match item {
        BundleItem::Blob(blob) => {
            head(BLOB, &blob.id);
            bytes.put_u8(blob.flags.bits());
            bytes.put_slice(&blob.digest.0);
            bytes.put_u32(blob.content.len() as u32);
            bytes.put_slice(&blob.content);
        }
        BundleItem::Absent(id) => head(ABSENT, id),
        BundleItem::Alone(id) => head(ALONE, id),
        BundleItem::End => bytes.put_u8(END),
    }
}

/// Decodes a bundle as it arrives, and enforces its limits.
#[derive(Debug, Default)]
pub struct BundleDecoder {
    /// Bytes that arrived and are not decoded yet.
    arrived: BytesMut,
    blobs: usize,
    bytes: usize,
    ended: bool,
}

impl BundleDecoder {
    /// Adds the next bytes of the body.
    pub fn push(&mut self, piece: &[u8]) {
        self.arrived.extend_from_slice(piece);
    }

    /// The next item, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// [`BundleError`]; the decoder must not be used after it.
    pub fn next_item(&mut self) -> Result<Option<BundleItem>, BundleError> {
        if self.ended {
            let surplus = !self.arrived.is_empty();
            return if surplus { Err(BundleError::Malformed("bytes after its end")) } else { Ok(None) };
        }
        let Some((head, kind, id)) = self.head()? else { return Ok(None) };
        let Some(id) = id else {
            self.ended = true;
            self.arrived.advance(1);
            return Ok(Some(BundleItem::End));
        };
        let item = match kind {
            BLOB => return self.blob(head, id),
            ABSENT => BundleItem::Absent(id),
            _ => BundleItem::Alone(id),
        };
        self.arrived.advance(head);
        self.count(0)?;
        Ok(Some(item))
    }

    /// Whether the end item was decoded.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Bytes of the head, the kind and the id of the next item; no id if it is the end.
    fn head(&self) -> Result<Option<(usize, u8, Option<BlobId>)>, BundleError> {
        let kind = match self.arrived.first() {
            None => return Ok(None),
            Some(&END) => return Ok(Some((1, END, None))),
            Some(kind @ &(BLOB | ABSENT | ALONE)) => *kind,
            Some(_) => return Err(BundleError::Malformed("an item of an unknown kind")),
        };
        let Some(length) = self.arrived.get(1) else { return Ok(None) };
        let end = 2 + usize::from(*length);
        let Some(id) = self.arrived.get(2..end) else { return Ok(None) };
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
        let id = id.ok_or(BundleError::Malformed("an item whose id is no blob id"))?;
        Ok(Some((end, kind, Some(id))))
    }

    fn blob(&mut self, head: usize, id: BlobId) -> Result<Option<BundleItem>, BundleError> {
        let Some(mut fields) = self.arrived.get(head..head + 37) else { return Ok(None) };
        let flags = fields.get_u8();
        let mut digest = [0; 32];
        fields.copy_to_slice(&mut digest);
        let length = fields.get_u32() as usize;
        if length > BUNDLED_BYTES {
            return Err(BundleError::BlobTooLarge(length));
        }
        let known = BlobFlags::from_bits(flags);
        if known.bits() != flags {
            return Err(BundleError::Malformed("a flag that is unknown"));
        }
        if self.arrived.len() < head + 37 + length {
            return Ok(None);
        }
        self.count(length)?;
        self.arrived.advance(head + 37);
        let content = self.arrived.split_to(length).freeze();
        Ok(Some(BundleItem::Blob(BundledBlob { id, flags: known, digest: BlobDigest(digest), content })))
    }

    fn count(&mut self, length: usize) -> Result<(), BundleError> {
        self.blobs += 1;
        self.bytes += length;
        if self.blobs > BUNDLE_BLOBS || self.bytes > BUNDLE_BYTES { Err(BundleError::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(id: &str, content: &'static [u8]) -> BundleItem {
        let (flags, digest) = ("pending".parse().unwrap(), BlobDigest([0xab; 32]));
        BundleItem::Blob(BundledBlob { id: id.parse().unwrap(), flags, digest, content: Bytes::from_static(content) })
    }

    fn decode(bytes: &[u8], piece: usize) -> Result<Vec<BundleItem>, BundleError> {
        let mut decoder = BundleDecoder::default();
        let mut items = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.push(piece);
            while let Some(item) = decoder.next_item()? {
                items.push(item);
            }
        }
        Ok(items)
    }

    #[test]
    fn a_bundle_is_written_as_documented_and_read_in_any_pieces() {
        let items = [blob("m-1", b"xyz"), BundleItem::Absent("a".parse().unwrap()), blob("e", b""), BundleItem::End];
        let mut bytes = BytesMut::new();
        items.iter().for_each(|item| encode_item(&mut bytes, item));
        let digest = [0xab; 32];
        let expected = [
            &[1, 3][..],
            b"m-1",
            &[1],
            &digest,
            &[0, 0, 0, 3],
            b"xyz",
            &[2, 1],
            b"a",
            &[1, 1],
            b"e",
            &[1],
            &digest,
            &[0, 0, 0, 0],
            &[0],
        ];
        assert_eq!(bytes, expected.concat());
        for piece in [1, 2, 7, 1000] {
            assert_eq!(decode(&bytes, piece).unwrap(), items);
        }
    }

    #[test]
    fn what_is_beyond_a_limit_is_refused_before_it_has_come() {
        let mut head = vec![1, 1, b'a', 0];
        head.extend([0; 32]);
        head.extend((BUNDLED_BYTES as u32 + 1).to_be_bytes());
        assert_eq!(decode(&head, 1000), Err(BundleError::BlobTooLarge(BUNDLED_BYTES + 1)));
        assert_eq!(decode(&[2, 1, b'a'].repeat(BUNDLE_BLOBS + 1), 1000), Err(BundleError::TooLarge));
        for bad in [&[9][..], &[1, 2, b'.', b'a'], &[1, 0], &[0, 0], &[1, 1, 0xff]] {
            assert!(matches!(decode(bad, 1), Err(BundleError::Malformed(_))), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0u8..4, 0..300), piece in 1usize..50) {
            let whole = decode(&bytes, 1000);
            prop_assert_eq!(decode(&bytes, piece), whole);
        }
    }
}
