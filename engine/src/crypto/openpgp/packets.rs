//! The frames of OpenPGP packets (RFC 9580 section 4.2): kind and bytes. It must never look inside a packet, copy one without
//! need, or trust a length that exceeds the bytes.

use std::borrow::Cow;

/// The kinds of packets (RFC 9580 section 5).
pub(super) mod tag {
    pub(in super::super) const PUBLIC_KEY_SESSION_KEY: u8 = 1;
    pub(in super::super) const SIGNATURE: u8 = 2;
    pub(in super::super) const PASSWORD_SESSION_KEY: u8 = 3;
    pub(in super::super) const ONE_PASS_SIGNATURE: u8 = 4;
    pub(in super::super) const SECRET_KEY: u8 = 5;
    pub(in super::super) const PUBLIC_KEY: u8 = 6;
    pub(in super::super) const COMPRESSED: u8 = 8;
    pub(in super::super) const MARKER: u8 = 10;
    pub(in super::super) const LITERAL: u8 = 11;
    pub(in super::super) const PROTECTED: u8 = 18;
    pub(in super::super) const PADDING: u8 = 21;
}

/// The bytes are not packets, or end inside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BrokenFrame;

/// One packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    /// Its kind.
    pub(super) tag: u8,
    body: Body<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    Whole(&'a [u8]),
    /// Parts, each after its own length.
    Parts(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// The body of the packet. Copied only where it is in parts.
    pub(super) fn body(&self) -> Cow<'a, [u8]> {
        match self.body {
            Body::Whole(bytes) => Cow::Borrowed(bytes),
            Body::Parts(framed) => {
                let mut whole = Vec::with_capacity(framed.len());
                // The frames were walked when the packet was found, so no part is missing here.
                walk_parts(framed, |part| whole.extend_from_slice(part));
                Cow::Owned(whole)
            }
        }
    }
}

/// The packets in some bytes, in order. After an error there are no more.
#[derive(Debug)]
pub(super) struct Packets<'a>(&'a [u8]);

impl<'a> Packets<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self) -> Option<Packet<'a>> {
        let (&head, rest) = self.0.split_first()?;
        if head & 0xc0 == 0xc0 {
            let (body, remaining) = new_format(rest)?;
            self.0 = remaining;
            return Some(Packet { tag: head & 0x3f, body });
        }
        if head & 0x80 == 0 {
            return None;
        }
        let (length, rest) = match head & 3 {
            0 => be(rest, 1)?,
            1 => be(rest, 2)?,
            2 => be(rest, 4)?,
            // Indeterminate: to the end. GnuPG frames compressed packets this way.
            _ => (rest.len(), rest),
        };
        let (body, remaining) = rest.split_at_checked(length)?;
        self.0 = remaining;
        Some(Packet { tag: (head >> 2) & 0x0f, body: Body::Whole(body) })
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, BrokenFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let packet = self.take();
        if packet.is_none() {
            self.0 = &[];
        }
        Some(packet.ok_or(BrokenFrame))
    }
}

enum Length {
    /// The rest of the packet.
    Last(usize),
    /// A part, followed by another length.
    Partial(usize),
}

fn new_format(bytes: &[u8]) -> Option<(Body<'_>, &[u8])> {
    match length(bytes)? {
        (Length::Last(length), rest) => {
            let (body, remaining) = rest.split_at_checked(length)?;
            Some((Body::Whole(body), remaining))
        }
        (Length::Partial(_), _) => {
            let remaining = walk_parts(bytes, |_| ())?;
            Some((Body::Parts(&bytes[..bytes.len() - remaining.len()]), remaining))
        }
    }
}

/// Calls `part` for each part in order, and returns the bytes after the last one; `None` where the bytes end before it.
fn walk_parts<'a>(mut bytes: &'a [u8], mut part: impl FnMut(&'a [u8])) -> Option<&'a [u8]> {
    loop {
        let (next, rest) = length(bytes)?;
        let (taken, last) = match next {
            Length::Last(taken) => (taken, true),
            Length::Partial(taken) => (taken, false),
        };
        let (body, remaining) = rest.split_at_checked(taken)?;
        part(body);
        if last {
            return Some(remaining);
        }
        bytes = remaining;
    }
}

/// A length in the current format (RFC 9580 section 4.2.1), and the bytes after it.
fn length(bytes: &[u8]) -> Option<(Length, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    Some(match first {
        0..192 => (Length::Last(first.into()), rest),
        192..224 => {
            let (&second, rest) = rest.split_first()?;
            (Length::Last(((usize::from(first) - 192) << 8) + usize::from(second) + 192), rest)
        }
        224..255 => (Length::Partial(1 << (first & 0x1f)), rest),
        255 => {
            let (length, rest) = be(rest, 4)?;
            (Length::Last(length), rest)
        }
    })
}

fn be(bytes: &[u8], width: usize) -> Option<(usize, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(width)?;
    Some((digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Result<(u8, Vec<u8>), BrokenFrame>> {
        Packets::new(bytes).map(|packet| packet.map(|packet| (packet.tag, packet.body().into_owned()))).collect()
    }

    /// The examples of RFC 9580 section 4.2.1.6 (lengths 100, 1723, 100000, and a body of 2^15, 2, 1, 65536 and 1693
    /// bytes), and an old header of each kind.
    #[test]
    fn lengths_are_those_of_rfc_9580() {
        let body = vec![7; 100_000];
        let framed = |length: &[u8], body: &[u8]| [&[0xcb][..], length, body].concat();
        assert_eq!(all(&framed(&[0x64], &body[..100])), [Ok((11, body[..100].to_vec()))]);
        assert_eq!(all(&framed(&[0xc5, 0xfb], &body[..1723])), [Ok((11, body[..1723].to_vec()))]);
        assert_eq!(all(&framed(&[0xff, 0, 1, 0x86, 0xa0], &body)), [Ok((11, body.clone()))]);
        let parts: [(&[u8], usize); 5] =
            [(&[0xef], 32768), (&[0xe1], 2), (&[0xe0], 1), (&[0xf0], 65536), (&[0xc5, 0xdd], 1693)];
        let split: Vec<u8> = parts.iter().flat_map(|(length, bytes)| [length, &body[..*bytes]].concat()).collect();
        assert_eq!(all(&framed(&[], &split)), [Ok((11, body.clone()))]);
        let old = [&[0x84, 1, 9][..], &[0x85, 0, 1, 8], &[0x86, 0, 0, 0, 1, 7], &[0x87, 6, 5]].concat();
        assert_eq!(all(&old), [Ok((1, vec![9])), Ok((1, vec![8])), Ok((1, vec![7])), Ok((1, vec![6, 5]))]);
    }

    #[test]
    fn a_truncated_packet_is_an_error_and_ends_the_iteration() {
        for bytes in
            [&[0x04][..], &[0xcb], &[0xcb, 3, 1, 2], &[0xcb, 0xe1, 1, 2], &[0xcb, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(all(bytes), [Err(BrokenFrame)], "{bytes:x?}");
        }
    }
}
