//! Glyphs with words: what a verdict, a grade or a check says, readable without colour.

use std::fmt;

use crate::model::{CheckStatus, Grade, VerdictKind};

/// A state told by shape and word; the word is also the CSS class of its colour on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// The shape.
    pub glyph: &'static str,
    /// The word.
    pub word: &'static str,
}

impl Sign {
    /// Every check passes.
    pub const SOUND: Sign = Sign { glyph: "●", word: "sound" };
    /// A check warns.
    pub const NOISY: Sign = Sign { glyph: "◐", word: "noisy" };
    /// A check fails, or two sides cannot be compared.
    pub const UNUSABLE: Sign = Sign { glyph: "○", word: "unusable" };
    /// Something could not be measured.
    pub const FAILED: Sign = Sign { glyph: "✕", word: "failed" };
    /// The revision does not have it.
    pub const UNSUPPORTED: Sign = Sign { glyph: "–", word: "unsupported" };
    /// A regression.
    pub const WORSE: Sign = Sign { glyph: "▲", word: "worse" };
    /// An improvement.
    pub const BETTER: Sign = Sign { glyph: "▼", word: "better" };
    /// No change.
    pub const EQUIVALENT: Sign = Sign { glyph: "●", word: "equivalent" };
    /// The data do not decide.
    pub const INCONCLUSIVE: Sign = Sign { glyph: "◌", word: "inconclusive" };
    /// A comparison without any verdict yet.
    pub const UNDECIDED: Sign = Sign { glyph: "–", word: "undecided" };

    /// The sign of a verdict.
    pub const fn verdict(kind: VerdictKind) -> Sign {
        match kind {
            VerdictKind::Worse => Sign::WORSE,
            VerdictKind::Better => Sign::BETTER,
            VerdictKind::Equivalent => Sign::EQUIVALENT,
            VerdictKind::Inconclusive => Sign::INCONCLUSIVE,
            VerdictKind::Unusable => Sign::UNUSABLE,
        }
    }

    /// The sign of a grade.
    pub const fn grade(grade: Grade) -> Sign {
        match grade {
            Grade::Sound => Sign::SOUND,
            Grade::Noisy => Sign::NOISY,
            Grade::Unusable => Sign::UNUSABLE,
        }
    }

    /// The sign of a check.
    pub const fn check(status: CheckStatus) -> Sign {
        match status {
            CheckStatus::Pass => Sign { glyph: "●", word: "pass" },
            CheckStatus::Warn => Sign { glyph: "◐", word: "warn" },
            CheckStatus::Fail => Sign { glyph: "○", word: "fail" },
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.glyph, self.word)
    }
}

/// What each sign of a verdict means, the most urgent first.
pub const MEANINGS: [(Sign, &str); 5] = [
    (Sign::WORSE, "a regression beyond the margin, confirmed by fresh blocks"),
    (Sign::BETTER, "an improvement beyond the margin, confirmed by fresh blocks"),
    (Sign::EQUIVALENT, "no change beyond the margin: the whole interval lies within it"),
    (Sign::INCONCLUSIVE, "the blocks do not decide; the reason says what would"),
    (Sign::UNUSABLE, "the two sides cannot be compared; the reason says why"),
];
