//! The `Range` header (RFC 9110, section 14). A single range of bytes is served. Several ranges, another unit, or an
//! invalid header get the whole content, as the RFC allows.

use std::ops::Range;

/// Which part of a content to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestedRange {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes beyond its end.
    Unsatisfiable,
}

/// What this header requests of a content of `length` bytes.
pub(super) fn requested_range(header: Option<&str>, length: u64) -> RequestedRange {
    let spec = header.and_then(|header| header.split_once('=')).filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, range)| range.trim().split_once('-')) else {
        return RequestedRange::Whole;
    };
    match (position(first), position(last)) {
        (Position::At(first), Position::Open) => part(first, length, length),
        (Position::At(first), Position::At(last)) if first <= last => part(first, last.saturating_add(1), length),
        (Position::Open, Position::At(0)) => RequestedRange::Unsatisfiable,
        // A suffix of an empty content is valid, but cannot be expressed as a part.
        (Position::Open, Position::At(_)) if length == 0 => RequestedRange::Whole,
        (Position::Open, Position::At(count)) => part(length.saturating_sub(count), length, length),
        _ => RequestedRange::Whole,
    }
}

fn part(start: u64, end: u64, length: u64) -> RequestedRange {
    if start < length { RequestedRange::Part(start..end.min(length)) } else { RequestedRange::Unsatisfiable }
}

enum Position {
    At(u64),
    Open,
    Invalid,
}

fn position(text: &str) -> Position {
    match text.trim() {
        "" => Position::Open,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number larger than any content is still valid.
            Position::At(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Position::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9110, section 14.1.2, on a representation of 10,000 bytes, and the edges around them.
    #[test]
    fn ranges_are_those_of_rfc_9110() {
        for (header, expected) in [
            ("bytes=0-499", RequestedRange::Part(0..500)),
            ("bytes=500-999", RequestedRange::Part(500..1000)),
            ("bytes=-500", RequestedRange::Part(9500..10_000)),
            ("bytes=9500-", RequestedRange::Part(9500..10_000)),
            ("bytes=0-0", RequestedRange::Part(0..1)),
            ("bytes=-1", RequestedRange::Part(9999..10_000)),
            ("bytes=9999-", RequestedRange::Part(9999..10_000)),
            ("bytes=9999-20000", RequestedRange::Part(9999..10_000)),
            ("bytes=0-99999999999999999999999", RequestedRange::Part(0..10_000)),
            ("bytes=-20000", RequestedRange::Part(0..10_000)),
            ("Bytes= 0-0 ", RequestedRange::Part(0..1)),
            ("bytes=10000-", RequestedRange::Unsatisfiable),
            ("bytes=10000-10001", RequestedRange::Unsatisfiable),
            ("bytes=99999999999999999999999-", RequestedRange::Unsatisfiable),
            ("bytes=-0", RequestedRange::Unsatisfiable),
            ("bytes=0-0,-1", RequestedRange::Whole),
            ("bytes=500-499", RequestedRange::Whole),
            ("bytes=-", RequestedRange::Whole),
            ("bytes=a-b", RequestedRange::Whole),
            ("bytes=+1-2", RequestedRange::Whole),
            ("bytes", RequestedRange::Whole),
            ("", RequestedRange::Whole),
            ("items=0-1", RequestedRange::Whole),
        ] {
            assert_eq!(requested_range(Some(header), 10_000), expected, "{header}");
        }
        assert_eq!(requested_range(None, 5), RequestedRange::Whole);
    }

    #[test]
    fn an_empty_content_has_no_parts() {
        for header in ["bytes=0-", "bytes=0-0", "bytes=-0"] {
            assert_eq!(requested_range(Some(header), 0), RequestedRange::Unsatisfiable, "{header}");
        }
        assert_eq!(requested_range(Some("bytes=-5"), 0), RequestedRange::Whole);
    }
}
