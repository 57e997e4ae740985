//! The `Range` header (RFC 9110, section 14). One range of bytes is served; several, another unit, or what is no range at
//! all gets the whole blob, as the RFC allows.

use std::ops::Range;

/// What of a blob to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Unsatisfiable,
}

/// What this header asks of a blob of `length` bytes.
pub(super) fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let spec = header.and_then(|header| header.split_once('=')).filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, range)| range.trim().split_once('-')) else { return Wanted::Whole };
    match (position(first), position(last)) {
        (Position::At(first), Position::Open) => part(first, length, length),
        (Position::At(first), Position::At(last)) if first <= last => part(first, last.saturating_add(1), length),
        (Position::Open, Position::At(0)) => Wanted::Unsatisfiable,
        // The end of nothing can be asked for, and cannot be expressed as a part.
        (Position::Open, Position::At(_)) if length == 0 => Wanted::Whole,
        (Position::Open, Position::At(count)) => part(length.saturating_sub(count), length, length),
        _ => Wanted::Whole,
    }
}

fn part(start: u64, end: u64, length: u64) -> Wanted {
    if start < length { Wanted::Part(start..end.min(length)) } else { Wanted::Unsatisfiable }
}

enum Position {
    At(u64),
    Open,
    Nonsense,
}

fn position(text: &str) -> Position {
    match text.trim() {
        "" => Position::Open,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number beyond every blob is still a number.
            Position::At(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Position::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9110, section 14.1.2, on a representation of 10,000 bytes, and the edges around them.
    #[test]
    fn ranges_are_those_of_rfc_9110() {
        for (header, expected) in [
            ("bytes=0-499", Wanted::Part(0..500)),
            ("bytes=500-999", Wanted::Part(500..1000)),
            ("bytes=-500", Wanted::Part(9500..10_000)),
            ("bytes=9500-", Wanted::Part(9500..10_000)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=-1", Wanted::Part(9999..10_000)),
            ("bytes=9999-", Wanted::Part(9999..10_000)),
            ("bytes=9999-20000", Wanted::Part(9999..10_000)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..10_000)),
            ("bytes=-20000", Wanted::Part(0..10_000)),
            ("Bytes= 0-0 ", Wanted::Part(0..1)),
            ("bytes=10000-", Wanted::Unsatisfiable),
            ("bytes=10000-10001", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=0-0,-1", Wanted::Whole),
            ("bytes=500-499", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10_000), expected, "{header}");
        }
        assert_eq!(wanted(None, 5), Wanted::Whole);
    }

    #[test]
    fn nothing_has_no_parts() {
        for header in ["bytes=0-", "bytes=0-0", "bytes=-0"] {
            assert_eq!(wanted(Some(header), 0), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted(Some("bytes=-5"), 0), Wanted::Whole);
    }
}
