//! Sealing and opening of blobs of any length in constant memory: a prelude (see `blob_header`), then chunks (see
//! `stream`). It must never return an unverified byte, nor accept an incomplete blob as whole.
//!
//! Chunks are sealed and opened in the caller's buffer, one at a time, so that one buffer per transfer is enough.

use super::blob_header::{self, BlobName, BlobSettings};
use super::stream::{BlobLayout, Stream};
use super::{BlobKey, Keys, OpenError, SealError};

/// Seals the chunks of one blob, in order.
#[derive(Debug)]
pub struct BlobSealer {
    prelude: Vec<u8>,
    layout: BlobLayout,
    stream: Stream,
    /// The chunk to be sealed next.
    next: u64,
}

impl BlobSealer {
    /// Starts sealing content of `length` bytes under a new salt.
    ///
    /// # Errors
    /// [`SealError`] for a name, a length or a chunk size that the format cannot carry.
    pub fn new(keys: &Keys, name: BlobName<'_>, length: u64, settings: BlobSettings) -> Result<Self, SealError> {
        let (prelude, layout, stream) = blob_header::start(&keys.blobs, name, length, settings)?;
        Ok(Self { prelude, layout, stream, next: 0 })
    }

    /// Resumes an earlier sealing from chunk `next`, to send the rest of it: the bytes are the same as before.
    ///
    /// The content must be exactly what was sealed then. Sealing anything else under the same prelude would break the
    /// secrecy of both, so changed content needs [`Self::new`].
    ///
    /// # Errors
    /// [`SealError::Resume`] when `prelude` was not made for this name under these keys, or has no such chunk.
    pub fn resume(keys: &Keys, name: BlobName<'_>, prelude: Vec<u8>, next: u64) -> Result<Self, SealError> {
        let (layout, stream) = blob_header::read(&keys.blobs, name, &prelude).map_err(SealError::Resume)?;
        let chunks = layout.chunks();
        if next > chunks {
            return Err(SealError::Resume(OpenError::NoSuchChunk { index: next, chunks }));
        }
        Ok(Self { prelude, layout, stream, next })
    }

    /// What comes before the first chunk, and what [`Self::resume`] needs.
    pub fn prelude(&self) -> &[u8] {
        &self.prelude
    }

    /// The layout of the sealed blob.
    pub fn layout(&self) -> &BlobLayout {
        &self.layout
    }

    /// Bytes of content that the next chunk takes (none where only padding is left); `None` once all are sealed.
    pub fn next_len(&self) -> Option<usize> {
        (self.next < self.layout.chunks()).then(|| self.layout.content_len_of(self.next))
    }

    /// Seals the next chunk in place in its buffer, which must hold exactly [`Self::next_len`] bytes. The buffer grows by
    /// padding and tag; a reused buffer is allocated once.
    ///
    /// # Errors
    /// [`SealError::ChunkLength`], or [`SealError::Chunks`] after the last one.
    pub fn seal_next(&mut self, chunk: &mut Vec<u8>) -> Result<(), SealError> {
        self.check_not_finished()?;
        self.stream.seal_chunk(&self.layout, self.next, chunk)?;
        self.next += 1;
        Ok(())
    }

    /// As [`Self::seal_next`], but seals `content` directly into `sealed`, without a copy. Afterwards `sealed` holds only the
    /// sealed chunk.
    ///
    /// # Errors
    /// As [`Self::seal_next`].
    pub fn seal_next_from(&mut self, content: &[u8], sealed: &mut Vec<u8>) -> Result<(), SealError> {
        self.check_not_finished()?;
        self.stream.seal_chunk_from(&self.layout, self.next, content, sealed)?;
        self.next += 1;
        Ok(())
    }

    /// Completes the sealing.
    ///
    /// # Errors
    /// [`SealError::Chunks`] when chunks are missing: the sealed blob could not be opened.
    pub fn finish(self) -> Result<(), SealError> {
        if self.next < self.layout.chunks() { Err(self.chunks_error()) } else { Ok(()) }
    }

    fn check_not_finished(&self) -> Result<(), SealError> {
        if self.next < self.layout.chunks() { Ok(()) } else { Err(self.chunks_error()) }
    }

    fn chunks_error(&self) -> SealError {
        SealError::Chunks { sealed: self.next, chunks: self.layout.chunks() }
    }
}

/// Opens the chunks of one sealed blob: in order, or any single one.
#[derive(Debug)]
pub struct BlobOpener {
    layout: BlobLayout,
    stream: Stream,
    /// The chunk to be opened next.
    next: u64,
}

impl BlobOpener {
    /// Reads the prelude, the first [`BlobName::prelude_len`] bytes. That verifies the keys, the name and the length.
    ///
    /// # Errors
    /// [`OpenError`] when it is not the prelude of this blob, sealed under these keys.
    pub fn new(keys: &Keys, name: BlobName<'_>, prelude: &[u8]) -> Result<Self, OpenError> {
        Self::under(&keys.blobs, name, prelude)
    }

    /// As [`Self::new`], with only the key that it needs.
    pub(crate) fn under(key: &BlobKey, name: BlobName<'_>, prelude: &[u8]) -> Result<Self, OpenError> {
        let (layout, stream) = blob_header::read(key, name, prelude)?;
        Ok(Self { layout, stream, next: 0 })
    }

    /// The layout of the sealed blob. Its lengths are verified.
    pub fn layout(&self) -> &BlobLayout {
        &self.layout
    }

    /// Bytes of the next sealed chunk; `None` once all are opened.
    pub fn next_sealed_len(&self) -> Option<usize> {
        let range = self.layout.sealed_range(self.next);
        (!range.is_empty()).then(|| (range.end - range.start) as usize)
    }

    /// Opens the next chunk in place and returns its content, without padding.
    ///
    /// # Errors
    /// [`OpenError`] when it is not this blob's next chunk, unaltered. The buffer then holds zeros.
    pub fn open_next<'a>(&mut self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], OpenError> {
        let content = self.stream.open_chunk(&self.layout, self.next, sealed)?;
        self.next += 1;
        Ok(content)
    }

    /// Opens only chunk `index`, for a range or to resume after an interruption; it does not count for [`Self::finish`].
    ///
    /// # Errors
    /// As [`Self::open_next`].
    pub fn open_chunk<'a>(&self, index: u64, sealed: &'a mut [u8]) -> Result<&'a mut [u8], OpenError> {
        self.stream.open_chunk(&self.layout, index, sealed)
    }

    /// Completes the opening. The returned content is the whole blob only if this succeeds.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] when chunks are missing.
    pub fn finish(self) -> Result<(), OpenError> {
        let chunks = self.layout.chunks();
        if self.next < chunks { Err(OpenError::Truncated { opened: self.next, chunks }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::{Cipher, MIN_CHUNK_SIZE, Padding, RootSecret, open_blob, seal_blob};

    const NAME: BlobName<'_> = BlobName { user: "user-1", namespace: "mail", id: "B-1" };
    const CHUNK: usize = MIN_CHUNK_SIZE as usize;

    fn keys() -> Keys {
        Keys::derive(&RootSecret::from_bytes([3; 32]))
    }

    fn settings(padding: Padding) -> BlobSettings {
        BlobSettings { chunk_size: MIN_CHUNK_SIZE, padding, ..BlobSettings::default() }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
    }

    fn seal(name: BlobName<'_>, content: &[u8], settings: BlobSettings) -> Vec<u8> {
        let mut sealed = Vec::new();
        seal_blob(BlobSealer::new(&keys(), name, content.len() as u64, settings).unwrap(), content, &mut sealed)
            .unwrap();
        sealed
    }

    fn open(name: BlobName<'_>, sealed: &[u8]) -> Result<Vec<u8>, String> {
        let mut content = Vec::new();
        let length = open_blob(&keys(), name, sealed, &mut content).map_err(|error| error.to_string())?;
        assert_eq!(length, content.len() as u64);
        Ok(content)
    }

    #[test]
    fn blobs_of_awkward_sizes_open_again() {
        for cipher in Cipher::ALL {
            for padding in [Padding::Padme, Padding::None] {
                for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 17 * CHUNK + 1, 100_000] {
                    let content = bytes(length);
                    let sealed = seal(NAME, &content, BlobSettings { cipher, ..settings(padding) });
                    assert_eq!(open(NAME, &sealed).unwrap(), content, "{length}");
                }
            }
        }
    }

    #[test]
    fn the_layout_is_correct_and_any_chunk_opens_alone() {
        let content = bytes(17 * CHUNK + 1);
        let sealed = seal(NAME, &content, settings(Padding::Padme));
        let opener = BlobOpener::new(&keys(), NAME, &sealed[..NAME.prelude_len()]).unwrap();
        let layout = *opener.layout();
        assert_eq!((layout.content_len(), layout.sealed_len()), (content.len() as u64, sealed.len() as u64));
        for index in (0..layout.chunks()).rev() {
            let (inside, outside) = (layout.content_range(index), layout.sealed_range(index));
            let mut chunk = sealed[outside.start as usize..outside.end as usize].to_vec();
            let opened = opener.open_chunk(index, &mut chunk).unwrap();
            assert_eq!(opened, &content[inside.start as usize..inside.end as usize]);
        }
    }

    #[test]
    fn a_resumed_sealing_gives_the_same_bytes() {
        let content = bytes(5 * CHUNK + 7);
        let sealed = seal(NAME, &content, settings(Padding::Padme));
        let prelude = sealed[..NAME.prelude_len()].to_vec();
        for next in 0..=6 {
            let mut sealer = BlobSealer::resume(&keys(), NAME, prelude.clone(), next).unwrap();
            let from = sealer.layout().sealed_range(next).start as usize;
            let mut rest = Vec::new();
            for index in next.. {
                let Some(length) = sealer.next_len() else { break };
                let start = sealer.layout().content_range(index).start as usize;
                let mut chunk = content[start..start + length].to_vec();
                if index % 2 == 0 {
                    sealer.seal_next(&mut chunk).unwrap();
                } else {
                    sealer.seal_next_from(&content[start..start + length], &mut chunk).unwrap();
                }
                rest.extend_from_slice(&chunk);
            }
            sealer.finish().unwrap();
            assert_eq!(rest, &sealed[from..], "from chunk {next}");
        }
        assert!(matches!(BlobSealer::resume(&keys(), NAME, prelude.clone(), 7), Err(SealError::Resume(_))));
        let other = BlobName { id: "B-2", ..NAME };
        assert!(matches!(BlobSealer::resume(&keys(), other, prelude, 0), Err(SealError::Resume(_))));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_detected() {
        let content = bytes(2 * CHUNK + 100);
        for cipher in Cipher::ALL {
            let sealed = seal(NAME, &content, BlobSettings { cipher, ..settings(Padding::Padme) });
            let mut altered = sealed.clone();
            for bit in 0..sealed.len() * 8 {
                altered[bit / 8] ^= 1 << (bit % 8);
                open(NAME, &altered).unwrap_err();
                altered[bit / 8] ^= 1 << (bit % 8);
            }
            for length in 0..sealed.len() {
                open(NAME, &sealed[..length]).unwrap_err();
            }
            open(NAME, &[&sealed[..], b"\0"].concat()).unwrap_err();
        }
    }

    /// The chunks of a sealed blob, prelude first.
    fn pieces(sealed: &[u8]) -> Vec<Vec<u8>> {
        let (prelude, chunks) = sealed.split_at(NAME.prelude_len());
        std::iter::once(prelude).chain(chunks.chunks(CHUNK + 16)).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn chunks_cannot_be_reordered_repeated_dropped_or_spliced() {
        let content = bytes(4 * CHUNK);
        let mine = pieces(&seal(NAME, &content, settings(Padding::None)));
        let again = pieces(&seal(NAME, &content, settings(Padding::None)));
        assert_eq!(mine.len(), 5);
        let altered = |order: &[usize]| open(NAME, &order.iter().flat_map(|i| mine[*i].clone()).collect::<Vec<_>>());
        altered(&[0, 1, 2, 3, 4]).unwrap();
        for order in
            [&[0, 2, 1, 3, 4][..], &[0, 1, 2, 4, 3], &[0, 1, 1, 3, 4], &[0, 1, 2, 3], &[0, 1, 2, 4], &[0, 4], &[0]]
        {
            altered(order).unwrap_err();
        }
        altered(&[0, 1, 2, 3, 4, 4]).unwrap_err();
        for place in 0..5 {
            let mut spliced = mine.clone();
            spliced[place].clone_from(&again[place]);
            open(NAME, &spliced.concat()).unwrap_err();
        }
    }

    #[test]
    fn a_blob_cannot_pass_for_another() {
        let sealed = seal(NAME, b"x", settings(Padding::Padme));
        let others = [
            BlobName { user: "user-2", ..NAME },
            BlobName { namespace: "maim", ..NAME },
            BlobName { id: "B-2", ..NAME },
            // The same letters, divided otherwise.
            BlobName { namespace: "mailB", id: "-1", ..NAME },
        ];
        for other in others {
            assert_eq!(
                BlobOpener::new(&keys(), other, &sealed[..NAME.prelude_len()]).unwrap_err(),
                OpenError::AnotherBlob
            );
        }
        let strangers = Keys::derive(&RootSecret::generate());
        let refused = BlobOpener::new(&strangers, NAME, &sealed[..NAME.prelude_len()]).unwrap_err();
        assert!(matches!(refused, OpenError::Unverified { .. }), "{refused}");
    }

    #[test]
    fn a_chunk_that_does_not_verify_leaves_zeros() {
        let sealed = seal(NAME, &bytes(100), settings(Padding::None));
        let (prelude, chunk) = sealed.split_at(NAME.prelude_len());
        let mut opener = BlobOpener::new(&keys(), NAME, prelude).unwrap();
        for wrong in [&chunk[..chunk.len() - 1], &[chunk, b"0"].concat(), &[b"0", &chunk[1..]].concat(), &[]] {
            let mut buffer = wrong.to_vec();
            opener.open_next(&mut buffer).unwrap_err();
            assert!(buffer.iter().all(|byte| *byte == 0));
        }
        assert_eq!(opener.open_chunk(1, &mut chunk.to_vec()), Err(OpenError::NoSuchChunk { index: 1, chunks: 1 }));
        // A rejected chunk changes nothing: the right one still opens.
        assert_eq!(opener.open_next(&mut chunk.to_vec()).unwrap(), bytes(100));
        opener.finish().unwrap();
    }

    #[test]
    fn chunk_counts_are_checked() {
        let mut sealer = BlobSealer::new(&keys(), NAME, 5, settings(Padding::None)).unwrap();
        let refused = sealer.seal_next(&mut vec![0; 4]).unwrap_err();
        assert_eq!(refused, SealError::ChunkLength { index: 0, expected: 5, given: 4 });
        let mut chunk = Vec::new();
        assert_eq!(sealer.seal_next_from(&[0; 4], &mut chunk).unwrap_err(), refused);
        let mut chunk = vec![0; 5];
        sealer.seal_next(&mut chunk).unwrap();
        assert_eq!(sealer.seal_next_from(b"", &mut chunk), Err(SealError::Chunks { sealed: 1, chunks: 1 }));
        assert_eq!(sealer.seal_next(&mut chunk), Err(SealError::Chunks { sealed: 1, chunks: 1 }));
        let opener = BlobOpener::new(&keys(), NAME, sealer.prelude()).unwrap();
        assert_eq!(opener.finish(), Err(OpenError::Truncated { opened: 0, chunks: 1 }));
        let unfinished = BlobSealer::new(&keys(), NAME, 5, settings(Padding::None)).unwrap();
        assert_eq!(unfinished.finish(), Err(SealError::Chunks { sealed: 0, chunks: 1 }));

        for length in [4, 6] {
            let sealer = BlobSealer::new(&keys(), NAME, 5, settings(Padding::None)).unwrap();
            seal_blob(sealer, &bytes(length)[..], std::io::sink()).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn arbitrary_chunks_never_open(chunk in proptest::collection::vec(any::<u8>(), 0..2200), index in 0u64..5) {
            let sealed = seal(NAME, &bytes(3 * CHUNK), settings(Padding::None));
            let opener = BlobOpener::new(&keys(), NAME, &sealed[..NAME.prelude_len()]).unwrap();
            prop_assert!(opener.open_chunk(index, &mut chunk.clone()).is_err());
        }
    }
}
