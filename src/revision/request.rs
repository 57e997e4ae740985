//! What a person typed for a revision, taken apart before git sees any of it.

use super::RevisionError;

/// No name of a revision is longer.
const MAX_TEXT: usize = 1000;

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// The checkout as it is.
    Checkout,
    /// One commit.
    One(&'a str),
    /// The commits from the first to the last, both included.
    Range(&'a str, &'a str),
}

impl<'a> Request<'a> {
    /// Takes a text apart. Nothing and the word `worktree` mean the checkout; a missing end of a range means HEAD.
    pub(super) fn parse(text: Option<&'a str>) -> Result<Request<'a>, RevisionError> {
        let text = match text {
            None | Some("worktree") => return Ok(Request::Checkout),
            Some(text) => text,
        };
        let bad = |why| Err(RevisionError::BadText { text: printable(text), why });
        if text.len() > MAX_TEXT {
            return bad("it is longer than 1000 bytes");
        }
        if text.is_empty() {
            return bad("it is empty");
        }
        if text.chars().any(char::is_control) {
            return bad("it holds a control character");
        }
        let Some((first, last)) = text.split_once("..") else {
            return if text.starts_with('-') { bad("it begins with a dash") } else { Ok(Request::One(text)) };
        };
        if last.starts_with('.') {
            return bad("three dots mean two branches at once, and a run measures one line of commits");
        }
        if first.starts_with('-') || last.starts_with('-') {
            return bad("an end of it begins with a dash");
        }
        if last.contains("..") || (first.is_empty() && last.is_empty()) {
            return bad("a range has one `..` with a revision on a side of it");
        }
        let or_head = |end: &'a str| if end.is_empty() { "HEAD" } else { end };
        Ok(Request::Range(or_head(first), or_head(last)))
    }
}

/// A text for a message or a title: one line, no control characters, of a sensible length.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut line: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        assert_eq!(Request::parse(None).unwrap(), Request::Checkout);
        assert_eq!(Request::parse(Some("worktree")).unwrap(), Request::Checkout);
        assert_eq!(Request::parse(Some("v1.0")).unwrap(), Request::One("v1.0"));
        assert_eq!(Request::parse(Some("HEAD~4..HEAD")).unwrap(), Request::Range("HEAD~4", "HEAD"));
        assert_eq!(Request::parse(Some("v1..")).unwrap(), Request::Range("v1", "HEAD"));
        assert_eq!(Request::parse(Some("..v1")).unwrap(), Request::Range("HEAD", "v1"));
    }

    #[test]
    fn what_cannot_name_a_revision_is_refused() {
        let long = "x".repeat(1001);
        for text in ["", "..", "a...b", "a..b..c", "-x", "--all", "a..-x", "-x..a", "a\nb", "a\0b", "\u{1b}[31m", &long]
        {
            assert!(matches!(Request::parse(Some(text)), Err(RevisionError::BadText { .. })), "{text:?}");
        }
    }

    #[test]
    fn printable_text_is_one_short_line() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(printable(&"é".repeat(400)).chars().count(), 301);
    }
}
