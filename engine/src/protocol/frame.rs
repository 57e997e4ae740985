//! Streams of sealed documents, in batches, each followed by a commit frame that names its section of the sender's
//! history. Numbers are big-endian:
//!
//! ```text
//! stream   = "BLst" ‖ version (1) ‖ frames
//! document = 1 ‖ length of id (1) ‖ length of revision (2) ‖ length of sealed (4) ‖ id ‖ revision ‖ sealed
//! commit   = 2 ‖ documents in the batch (4) ‖ from generation (8) ‖ from transaction (16) ‖ to generation (8) ‖ to transaction (16)
//! end      = 3
//! header   = 4 ‖ length of id (1) ‖ length of revision (2) ‖ id ‖ revision ‖ label (39)
//! ```
//!
//! A header replaces a document if contents were not requested: its label is the end of the encrypted content.
//!
//! A stream without an end frame is incomplete; a last batch without a commit frame is discarded.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::document::{
    DocumentId, Generation, InvalidDocumentId, InvalidRevision, MAX_CONTENT, MAX_REVISION_TEXT, Position, Revision,
    TransactionId,
};

/// How every stream begins: four letters and the version of the format. History: 1, the first.
pub const PREAMBLE: [u8; 5] = *b"BLst\x01";

/// Bytes at the end of the encrypted content that authenticate a revision without its content.
pub use crate::crypto::DOCUMENT_LABEL as LABEL;

/// Most bytes of an encrypted document: the largest content and what encryption may add to it.
pub const MAX_SEALED: usize = MAX_CONTENT + 256;

/// Most bytes of the document frames of one batch. A batch of a single document may be as large as that document.
pub const BATCH_BYTES: usize = 8 << 20;

/// Most documents of one batch.
pub const BATCH_DOCUMENTS: usize = 16_384;

const DOCUMENT: u8 = 1;
const COMMIT: u8 = 2;
const END: u8 = 3;
const HEADER: u8 = 4;

const DOCUMENT_HEADER: usize = 1 + 1 + 2 + 4;
const HEADER_HEADER: usize = 1 + 1 + 2;
const COMMIT_LENGTH: usize = 1 + 4 + 2 * (8 + 16);

/// The least number of bytes by which the decoder's buffer grows, so that small chunks do not cause one allocation each.
const GROWTH: usize = 256 << 10;

/// An encrypted version of a document, as it is transferred and as a server stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDocument {
    /// Which document.
    pub id: DocumentId,
    /// Which version.
    pub revision: Revision,
    /// The content, which only its owner can decrypt.
    pub sealed: Bytes,
}

/// The end of a batch, which has everything of the sender's history between two positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// The number of documents in the batch.
    pub documents: usize,
    /// The end of the previous batch.
    pub from: Position,
    /// The end of this batch.
    pub to: Position,
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A document of the current batch.
    Document(SealedDocument),
    /// A document of the current batch without its content: `sealed` has only the label.
    Header(SealedDocument),
    /// The batch is complete.
    Commit(Commit),
    /// The stream is complete.
    End,
}

/// The bytes are not a valid stream of frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The preamble is wrong.
    #[error("this is not a stream of documents, or its version is not supported")]
    Preamble,
    /// The kind of a frame is unknown.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// A length beyond its limit.
    #[error("a frame's {what} has {length} bytes, more than {limit}")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its length.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A batch beyond its limits.
    #[error("a batch holds at most {BATCH_BYTES} bytes and {BATCH_DOCUMENTS} documents")]
    BatchTooLarge,
    /// A document id is invalid.
    #[error("{0}")]
    Id(#[from] InvalidDocumentId),
    /// A revision is invalid.
    #[error("{0}")]
    Revision(#[from] InvalidRevision),
    /// An id or a revision is not UTF-8.
    #[error("a document's id or revision is not valid UTF-8")]
    Text,
    /// A commit frame contradicts itself or its batch.
    #[error("invalid commit frame: {0}")]
    Commit(&'static str),
    /// Bytes after the end frame.
    #[error("there are bytes after the end of the stream")]
    AfterEnd,
    /// There is no end frame.
    #[error("the stream is incomplete")]
    Cut,
}

/// Bytes that a document takes in a stream.
pub const fn encoded_length(id: &str, revision: &str, sealed: usize) -> usize {
    DOCUMENT_HEADER + id.len() + revision.len() + sealed
}

/// Appends the header of a document.
///
/// # Errors
/// [`FrameError::TooLong`] for what no receiver would take.
pub fn encode_header(out: &mut BytesMut, id: &str, revision: &str, label: &[u8; LABEL]) -> Result<(), FrameError> {
    let (id_length, revision_length) = name_lengths(id, revision)?;
    out.put_u8(HEADER);
    out.put_u8(id_length);
    out.put_u16(revision_length);
    out.put_slice(id.as_bytes());
    out.put_slice(revision.as_bytes());
    out.put_slice(label);
    Ok(())
}

/// The lengths of a document's names, as a frame carries them.
fn name_lengths(id: &str, revision: &str) -> Result<(u8, u16), FrameError> {
    let id_length = u8::try_from(id.len()).map_err(|_| too_long("id", id.len(), usize::from(u8::MAX)))?;
    let revision_length = u16::try_from(bounded("revision", revision.len(), MAX_REVISION_TEXT)?)
        .map_err(|_| too_long("revision", revision.len(), MAX_REVISION_TEXT))?;
    Ok((id_length, revision_length))
}

/// Appends a document frame.
///
/// # Errors
/// [`FrameError::TooLong`] for what no receiver would take.
pub fn encode_document(out: &mut BytesMut, id: &str, revision: &str, sealed: &[u8]) -> Result<(), FrameError> {
    let (id_length, revision_length) = name_lengths(id, revision)?;
    let sealed_length = u32::try_from(bounded("sealed document", sealed.len(), MAX_SEALED)?)
        .map_err(|_| too_long("sealed document", sealed.len(), MAX_SEALED))?;
    out.reserve(encoded_length(id, revision, sealed.len()));
    out.put_u8(DOCUMENT);
    out.put_u8(id_length);
    out.put_u16(revision_length);
    out.put_u32(sealed_length);
    out.put_slice(id.as_bytes());
    out.put_slice(revision.as_bytes());
    out.put_slice(sealed);
    Ok(())
}

/// Appends a commit frame.
pub fn encode_commit(out: &mut BytesMut, commit: &Commit) {
    out.reserve(COMMIT_LENGTH);
    out.put_u8(COMMIT);
    // The limits of a batch are far below what the field can hold.
    out.put_u32(u32::try_from(commit.documents).unwrap_or(u32::MAX));
    for position in [commit.from, commit.to] {
        out.put_i64(position.generation);
        out.put_slice(&position.transaction.to_bytes());
    }
}

/// Appends the end frame.
pub fn encode_end(out: &mut BytesMut) {
    out.put_u8(END);
}

fn too_long(what: &'static str, length: usize, limit: usize) -> FrameError {
    FrameError::TooLong { what, length, limit }
}

fn bounded(what: &'static str, length: usize, limit: usize) -> Result<usize, FrameError> {
    if length > limit { Err(too_long(what, length, limit)) } else { Ok(length) }
}

/// Decodes a stream as its bytes arrive. It buffers at most one incomplete frame and the chunk it arrived in. After an error it
/// must not be used again.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    begun: bool,
    ended: bool,
    batch_bytes: usize,
    batch_documents: usize,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            self.buffer.reserve(bytes.len().max(GROWTH));
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, or `None` until more bytes have arrived.
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are not a valid stream.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if !self.begun && !self.take_preamble()? {
            return Ok(None);
        }
        let Some(kind) = self.buffer.first().copied() else { return Ok(None) };
        if self.ended {
            return Err(FrameError::AfterEnd);
        }
        match kind {
            DOCUMENT => self.take_document(),
            HEADER => self.take_header(),
            COMMIT => self.take_commit(),
            END if self.batch_documents > 0 => Err(FrameError::Commit("the last batch has none")),
            END => {
                self.buffer.advance(1);
                self.ended = true;
                Ok(Some(Frame::End))
            }
            other => Err(FrameError::Kind(other)),
        }
    }

    /// Checks that the stream is complete, when no more bytes will arrive.
    ///
    /// # Errors
    /// [`FrameError::Cut`] if it is not.
    pub fn finish(&self) -> Result<(), FrameError> {
        match (self.ended, self.buffer.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(FrameError::AfterEnd),
            (false, _) => Err(FrameError::Cut),
        }
    }

    fn take_preamble(&mut self) -> Result<bool, FrameError> {
        let length = self.buffer.len().min(PREAMBLE.len());
        if self.buffer[..length] != PREAMBLE[..length] {
            return Err(FrameError::Preamble);
        }
        self.begun = length == PREAMBLE.len();
        if self.begun {
            self.buffer.advance(length);
        }
        Ok(self.begun)
    }

    fn take_document(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(mut header) = self.buffer.get(1..DOCUMENT_HEADER) else { return Ok(None) };
        let id_length = usize::from(header.get_u8());
        let revision_length = bounded("revision", usize::from(header.get_u16()), MAX_REVISION_TEXT)?;
        let sealed_length = bounded("sealed document", header.get_u32() as usize, MAX_SEALED)?;
        let length = DOCUMENT_HEADER + id_length + revision_length + sealed_length;
        let document = self.take_named(length, DOCUMENT_HEADER, id_length, revision_length)?;
        Ok(document.map(Frame::Document))
    }

    fn take_header(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(mut header) = self.buffer.get(1..HEADER_HEADER) else { return Ok(None) };
        let id_length = usize::from(header.get_u8());
        let revision_length = bounded("revision", usize::from(header.get_u16()), MAX_REVISION_TEXT)?;
        let length = HEADER_HEADER + id_length + revision_length + LABEL;
        let document = self.take_named(length, HEADER_HEADER, id_length, revision_length)?;
        Ok(document.map(Frame::Header))
    }

    /// A complete frame of `length` bytes: its header, the names, and the encrypted content.
    fn take_named(
        &mut self,
        length: usize,
        header: usize,
        id_length: usize,
        revision_length: usize,
    ) -> Result<Option<SealedDocument>, FrameError> {
        self.count(length)?;
        if self.buffer.len() < length {
            return Ok(None);
        }
        self.batch_bytes += length;
        self.batch_documents += 1;
        let mut frame = self.buffer.split_to(length).freeze();
        frame.advance(header);
        let id = frame.split_to(id_length);
        let revision = frame.split_to(revision_length);
        let id = std::str::from_utf8(&id).map_err(|_| FrameError::Text)?.parse()?;
        let revision = std::str::from_utf8(&revision).map_err(|_| FrameError::Text)?.parse()?;
        Ok(Some(SealedDocument { id, revision, sealed: frame }))
    }

    /// Checks, before a document has arrived, that the batch has room for it.
    fn count(&self, length: usize) -> Result<(), FrameError> {
        let alone = self.batch_documents == 0;
        let fits = self.batch_bytes + length <= BATCH_BYTES && self.batch_documents < BATCH_DOCUMENTS;
        if alone || fits { Ok(()) } else { Err(FrameError::BatchTooLarge) }
    }

    fn take_commit(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.buffer.len() < COMMIT_LENGTH {
            return Ok(None);
        }
        self.buffer.advance(1);
        let documents = self.buffer.get_u32() as usize;
        let commit = Commit { documents, from: take_position(&mut self.buffer)?, to: take_position(&mut self.buffer)? };
        if documents != self.batch_documents {
            return Err(FrameError::Commit("its number of documents is wrong"));
        }
        if commit.to.generation < commit.from.generation {
            return Err(FrameError::Commit("it goes back in history"));
        }
        (self.batch_bytes, self.batch_documents) = (0, 0);
        Ok(Some(Frame::Commit(commit)))
    }
}

fn take_position(buffer: &mut BytesMut) -> Result<Position, FrameError> {
    let generation: Generation = buffer.get_i64();
    if generation < 0 {
        return Err(FrameError::Commit("a generation is negative"));
    }
    let mut transaction = [0; 16];
    buffer.copy_to_slice(&mut transaction);
    Ok(Position { generation, transaction: TransactionId::from_bytes(transaction) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REVISION: &str = "00000000000000aa:1";

    fn commit(documents: usize) -> Commit {
        let to = Position { generation: 7, transaction: TransactionId::from_bytes([9; 16]) };
        Commit { documents, from: Position::START, to }
    }

    fn stream(documents: &[(&str, Vec<u8>)]) -> BytesMut {
        let mut out = BytesMut::from(&PREAMBLE[..]);
        for (id, sealed) in documents {
            encode_document(&mut out, id, REVISION, sealed).unwrap();
        }
        encode_commit(&mut out, &commit(documents.len()));
        encode_end(&mut out);
        out
    }

    fn decode(bytes: &[u8], chunk: usize) -> Result<Vec<Frame>, FrameError> {
        let (mut decoder, mut frames) = (Decoder::new(), Vec::new());
        for chunk in bytes.chunks(chunk) {
            decoder.push(chunk);
            while let Some(frame) = decoder.next_frame()? {
                frames.push(frame);
            }
        }
        decoder.finish()?;
        Ok(frames)
    }

    /// The bytes of the format's description, written by hand.
    #[test]
    fn a_stream_reads_as_documented() {
        let written = stream(&[("D-1", vec![0xee; 2])]);
        let mut expected = b"BLst\x01\x01\x03\x00\x12\x00\x00\x00\x02D-100000000000000aa:1\xee\xee".to_vec();
        expected.extend_from_slice(b"\x02\x00\x00\x00\x01");
        expected.extend_from_slice(&[0; 24]);
        expected.extend_from_slice(b"\x00\x00\x00\x00\x00\x00\x00\x07");
        expected.extend_from_slice(&[9; 16]);
        expected.push(3);
        assert_eq!(written, expected);
        for chunk in [1, 2, 7, 1000] {
            let frames = decode(&expected, chunk).unwrap();
            assert!(matches!(&frames[0], Frame::Document(document) if document.sealed == [0xee; 2][..]));
            assert_eq!(frames[1..], [Frame::Commit(commit(1)), Frame::End]);
        }
    }

    #[test]
    fn headers_read_as_documented() {
        let mut written = BytesMut::from(&PREAMBLE[..]);
        encode_header(&mut written, "D-1", REVISION, &[0xaa; LABEL]).unwrap();
        encode_commit(&mut written, &commit(1));
        encode_end(&mut written);
        let header = [&b"\x04\x03\x00\x12D-100000000000000aa:1"[..], &[0xaa; 39]].concat();
        assert_eq!(written[5..5 + header.len()], header);
        for chunk in [1, 3, 1000] {
            let frames = decode(&written, chunk).unwrap();
            assert!(matches!(&frames[0], Frame::Header(header) if header.sealed == [0xaa; LABEL][..]));
        }
        for length in 0..written.len() {
            assert_eq!(decode(&written[..length], 16).unwrap_err(), FrameError::Cut, "{length}");
        }
        assert!(matches!(decode(b"BLst\x01\x04\x01\xff\xff", 9), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn every_truncation_is_detected() {
        let whole = stream(&[("a", vec![1; 30]), ("b", vec![])]);
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length], 16).unwrap_err(), FrameError::Cut, "{length}");
        }
        let longer = [&whole[..], b"\x03"].concat();
        assert_eq!(decode(&longer, 16), Err(FrameError::AfterEnd));
    }

    #[test]
    fn every_error_is_specific() {
        let after_preamble = |rest: &[u8]| decode(&[&PREAMBLE[..], rest].concat(), 999).unwrap_err();
        assert_eq!(decode(b"GET /", 9).unwrap_err(), FrameError::Preamble);
        assert_eq!(decode(b"BLst\x02", 9).unwrap_err(), FrameError::Preamble);
        assert_eq!(after_preamble(b"\x09"), FrameError::Kind(9));
        let huge = after_preamble(b"\x01\x01\x00\x01\xff\xff\xff\xff");
        assert!(matches!(huge, FrameError::TooLong { what: "sealed document", .. }));
        assert!(matches!(after_preamble(b"\x01\x01\xff\xff\x00\x00\x00\x00"), FrameError::TooLong { .. }));
        assert!(matches!(after_preamble(b"\x01\x03\x00\x12\x00\x00\x00\x00../00000000000000aa:1"), FrameError::Id(_)));
        assert!(matches!(after_preamble(b"\x01\x01\x00\x01\x00\x00\x00\x00aa"), FrameError::Revision(_)));
        assert_eq!(after_preamble(b"\x01\x01\x00\x01\x00\x00\x00\x00\xff\xff"), FrameError::Text);
        let mut counted = BytesMut::from(&PREAMBLE[..]);
        encode_commit(&mut counted, &commit(1));
        assert!(matches!(decode(&counted, 99).unwrap_err(), FrameError::Commit(_)));
        let mut open = BytesMut::from(&PREAMBLE[..]);
        encode_document(&mut open, "a", REVISION, b"").unwrap();
        encode_end(&mut open);
        assert!(matches!(decode(&open, 99).unwrap_err(), FrameError::Commit(_)));
    }

    #[test]
    fn batch_limits_are_checked_before_the_bytes_arrive() {
        let half = vec![0; BATCH_BYTES / 2];
        assert_eq!(
            decode(&stream(&[("a", half.clone()), ("b", half)]), 1 << 20).unwrap_err(),
            FrameError::BatchTooLarge
        );
        assert_eq!(decode(&stream(&[("a", vec![0; MAX_SEALED])]), 1 << 20).unwrap().len(), 3);
        let mut out = BytesMut::new();
        assert!(encode_document(&mut out, "a", REVISION, &vec![0; MAX_SEALED + 1]).is_err());
        assert!(out.is_empty());
        let many: Vec<_> = (0..=BATCH_DOCUMENTS).map(|_| ("a", vec![])).collect();
        assert_eq!(decode(&stream(&many), 1 << 20).unwrap_err(), FrameError::BatchTooLarge);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), chunk in 1..40usize) {
            let _ = decode(&bytes, chunk);
            let _ = decode(&[&PREAMBLE[..], &bytes].concat(), chunk);
        }

        #[test]
        fn altered_streams_never_panic(at in 0..200usize, with: u8, chunk in 1..40usize) {
            let mut bytes = stream(&[("D-1", vec![1; 60]), ("D-2", vec![2; 20])]);
            let at = at % bytes.len();
            bytes[at] = with;
            let _ = decode(&bytes, chunk);
        }

        #[test]
        fn streams_round_trip(
            documents in proptest::collection::vec(("[A-Za-z0-9._-]{1,255}", proptest::collection::vec(any::<u8>(), 0..2000)), 0..8),
            chunk in 1..5000usize,
        ) {
            let borrowed: Vec<_> = documents.iter().map(|(id, sealed)| (id.as_str(), sealed.clone())).collect();
            let frames = decode(&stream(&borrowed), chunk).unwrap();
            prop_assert_eq!(frames.len(), documents.len() + 2);
            for (frame, (id, sealed)) in frames.iter().zip(&documents) {
                let Frame::Document(document) = frame else { panic!("not a document") };
                prop_assert_eq!(document.id.as_str(), id);
                prop_assert_eq!(&document.sealed[..], &sealed[..]);
            }
        }
    }
}
