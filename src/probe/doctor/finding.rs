//! What was found out about one property of the machine, and what to do about it.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub status: Status,
    /// What was found, with its figure.
    pub found: String,
    /// What to do, in plain English. Empty where nothing needs doing.
    pub advice: String,
}

/// The result of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing needs doing.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// This machine does not show it.
    Unknown,
    /// Measurements are worse for it.
    Warn,
    /// Measuring is impossible, or means nothing.
    Bad,
}

impl Status {
    /// One character for a table.
    pub const fn glyph(self) -> &'static str {
        match self {
            Status::Ok => "✓",
            Status::Note => "·",
            Status::Unknown => "?",
            Status::Warn => "!",
            Status::Bad => "✗",
        }
    }

    /// The status of a figure of which less is better.
    pub(super) fn of(figure: f64, warn: f64, bad: f64) -> Status {
        if figure >= bad {
            Status::Bad
        } else if figure >= warn {
            Status::Warn
        } else {
            Status::Ok
        }
    }
}

impl Finding {
    /// A finding that needs no advice.
    pub(super) fn fine(name: &'static str, found: impl Into<String>) -> Finding {
        Finding { name, status: Status::Ok, found: found.into(), advice: String::new() }
    }

    /// A finding with what to do about it, which is dropped where all is well.
    pub(super) fn new(name: &'static str, status: Status, found: impl Into<String>, advice: &str) -> Finding {
        let advice = if status == Status::Ok { String::new() } else { advice.to_owned() };
        Finding { name, status, found: found.into(), advice }
    }

    /// A property that this machine does not show.
    pub(super) fn unknown(name: &'static str, advice: &str) -> Finding {
        Finding::new(name, Status::Unknown, "not shown", advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_belong_to_the_worse_side() {
        assert_eq!(Status::of(0.99, 1.0, 5.0), Status::Ok);
        assert_eq!(Status::of(1.0, 1.0, 5.0), Status::Warn);
        assert_eq!(Status::of(5.0, 1.0, 5.0), Status::Bad);
    }
}
