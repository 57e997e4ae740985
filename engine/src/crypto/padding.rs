//! Padding, which hides the length of content by rounding it up to one of few lengths. It only computes lengths; sealing
//! appends the zeros and stores the true length inside.

use serde::{Deserialize, Serialize};

/// How lengths are rounded up before sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Padmé (Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: "Reducing Metadata Leakage from Encrypted Files and
    /// Communication with PURBs", PETS 2019, section 4): at most 12% more, and O(log log n) bits of the length leak.
    #[default]
    Padme,
    /// No padding: the exact length is visible.
    None,
}

impl Padding {
    /// The name in configurations and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Padme => "padme",
            Self::None => "none",
        }
    }

    /// What a length of `length` bytes is rounded up to. Lengths above 2^63 are left alone (none exist).
    pub const fn padded(self, length: u64) -> u64 {
        match self {
            Self::Padme => padme(length),
            Self::None => length,
        }
    }
}

/// A permitted length, written as a binary floating-point number, has no more mantissa bits than its exponent has.
const fn padme(length: u64) -> u64 {
    if length < 2 || length > 1 << 63 {
        return length;
    }
    let exponent = length.ilog2();
    let mantissa_bits = exponent.ilog2() + 1;
    let cleared = (1u64 << exponent.saturating_sub(mantissa_bits)) - 1;
    (length + cleared) & !cleared
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's definition as a property of a length, without its arithmetic.
    fn permitted(length: u64) -> bool {
        let digits = format!("{length:b}");
        let exponent_digits = format!("{:b}", digits.len() - 1).len();
        let mantissa = digits[1..].trim_end_matches('0');
        mantissa.len() <= exponent_digits
    }

    #[test]
    fn padme_is_the_next_permitted_length() {
        let mut next = 1 << 18;
        for length in (0..=1 << 18).rev() {
            if permitted(length) {
                next = length;
            }
            assert_eq!(Padding::Padme.padded(length), next, "length {length}");
        }
    }

    #[test]
    fn padme_adds_at_most_twelve_percent() {
        for exponent in 1..63 {
            let power = 1u64 << exponent;
            for length in [power - 1, power, power + 1, power + power / 2 + 1] {
                let padded = Padding::Padme.padded(length);
                assert!(padded >= length);
                assert!(u128::from(padded - length) * 100 <= u128::from(length) * 12, "{length} became {padded}");
            }
        }
    }

    /// Computed with a transcription of the paper's Algorithm 1 into Python.
    #[test]
    fn known_lengths() {
        let known = [(0, 0), (1, 1), (9, 10), (100, 104), (1000, 1024), (10_000, 10_240), (1_000_000, 1_015_808)];
        for (length, padded) in known {
            assert_eq!(Padding::Padme.padded(length), padded);
        }
        assert_eq!(Padding::None.padded(9), 9);
        assert_eq!(Padding::Padme.padded(u64::MAX), u64::MAX);
    }
}
