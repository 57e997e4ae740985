//! Durations, byte sizes, rates and ratios as people write and read them. Values themselves are plain numbers in the
//! smallest unit (nanoseconds, bytes); this room must never hold state, choose a metric's unit, or lose precision in
//! silence: a text finer than the smallest unit is refused, and a printed number says no more than its interval does.
//!
//! Start at [`Unit`], which names what a metric is measured in and prints its values; `parse_…` read settings.

mod parse;
mod print;
mod scale;

pub use parse::{ParseError, parse_byte_rate, parse_bytes, parse_duration, parse_rate, parse_ratio};
pub use print::{exact_bytes, exact_duration, format_change, format_factor};

use serde::{Deserialize, Serialize};

/// What a metric's values are counted in. The names are those of the database, the API and scenario files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Time, printed as `4.82 ms`.
    Nanoseconds,
    /// Bytes moved or kept, printed with decimal prefixes: `10.3 MB`, k = 1000.
    Bytes,
    /// Bytes of memory, printed with binary prefixes: `38.2 MiB`.
    MemoryBytes,
    /// How many of something.
    Count,
    /// A share of a whole, 1 being all of it, printed as `2.34%`.
    Ratio,
    /// Things a second, printed as `357 /s`.
    PerSecond,
    /// Bytes a second, printed as `10.3 MB/s`.
    BytesPerSecond,
}

impl Unit {
    /// Every unit, in the order of the declaration.
    pub const ALL: [Unit; 7] = [
        Unit::Nanoseconds,
        Unit::Bytes,
        Unit::MemoryBytes,
        Unit::Count,
        Unit::Ratio,
        Unit::PerSecond,
        Unit::BytesPerSecond,
    ];

    /// The name in the database, the API and scenario files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "nanoseconds",
            Unit::Bytes => "bytes",
            Unit::MemoryBytes => "memory-bytes",
            Unit::Count => "count",
            Unit::Ratio => "ratio",
            Unit::PerSecond => "per-second",
            Unit::BytesPerSecond => "bytes-per-second",
        }
    }

    /// The unit with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Unit> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == name)
    }

    /// A value whose uncertainty is not known, to three significant digits: `4.82 ms`. A missing value (one that is not
    /// finite) is `–`.
    pub fn format(self, value: f64) -> String {
        print::plain(scale::of(self), value)
    }

    /// An estimate alone, to the place of the first significant digit of its interval's half-width: `4.82 ms` for an
    /// interval of 4.79 … 4.86 ms. Never more digits than the interval supports.
    pub fn format_estimate(self, estimate: f64, low: f64, high: f64) -> String {
        print::estimate(scale::of(self), estimate, low, high)
    }

    /// How many of the smallest unit make one of the unit that `largest` is printed in, and how that is written, with
    /// its space: `(1e6, " ms")`. For axes, whose ticks share one scale.
    pub fn scale(self, largest: f64) -> (f64, &'static str) {
        print::scale(scale::of(self), largest)
    }

    /// An estimate with its interval, all in one scale and to the place of the second significant digit of the
    /// half-width: `4.823 ms (4.790 … 4.860)`. Two digits of an uncertainty are what the Guide to the Expression of
    /// Uncertainty in Measurement allows (JCGM 100:2008, 7.2.6).
    pub fn format_with_interval(self, estimate: f64, low: f64, high: f64) -> String {
        print::with_interval(scale::of(self), estimate, low, high)
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_same_everywhere() {
        for unit in Unit::ALL {
            assert_eq!(Unit::from_name(unit.as_str()), Some(unit));
            assert_eq!(serde_json::to_string(&unit).unwrap(), format!("\"{unit}\""));
        }
        assert_eq!(Unit::from_name("seconds"), None);
    }
}
