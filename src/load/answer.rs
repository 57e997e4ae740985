//! What a server answers, taken apart as it comes (RFC 9112): the head, and where the body ends. Every byte is hostile;
//! nothing here may keep more of them than a head's limit, or trust a length.

use super::tally::Fault;

/// Most fields of a head.
const FIELDS: usize = 100;
/// Longest line of a chunked body that is no content: a size with its extension, a trailer.
const LINE_LIMIT: usize = 4096;
/// Most bytes of all trailers.
const TRAILER_LIMIT: usize = 16 << 10;

/// The content of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes that the head took.
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) framing: Framing,
    /// Whether another request can follow.
    pub(super) keep_alive: bool,
}

/// Where a body ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked(Chunks),
    /// With the connection.
    Close,
}

impl Head {
    /// The head at the start of `bytes`, `None` while it is not whole. Interim answers are heads as well.
    pub(super) fn parse(bytes: &[u8], is_head: bool) -> Result<Option<Self>, Fault> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(bytes).map_err(|_| Fault::Malformed)?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        let status = response.code.ok_or(Fault::Malformed)?;
        let mut keep_alive = response.version == Some(1);
        let (mut content_length, mut chunked) = (None, false);
        for field in response.headers {
            if field.name.eq_ignore_ascii_case("content-length") {
                let value = number(field.value)?;
                if content_length.is_some_and(|before| before != value) {
                    return Err(Fault::Malformed);
                }
                content_length = Some(value);
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                // Nothing else was asked for.
                if !field.value.eq_ignore_ascii_case(b"chunked") || chunked {
                    return Err(Fault::Malformed);
                }
                chunked = true;
            } else if field.name.eq_ignore_ascii_case("connection") {
                let mut words = field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                if words.clone().any(|word| word.eq_ignore_ascii_case(b"close")) {
                    keep_alive = false;
                } else if words.any(|word| word.eq_ignore_ascii_case(b"keep-alive")) {
                    keep_alive = true;
                }
            }
        }
        let framing = match (chunked, content_length) {
            _ if is_head || status < 200 || status == 204 || status == 304 => Framing::Length(0),
            (true, Some(_)) => return Err(Fault::Malformed),
            (true, None) => Framing::Chunked(Chunks::default()),
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::Close,
        };
        keep_alive &= framing != Framing::Close;
        Ok(Some(Self { length, status, framing, keep_alive }))
    }
}

fn number(digits: &[u8]) -> Result<u64, Fault> {
    let digits = digits.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Malformed);
    }
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Fault::Malformed)
}

/// A chunked body that is being read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    state: ChunkState,
    /// Bytes of the current line or, in trailers, of all.
    line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    Size { value: u64, digits: u32 },
    Extension { value: u64 },
    SizeEnd { value: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    Trailer { empty: bool },
    TrailerEnd { empty: bool },
    Done,
}

impl Default for ChunkState {
    fn default() -> Self {
        Self::Size { value: 0, digits: 0 }
    }
}

impl Chunks {
    /// Whether the last chunk and its trailers have been read.
    pub(super) fn is_done(&self) -> bool {
        self.state == ChunkState::Done
    }

    /// Takes the next piece of content out of `bytes`: how many bytes to skip before it, and its length. Both are 0 at the
    /// end of the body. Where the piece is empty, all that was given is framing.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<(usize, usize), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                ChunkState::Done => break,
                ChunkState::Data { left } => {
                    let here = left.min((bytes.len() - at) as u64);
                    self.state = match left - here {
                        0 => ChunkState::DataReturn,
                        left => ChunkState::Data { left },
                    };
                    return Ok((at, here as usize));
                }
                framing => self.state = self.step(framing, bytes[at])?,
            }
            at += 1;
        }
        Ok((at, 0))
    }

    fn step(&mut self, state: ChunkState, byte: u8) -> Result<ChunkState, Fault> {
        use ChunkState as S;
        self.line += 1;
        let limit = if matches!(state, S::Trailer { .. } | S::TrailerEnd { .. }) { TRAILER_LIMIT } else { LINE_LIMIT };
        if self.line > limit {
            return Err(Fault::TooLong);
        }
        Ok(match (state, byte) {
            (S::Size { value, digits }, byte) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = char::from(byte).to_digit(16).ok_or(Fault::Malformed)?;
                S::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (S::Size { value, digits: 1.. }, b'\r') => S::SizeEnd { value },
            (S::Size { value, digits: 1.. }, b';' | b' ' | b'\t') => S::Extension { value },
            (S::Extension { value }, b'\r') => S::SizeEnd { value },
            (S::Extension { value }, byte) if byte != b'\n' => S::Extension { value },
            (S::SizeEnd { value }, b'\n') => {
                self.line = 0;
                if value == 0 { S::Trailer { empty: true } } else { S::Data { left: value } }
            }
            (S::DataReturn, b'\r') => S::DataEnd,
            (S::DataEnd, b'\n') => {
                self.line = 0;
                S::default()
            }
            (S::Trailer { empty }, b'\r') => S::TrailerEnd { empty },
            (S::Trailer { .. }, byte) if byte != b'\n' => S::Trailer { empty: false },
            (S::TrailerEnd { empty: true }, b'\n') => S::Done,
            (S::TrailerEnd { empty: false }, b'\n') => S::Trailer { empty: true },
            _ => return Err(Fault::Malformed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Fault> {
        Head::parse(text.as_bytes(), false)
    }

    #[test]
    fn heads_say_where_bodies_end() {
        for (fields, framing, keep_alive) in [
            ("Content-Length: 5\r\n", Framing::Length(5), true),
            ("content-length: 5\r\nCONTENT-LENGTH: 5\r\nConnection: Close\r\n", Framing::Length(5), false),
            ("Transfer-Encoding: chunked\r\n", Framing::Chunked(Chunks::default()), true),
            ("Connection: x, keep-alive\r\n", Framing::Close, false),
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\nrest");
            let expected = Head { length: text.len() - 4, status: 200, framing, keep_alive };
            assert_eq!(head(&text), Ok(Some(expected)), "{fields}");
            assert_eq!(head(&text[..text.len() - 5]), Ok(None), "{fields}");
        }
        for status in ["204 No Content", "304 Not Modified", "100 Continue"] {
            let parsed = head(&format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n")).unwrap().unwrap();
            assert_eq!(parsed.framing, Framing::Length(0), "{status}");
        }
        let parsed = Head::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).unwrap().unwrap();
        assert_eq!(parsed.framing, Framing::Length(0));
        let parsed = head("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
        assert!(!parsed.keep_alive, "HTTP/1.0 closes");
    }

    #[test]
    fn heads_that_could_be_read_in_two_ways_are_refused() {
        for fields in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "no colon\r\n",
        ] {
            assert_eq!(head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")), Err(Fault::Malformed), "{fields}");
        }
        assert_eq!(head("SSH-2.0-OpenSSH\r\n"), Err(Fault::Malformed));
        let many: String = (0..=FIELDS).map(|number| format!("X-{number}: 1\r\n")).collect();
        assert_eq!(head(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")), Err(Fault::Malformed));
    }

    /// The content of a chunked body that comes in pieces of `step` bytes, and what is left over after its end.
    fn unchunk(body: &[u8], step: usize) -> Result<(Vec<u8>, usize), Fault> {
        let (mut chunks, mut content) = (Chunks::default(), Vec::new());
        let mut read = 0;
        for piece in body.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() && !chunks.is_done() {
                let (skip, length) = chunks.next(rest)?;
                content.extend_from_slice(&rest[skip..skip + length]);
                read += skip + length;
                rest = &rest[skip + length..];
            }
        }
        assert!(chunks.is_done(), "not at its end");
        Ok((content, body.len() - read))
    }

    #[test]
    fn chunks_are_put_together_however_they_arrive() {
        let body = b"4\r\nWiki\r\n6;a=\"b\"\r\npedia \r\n0E\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\nNEXT";
        for step in 1..body.len() {
            let (content, left) = unchunk(body, step).unwrap();
            assert_eq!((content.as_slice(), left), (b"Wikipedia in \r\n\r\nchunks.".as_slice(), 4), "{step}");
        }
    }

    #[test]
    fn wrong_and_endless_framing_is_refused() {
        for body in
            ["x\r\n", "\r\n", ";\r\n", "4\nWiki", "4\r\nWikiX", "1\r\na\rX", "0\r\n\rX", "fffffffffffffffff\r\n"]
        {
            assert_eq!(unchunk(body.as_bytes(), 1), Err(Fault::Malformed), "{body}");
        }
        assert_eq!(unchunk(format!("1;{}", "x".repeat(LINE_LIMIT)).as_bytes(), 7), Err(Fault::TooLong));
        let trailers = format!("0\r\n{}", "X: y\r\n".repeat(TRAILER_LIMIT));
        assert_eq!(unchunk(trailers.as_bytes(), 7), Err(Fault::TooLong));
    }
}
