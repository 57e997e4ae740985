//! Settings as people write them: a number, then a unit. Arithmetic is exact in decimal; it must never round a setting,
//! guess a unit that is not written, or accept a negative number.

/// The longest text looked at, in bytes.
const TEXT_LIMIT: usize = 64;

/// Why a text is not the quantity that was asked for. Every message names what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is no number where one should be.
    #[error("\"{text}\" is not a {noun}: write a number and a unit ({units}), such as \"{example}\"")]
    Number {
        /// What was read, shortened.
        text: String,
        /// What was wanted.
        noun: &'static str,
        /// The units that are accepted.
        units: String,
        /// How to write one.
        example: &'static str,
    },
    /// The number is followed by something that is not a unit of this quantity, or by nothing.
    #[error("\"{text}\" is not a {noun}: its unit is {found}; write one of {units}, such as \"{example}\"")]
    Unit {
        /// What was read, shortened.
        text: String,
        /// What was wanted.
        noun: &'static str,
        /// What stood in the unit's place.
        found: String,
        /// The units that are accepted.
        units: String,
        /// How to write one.
        example: &'static str,
    },
    /// It is not a whole number of the smallest unit.
    #[error("\"{text}\" is finer than the smallest {noun}, 1 {smallest}: write a whole number of them")]
    TooFine {
        /// What was read, shortened.
        text: String,
        /// What was wanted.
        noun: &'static str,
        /// The smallest unit.
        smallest: &'static str,
    },
    /// It does not fit 64 bits of the smallest unit.
    #[error("\"{text}\" is too large for a {noun}: write at most {largest} {smallest}", largest = u64::MAX)]
    TooLarge {
        /// What was read, shortened.
        text: String,
        /// What was wanted.
        noun: &'static str,
        /// The smallest unit.
        smallest: &'static str,
    },
}

/// A duration such as `60 s`, `20 ms` or `1.5 h`, in nanoseconds.
///
/// # Errors
/// When it is not a number and one of the units, or finer than a nanosecond, or beyond 584 years.
pub fn parse_duration(text: &str) -> Result<u64, ParseError> {
    DURATION.parse(text)
}

/// A size such as `10 kB` (k = 1000) or `1 MiB` (1024 × 1024), in bytes.
///
/// # Errors
/// When it is not a number and one of the units, or not whole bytes, or beyond 64 bits.
pub fn parse_bytes(text: &str) -> Result<u64, ParseError> {
    BYTES.parse(text)
}

/// A rate of bytes such as `10 MB/s`, in bytes a second.
///
/// # Errors
/// As [`parse_bytes`].
pub fn parse_byte_rate(text: &str) -> Result<u64, ParseError> {
    BYTE_RATE.parse(text)
}

/// A rate of things such as `500 /s` or `30 /min`, in things a second.
///
/// # Errors
/// When it is not a number and one of the units.
pub fn parse_rate(text: &str) -> Result<f64, ParseError> {
    let (number, unit) = RATE.split(text)?;
    let per_minute = RATE.factor(text, unit)? == 1;
    let value = number.approximate();
    Ok(if per_minute { value / 60.0 } else { value })
}

/// A share such as `2%` or `0.02`, 1 being the whole. A share above 1 is allowed: `150%`.
///
/// # Errors
/// When it is not a number, alone or with a percent sign.
pub fn parse_ratio(text: &str) -> Result<f64, ParseError> {
    let (number, unit) = RATIO.split(text)?;
    match unit {
        "" => Ok(number.approximate()),
        _ => RATIO.factor(text, unit).map(|_| number.approximate() / 100.0),
    }
}

/// A quantity that can be written: its units, the smallest first, each with how many of the smallest it is.
struct Noun {
    name: &'static str,
    example: &'static str,
    units: &'static [(&'static str, u64)],
}

const DURATION: Noun = Noun {
    name: "duration",
    example: "20 ms",
    units: &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000), // U+00B5, the micro sign
        ("μs", 1_000), // U+03BC, the Greek letter, which looks the same
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ],
};

const BYTES: Noun = Noun {
    name: "byte size",
    example: "10 kB",
    units: &[
        ("B", 1),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ],
};

const BYTE_RATE: Noun = Noun {
    name: "rate of bytes",
    example: "10 MB/s",
    units: &[
        ("B/s", 1),
        ("kB/s", 1_000),
        ("MB/s", 1_000_000),
        ("GB/s", 1_000_000_000),
        ("KiB/s", 1 << 10),
        ("MiB/s", 1 << 20),
        ("GiB/s", 1 << 30),
    ],
};

const RATE: Noun = Noun { name: "rate", example: "500 /s", units: &[("/min", 1), ("/s", 60)] };

const RATIO: Noun = Noun { name: "ratio", example: "2%", units: &[("%", 1)] };

impl Noun {
    /// A whole number of the smallest unit.
    fn parse(&self, text: &str) -> Result<u64, ParseError> {
        let (number, unit) = self.split(text)?;
        let factor = self.factor(text, unit)?;
        let smallest = self.units[0].0;
        match number.times(factor) {
            Ok(value) => Ok(value),
            Err(Inexact::TooFine) => Err(ParseError::TooFine { text: shorten(text), noun: self.name, smallest }),
            Err(Inexact::TooLarge) => Err(ParseError::TooLarge { text: shorten(text), noun: self.name, smallest }),
        }
    }

    /// The number in front and the text after it.
    fn split<'a>(&self, text: &'a str) -> Result<(Decimal<'a>, &'a str), ParseError> {
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        match Decimal::parse(&trimmed[..end]) {
            Some(number) if trimmed.len() <= TEXT_LIMIT => Ok((number, trimmed[end..].trim_start())),
            _ => Err(ParseError::Number {
                text: shorten(text),
                noun: self.name,
                units: self.unit_list(),
                example: self.example,
            }),
        }
    }

    fn factor(&self, text: &str, unit: &str) -> Result<u64, ParseError> {
        self.units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or_else(|| ParseError::Unit {
            text: shorten(text),
            noun: self.name,
            found: if unit.is_empty() { "missing".to_owned() } else { format!("\"{}\"", shorten(unit)) },
            units: self.unit_list(),
            example: self.example,
        })
    }

    fn unit_list(&self) -> String {
        self.units.iter().map(|(name, _)| *name).filter(|name| *name != "μs").collect::<Vec<_>>().join(", ")
    }
}

/// The digits of a decimal number. Invariant: ASCII digits only, at least one of them before the point.
struct Decimal<'a> {
    whole: &'a str,
    fraction: &'a str,
}

enum Inexact {
    TooFine,
    TooLarge,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        match text.split_once('.') {
            None => digits(text).then_some(Self { whole: text, fraction: "" }),
            Some((whole, fraction)) => (digits(whole) && digits(fraction)).then_some(Self { whole, fraction }),
        }
    }

    /// The number times a factor, exactly.
    fn times(&self, factor: u64) -> Result<u64, Inexact> {
        let fraction = self.fraction.trim_end_matches('0');
        let divisor = u32::try_from(fraction.len()).ok().and_then(|places| 10_u128.checked_pow(places));
        let digits: Option<u128> = format!("{}{fraction}", self.whole).parse().ok();
        let scaled = digits.and_then(|digits| digits.checked_mul(u128::from(factor)));
        let (Some(divisor), Some(scaled)) = (divisor, scaled) else {
            // More digits than 128 bits hold: the place that does not fit shows which limit was passed.
            return Err(if self.whole.trim_start_matches('0').len() > 20 {
                Inexact::TooLarge
            } else {
                Inexact::TooFine
            });
        };
        if scaled % divisor != 0 {
            return Err(Inexact::TooFine);
        }
        u64::try_from(scaled / divisor).map_err(|_| Inexact::TooLarge)
    }

    /// The nearest `f64`. Finite, because the text is short.
    fn approximate(&self) -> f64 {
        format!("{}.{}0", self.whole, self.fraction).parse().unwrap_or(0.0)
    }
}

/// The first characters of a text, for a message.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("60 s", 60_000_000_000),
            ("20 ms", 20_000_000),
            ("20ms", 20_000_000),
            (" 1.5 h ", 5_400_000_000_000),
            ("0.000000001 s", 1),
            ("5 us", 5_000),
            ("5 \u{b5}s", 5_000),
            ("5 \u{3bc}s", 5_000),
            ("2 d", 172_800_000_000_000),
            ("0 s", 0),
            ("18446744073709551615 ns", u64::MAX),
            ("1.50000000000000000000 s", 1_500_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn sizes_rates_and_ratios() {
        assert_eq!(parse_bytes("10 kB"), Ok(10_000));
        assert_eq!(parse_bytes("1 MiB"), Ok(1_048_576));
        assert_eq!(parse_bytes("0.5 KiB"), Ok(512));
        assert_eq!(parse_byte_rate("10 MB/s"), Ok(10_000_000));
        assert_eq!(parse_rate("500 /s"), Ok(500.0));
        assert_eq!(parse_rate("30/min"), Ok(0.5));
        assert_eq!(parse_ratio("2%"), Ok(0.02));
        assert_eq!(parse_ratio("0.02"), Ok(0.02));
        assert_eq!(parse_ratio("150 %"), Ok(1.5));
    }

    #[test]
    fn refusals_say_what_is_accepted() {
        let message = |result: Result<u64, ParseError>| result.unwrap_err().to_string();
        assert_eq!(
            message(parse_bytes("10 KB")),
            "\"10 KB\" is not a byte size: its unit is \"KB\"; write one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as \"10 kB\""
        );
        assert_eq!(
            message(parse_duration("60")),
            "\"60\" is not a duration: its unit is missing; write one of ns, us, µs, ms, s, min, h, d, such as \"20 ms\""
        );
        assert_eq!(
            message(parse_duration("soon")),
            "\"soon\" is not a duration: write a number and a unit (ns, us, µs, ms, s, min, h, d), such as \"20 ms\""
        );
        assert_eq!(
            message(parse_bytes("0.5 B")),
            "\"0.5 B\" is finer than the smallest byte size, 1 B: write a whole number of them"
        );
        assert_eq!(
            message(parse_duration("600 d").and(parse_duration("300000 d"))),
            "\"300000 d\" is too large for a duration: write at most 18446744073709551615 ns"
        );
    }

    #[test]
    fn hostile_text_is_refused() {
        let long = "9".repeat(10_000) + " s";
        let deep = format!("0.{} s", "1".repeat(50));
        for text in
            ["", " ", "-1 s", "+1 s", "1e3 s", "1.s", ".5 s", "1.2.3 s", "NaN s", "inf s", "1 s s", "١ s", &long, &deep]
        {
            let error = parse_duration(text).unwrap_err();
            assert!(error.to_string().len() < 300, "{error}");
        }
        assert!(matches!(parse_duration(&deep), Err(ParseError::TooFine { .. })));
        assert!(matches!(
            parse_duration("99999999999999999999999999999999999999999 s"),
            Err(ParseError::TooLarge { .. })
        ));
        for text in ["", "%", "-2%", "2%%", "two", "2 percent"] {
            parse_ratio(text).unwrap_err();
        }
        parse_rate("5").unwrap_err();
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = parse_duration(&text);
            let _ = parse_bytes(&text);
            let _ = parse_ratio(&text);
        }
    }
}
