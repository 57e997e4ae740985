//! The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", CRYPTO 2015, section 7): content cut into chunks, each an AEAD message whose nonce
//! encodes its position and whether it is the last. It must never leave unverified bytes in a caller's buffer.
//!
//! ```text
//! nonce = number (11, big-endian) ‖ place (1: 0 an earlier chunk, 1 the last chunk, 2 the length of the content)
//! ```
//!
//! A key is used for one stream only, so a counter as nonce is never used for two plaintexts.

use std::ops::Range;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};

use super::primitives::{NONCE_LEN, TAG_LEN};
use super::{OpenError, SealError};

/// Bytes of a sealed length.
pub(super) const SEALED_LENGTH_LEN: usize = 8 + TAG_LEN;

const EARLIER: u8 = 0;
const LAST: u8 = 1;
const LENGTH: u8 = 2;

/// The layout of a sealed blob: plain arithmetic, known before any chunk is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobLayout {
    /// Bytes of the content.
    pub(super) content_len: u64,
    /// Bytes of the content and the zeros after it; at least as many.
    pub(super) padded_len: u64,
    /// Bytes of every chunk but the last; not zero.
    pub(super) chunk_size: u32,
    /// Bytes before the first chunk.
    pub(super) prelude_len: usize,
}

impl BlobLayout {
    /// Bytes of the content.
    pub fn content_len(&self) -> u64 {
        self.content_len
    }

    /// Bytes of content in every chunk but the last ones.
    pub fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// The number of chunks, at least one: an empty blob has one empty chunk, the last; no other chunk is ever empty.
    pub fn chunks(&self) -> u64 {
        self.padded_len.div_ceil(u64::from(self.chunk_size)).max(1)
    }

    /// Bytes of the whole sealed blob.
    pub fn sealed_len(&self) -> u64 {
        self.prelude_len as u64 + self.padded_len + self.chunks() * TAG_LEN as u64
    }

    /// The chunk that holds the byte of the content at `offset`.
    pub fn chunk_at(&self, offset: u64) -> u64 {
        offset / u64::from(self.chunk_size)
    }

    /// The bytes of the content in chunk `index`; empty where it holds only padding.
    pub fn content_range(&self, index: u64) -> Range<u64> {
        let start = index.saturating_mul(u64::from(self.chunk_size));
        let end = start.saturating_add(u64::from(self.chunk_size));
        start.min(self.content_len)..end.min(self.content_len)
    }

    /// The bytes of chunk `index` in the sealed blob; empty where there is no such chunk.
    pub fn sealed_range(&self, index: u64) -> Range<u64> {
        let sealed_chunk = u64::from(self.chunk_size) + TAG_LEN as u64;
        let start = (self.prelude_len as u64).saturating_add(index.saturating_mul(sealed_chunk)).min(self.sealed_len());
        start..start.saturating_add(sealed_chunk).min(self.sealed_len())
    }

    /// Bytes of content and padding in chunk `index`, which must exist.
    fn plain_len(&self, index: u64) -> usize {
        let left = self.padded_len - index * u64::from(self.chunk_size);
        left.min(u64::from(self.chunk_size)) as usize
    }

    /// Bytes of content in chunk `index`.
    pub(super) fn content_len_of(&self, index: u64) -> usize {
        let range = self.content_range(index);
        (range.end - range.start) as usize
    }
}

/// The key of one stream. It has no state: chunks may be sealed and opened in any order.
#[derive(Debug)]
pub(super) struct Stream {
    key: LessSafeKey,
}

impl Stream {
    pub(super) fn new(key: LessSafeKey) -> Self {
        Self { key }
    }

    /// The length of the content, sealed.
    pub(super) fn seal_length(&self, length: u64) -> Result<[u8; SEALED_LENGTH_LEN], SealError> {
        let mut sealed = [0; SEALED_LENGTH_LEN];
        let (plain, tag) = sealed.split_at_mut(8);
        plain.copy_from_slice(&length.to_be_bytes());
        tag.copy_from_slice(self.seal(nonce(0, LENGTH), plain)?.as_ref());
        Ok(sealed)
    }

    /// The length of the content, verified.
    pub(super) fn open_length(&self, mut sealed: [u8; SEALED_LENGTH_LEN]) -> Result<u64, OpenError> {
        let opened = self
            .key
            .open_in_place(nonce(0, LENGTH), Aad::empty(), &mut sealed)
            .map_err(|_| OpenError::Unverified { what: "the header of the blob" })?;
        let length = opened.first_chunk().copied().unwrap_or_default();
        Ok(u64::from_be_bytes(length))
    }

    /// Seals a chunk in place in its buffer, which holds exactly its content; padding and tag are appended.
    pub(super) fn seal_chunk(&self, layout: &BlobLayout, index: u64, chunk: &mut Vec<u8>) -> Result<(), SealError> {
        let expected = layout.content_len_of(index);
        if chunk.len() != expected {
            return Err(SealError::ChunkLength { index, expected, given: chunk.len() });
        }
        chunk.reserve_exact(layout.plain_len(index) + TAG_LEN - chunk.len());
        chunk.resize(layout.plain_len(index), 0);
        let tag = self.seal(chunk_nonce(layout, index), chunk)?;
        chunk.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// As [`Self::seal_chunk`], from `content` into `sealed`, which is overwritten.
    pub(super) fn seal_chunk_from(
        &self,
        layout: &BlobLayout,
        index: u64,
        content: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        if content.len() != layout.plain_len(index) {
            // A chunk with padding: the zeros have to be appended before both are sealed.
            sealed.clear();
            sealed.extend_from_slice(content);
            return self.seal_chunk(layout, index, sealed);
        }
        sealed.resize(content.len() + TAG_LEN, 0);
        let (ciphertext, tag) = sealed.split_at_mut(content.len());
        self.key
            .seal_out_of_place_scatter(chunk_nonce(layout, index), Aad::empty(), content, ciphertext, &[], tag)
            .map_err(|_| SealError::Library)
    }

    /// Opens a chunk in place and returns its content, without padding. On failure the buffer is zeroed.
    pub(super) fn open_chunk<'a>(
        &self,
        layout: &BlobLayout,
        index: u64,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        if index >= layout.chunks() {
            sealed.fill(0);
            return Err(OpenError::NoSuchChunk { index, chunks: layout.chunks() });
        }
        // A chunk of the wrong length fails like one with altered bytes: its tag is at the wrong position, or its plaintext
        // does not have the length that the layout requires.
        let fits = sealed.len() == layout.plain_len(index) + TAG_LEN;
        let opened = fits && self.key.open_in_place(chunk_nonce(layout, index), Aad::empty(), sealed).is_ok();
        if !opened {
            sealed.fill(0);
            return Err(OpenError::Unverified { what: "a chunk of the blob" });
        }
        Ok(&mut sealed[..layout.content_len_of(index)])
    }

    fn seal(&self, nonce: Nonce, plain: &mut [u8]) -> Result<aws_lc_rs::aead::Tag, SealError> {
        self.key.seal_in_place_separate_tag(nonce, Aad::empty(), plain).map_err(|_| SealError::Library)
    }
}

fn chunk_nonce(layout: &BlobLayout, index: u64) -> Nonce {
    nonce(index, if index + 1 == layout.chunks() { LAST } else { EARLIER })
}

fn nonce(number: u64, place: u8) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11] = place;
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(content_len: u64, padded_len: u64) -> BlobLayout {
        BlobLayout { content_len, padded_len, chunk_size: 10, prelude_len: 100 }
    }

    #[test]
    fn ranges_tile_the_content_and_the_sealed_blob() {
        for (content, padded) in [(0, 0), (1, 1), (9, 10), (10, 10), (11, 11), (11, 12), (19, 20), (20, 20), (15, 42)] {
            let layout = layout(content, padded);
            let (mut in_content, mut in_sealed) = (0, 100);
            for index in 0..layout.chunks() {
                assert_eq!(layout.content_range(index).start, in_content);
                assert_eq!(layout.sealed_range(index).start, in_sealed);
                in_content = layout.content_range(index).end;
                in_sealed = layout.sealed_range(index).end;
                assert!(layout.content_range(index).all(|offset| layout.chunk_at(offset) == index));
            }
            assert_eq!((in_content, in_sealed), (content, layout.sealed_len()));
            assert!(
                layout.content_range(layout.chunks()).is_empty() && layout.sealed_range(layout.chunks()).is_empty()
            );
            assert!(layout.content_range(u64::MAX).is_empty() && layout.sealed_range(u64::MAX).is_empty());
        }
    }

    #[test]
    fn only_a_blob_without_bytes_has_an_empty_chunk() {
        assert_eq!(layout(0, 0).chunks(), 1);
        assert_eq!(layout(0, 0).sealed_len(), 116);
        assert_eq!(layout(10, 10).chunks(), 1);
        assert_eq!(layout(10, 20).chunks(), 2);
        assert_eq!(layout(11, 11).chunks(), 2);
    }
}
