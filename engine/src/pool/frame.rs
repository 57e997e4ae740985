//! The messages between a pool and its worker processes, in both directions. Frames hold keys, so they are zeroised. Both ends
//! are this program, but lengths are checked as if they were not.
//!
//! ```text
//! frame = length of what follows (4) ‖ kind (1) ‖ fields
//! field = length (4) ‖ bytes
//! ```
//!
//! Numbers are big-endian.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

/// Most bytes of a frame: a mail message or a batch of documents, with a wide margin.
const LIMIT: usize = 256 << 20;

/// Bytes of a frame that are read before memory for all of it is allocated.
const FIRST: usize = 1 << 20;

const LENGTH: usize = 4;

/// A frame, as it is sent.
pub(crate) struct Frame(Zeroizing<Vec<u8>>);

impl Frame {
    pub(super) fn new(kind: u8) -> Self {
        Self(Zeroizing::new(vec![0, 0, 0, 0, kind]))
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[LENGTH]
    }

    /// Allocates memory for `bytes` more, so that the frame, which may hold secrets, is not moved as it grows.
    pub(super) fn reserve(&mut self, bytes: usize) {
        if self.0.capacity() - self.0.len() < bytes {
            let mut larger = Zeroizing::new(Vec::with_capacity(self.0.len() + bytes));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
    }

    /// Adds a field.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.reserve(LENGTH + bytes.len());
        self.0.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// Adds a number as a field.
    pub(super) fn put_number(&mut self, number: u64) {
        self.put(&number.to_be_bytes());
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields(&self.0[LENGTH + 1..])
    }

    /// Writes the frame.
    pub(super) fn write_to(&mut self, mut pipe: impl Write) -> io::Result<()> {
        let length = self.0.len() - LENGTH;
        if length > LIMIT {
            return Err(too_long());
        }
        self.0[..LENGTH].copy_from_slice(&(length as u32).to_be_bytes());
        pipe.write_all(&self.0)?;
        pipe.flush()
    }

    /// Reads the next frame; `None` where the pipe ends before it.
    pub(super) fn read_from(mut pipe: impl Read) -> io::Result<Option<Self>> {
        let mut length = [0; LENGTH];
        match pipe.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let announced = u32::from_be_bytes(length) as usize;
        if announced == 0 || announced > LIMIT {
            return Err(too_long());
        }
        // Memory for the rest is allocated only after the first part: a length alone costs nothing.
        let first = announced.min(FIRST);
        let mut frame = Zeroizing::new(vec![0; LENGTH + first]);
        frame[..LENGTH].copy_from_slice(&length);
        pipe.read_exact(&mut frame[LENGTH..])?;
        let mut frame = Self(frame);
        frame.reserve(announced - first);
        frame.0.resize(LENGTH + announced, 0);
        pipe.read_exact(&mut frame.0[LENGTH + first..])?;
        Ok(Some(frame))
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "invalid length of a frame")
}

/// The fields of a frame that have not been read yet.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next field.
    pub(super) fn take(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<LENGTH>()?;
        let (field, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.0 = rest;
        Some(field)
    }

    /// The next field, a number.
    pub(super) fn take_number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take()?.try_into().ok()?))
    }

    /// The next field, text.
    pub(super) fn take_text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.take()?).ok()
    }

    /// The next field, a key or another value of fixed length.
    pub(super) fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take()?.try_into().ok()
    }

    /// Whether all fields have been read.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_a_round_trip_and_truncation_is_an_error() {
        let mut frame = Frame::new(7);
        frame.put(b"abc");
        frame.put(b"");
        frame.put_number(u64::MAX);
        let mut pipe = Vec::new();
        frame.write_to(&mut pipe).unwrap();
        assert_eq!(pipe[..9], [0, 0, 0, 24, 7, 0, 0, 0, 3]);
        let read = Frame::read_from(&pipe[..]).unwrap().unwrap();
        let mut fields = read.fields();
        assert_eq!((read.kind(), fields.take(), fields.take()), (7, Some(&b"abc"[..]), Some(&b""[..])));
        assert_eq!((fields.take_number(), fields.is_empty(), fields.take()), (Some(u64::MAX), true, None));
        assert!(Frame::read_from(&[][..]).unwrap().is_none());
        assert!(Frame::read_from(&pipe[..pipe.len() - 1]).is_err());
        assert!(Frame::read_from(&[0xff; 8][..]).is_err());
        assert!(Frame::read_from(&[0; 8][..]).is_err());
    }
}
