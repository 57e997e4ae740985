//! Numbers as people read them. Rounding is that of correctly rounded decimal formatting; nothing here may print more
//! digits than the value supports.

use super::scale::{self, Step};
use super::unit::Unit;

/// Printed where there is no value.
const MISSING: &str = "–";

/// Significant digits of a value whose uncertainty is not known.
const PLAIN_DIGITS: usize = 3;

/// Significant digits beyond which an interval, however narrow, adds none.
const MOST_DIGITS: usize = 6;

impl Unit {
    /// A value whose uncertainty is not known, to three significant digits: `4.82 ms`. A missing value (one that is not
    /// finite) is `–`.
    pub fn format(self, value: f64) -> String {
        plain(scale::of(self), value)
    }

    /// An estimate alone, to the place of the first significant digit of its interval's half-width: `4.82 ms` for an
    /// interval of 4.79 … 4.86 ms. Never more digits than the interval supports.
    pub fn format_estimate(self, estimate: f64, low: f64, high: f64) -> String {
        estimated(scale::of(self), estimate, low, high)
    }

    /// How many of the smallest unit make one of the unit that `largest` is printed in, and how that is written, with
    /// its space: `(1e6, " ms")`. For axes, whose ticks share one scale.
    pub fn scale(self, largest: f64) -> (f64, &'static str) {
        scale_for(scale::of(self), largest)
    }

    /// An estimate with its interval, all in one scale and to the place of the second significant digit of the
    /// half-width: `4.823 ms (4.790 … 4.860)`. Two digits of an uncertainty are what the Guide to the Expression of
    /// Uncertainty in Measurement allows (JCGM 100:2008, 7.2.6).
    pub fn format_with_interval(self, estimate: f64, low: f64, high: f64) -> String {
        with_interval(scale::of(self), estimate, low, high)
    }
}

/// A setting, in the largest unit that holds it exactly with at most three decimals: `20 ms`, `1.5 s`. Reading it back
/// gives the same number.
pub fn exact_duration(nanoseconds: u64) -> String {
    exact(scale::of(Unit::Nanoseconds), nanoseconds)
}

/// A setting, in the largest decimal unit that holds it exactly with at most three decimals: `10 kB`; powers of 1024 as
/// they were meant: `64 MiB`. Reading it back gives the same number.
pub fn exact_bytes(bytes: u64) -> String {
    const BINARY: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = |(factor, _): &(u64, &str)| bytes > 0 && bytes.is_multiple_of(*factor) && bytes / factor < 1024;
    match BINARY.into_iter().find(whole).filter(|_| !bytes.is_multiple_of(1000)) {
        Some((factor, suffix)) => format!("{} {suffix}", bytes / factor),
        None => exact(scale::of(Unit::Bytes), bytes),
    }
}

/// The ratio of two values with its interval: `1.043 × (1.031 … 1.055)`.
pub fn format_factor(factor: f64, low: f64, high: f64) -> String {
    const FACTOR: [Step; 1] = [Step { from: 0.0, factor: 1.0, suffix: " ×" }];
    with_interval(&FACTOR, factor, low, high)
}

/// The ratio of two values as a signed change, to as many digits as its interval supports: `+4.3%` for 1.043.
pub fn format_change(factor: f64, low: f64, high: f64) -> String {
    let text = estimated(scale::of(Unit::Ratio), factor - 1.0, low - 1.0, high - 1.0);
    if factor > 1.0 && text.contains(|c: char| ('1'..='9').contains(&c)) { format!("+{text}") } else { text }
}

fn plain(steps: &[Step], value: f64) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let step = step_for(steps, value);
    let scaled = value / step.factor;
    // A whole number of the smallest unit has no digits after the point, rather than zeros that look measured.
    let whole = step.factor == 1.0 && scaled.fract() == 0.0;
    let place = if whole { 0 } else { last_place(scaled, PLAIN_DIGITS).min(0) };
    format!("{}{}", fixed(scaled, place), step.suffix)
}

fn scale_for(steps: &[Step], largest: f64) -> (f64, &'static str) {
    let step = step_for(steps, if largest.is_finite() { largest } else { 0.0 });
    (step.factor, step.suffix)
}

fn estimated(steps: &[Step], estimate: f64, low: f64, high: f64) -> String {
    if !(estimate.is_finite() && low.is_finite() && high.is_finite()) {
        return plain(steps, estimate);
    }
    let step = step_for(steps, estimate);
    let place = supported_place(step, estimate, low, high, 1);
    format!("{}{}", fixed(estimate / step.factor, place), step.suffix)
}

fn with_interval(steps: &[Step], estimate: f64, low: f64, high: f64) -> String {
    if !(estimate.is_finite() && low.is_finite() && high.is_finite()) {
        return plain(steps, estimate);
    }
    let step = step_for(steps, estimate);
    let place = supported_place(step, estimate, low, high, 2);
    let part = |value: f64| fixed(value / step.factor, place);
    format!("{}{} ({} … {})", part(estimate), step.suffix, part(low), part(high))
}

/// The step that a value is printed with, chosen after rounding so that 999.7 µs is `1.00 ms`.
fn step_for(steps: &[Step], value: f64) -> &Step {
    let mut chosen = &steps[0];
    for next in &steps[1..] {
        if round_to_digits(value.abs() / chosen.factor, PLAIN_DIGITS) * chosen.factor < next.from {
            break;
        }
        chosen = next;
    }
    chosen
}

/// The decimal place, as a power of ten in the step's unit, of the `digits`-th significant digit of the half-width, but
/// never beyond [`MOST_DIGITS`] digits, nor into fractions of a whole number that is certain.
fn supported_place(step: &Step, estimate: f64, low: f64, high: f64, digits: usize) -> i32 {
    let half_width = (high / step.factor - low / step.factor).abs() / 2.0;
    if half_width == 0.0 && step.factor == 1.0 && estimate.fract() == 0.0 {
        return 0;
    }
    let largest = estimate.abs().max(low.abs()).max(high.abs()) / step.factor;
    let finest = last_place(largest, MOST_DIGITS).min(0);
    if half_width > 0.0 { last_place(half_width, digits).max(finest) } else { finest }
}

/// The decimal place of the last of `digits` significant digits of a value, after rounding to them.
fn last_place(value: f64, digits: usize) -> i32 {
    let last = digits.saturating_sub(1);
    // The exponent of the correctly rounded decimal, which a logarithm would get wrong next to powers of ten.
    let exponent = format!("{value:.last$e}").rsplit_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    exponent.unwrap_or(0) - i32::try_from(last).unwrap_or(0)
}

fn round_to_digits(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value)
}

/// A number rounded to a decimal place, with a typographic minus, and no minus in front of zero.
fn fixed(value: f64, place: i32) -> String {
    let magnitude = value.abs();
    let text = match usize::try_from(-place) {
        Ok(decimals) => format!("{magnitude:.decimals$}"),
        Err(_) => {
            let unit = 10_f64.powi(place);
            format!("{:.0}", (magnitude / unit).round() * unit)
        }
    };
    let negative = value < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c));
    if negative { format!("−{text}") } else { text }
}

/// The shortest exact text in the largest step that allows it.
fn exact(steps: &[Step], value: u64) -> String {
    const DECIMALS: u64 = 1000;
    let fitting = steps.iter().rev().find(|step| {
        let factor = step.factor as u64;
        value >= factor && u128::from(value) * u128::from(DECIMALS) % u128::from(factor) == 0
    });
    let step = fitting.unwrap_or(&steps[0]);
    let factor = step.factor as u64;
    let thousandths = u128::from(value % factor) * u128::from(DECIMALS) / u128::from(factor);
    let fraction = format!("{thousandths:03}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{}", value / factor, step.suffix)
}

#[cfg(test)]
mod tests {
    use super::super::{parse_byte_rate, parse_bytes, parse_duration, parse_ratio};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_values_have_three_digits() {
        for (unit, value, expected) in [
            (Unit::Nanoseconds, 4_823_456.0, "4.82 ms"),
            (Unit::Nanoseconds, 4_800_000.0, "4.80 ms"),
            (Unit::Nanoseconds, 999_700.0, "1.00 ms"),
            (Unit::Nanoseconds, 999_400.0, "999 µs"),
            (Unit::Nanoseconds, 5.0, "5 ns"),
            (Unit::Nanoseconds, 5.25, "5.25 ns"),
            (Unit::Nanoseconds, 0.0, "0 ns"),
            (Unit::Nanoseconds, 125e9, "125 s"),
            (Unit::Nanoseconds, 754e9, "12.6 min"),
            (Unit::Nanoseconds, 1e20, "1157407 d"),
            (Unit::Nanoseconds, -4_823_456.0, "−4.82 ms"),
            (Unit::Bytes, 10_300_000.0, "10.3 MB"),
            (Unit::Bytes, 999.0, "999 B"),
            (Unit::MemoryBytes, 40_055_603.2, "38.2 MiB"),
            (Unit::MemoryBytes, 1_023.0 * 1024.0, "0.999 MiB"),
            (Unit::Count, 1003.0, "1003"),
            (Unit::Count, 3_200_000_000.0, "3.20 G"),
            (Unit::Ratio, 0.0234, "2.34%"),
            (Unit::Ratio, 1.0, "100%"),
            (Unit::PerSecond, 357.2, "357 /s"),
            (Unit::BytesPerSecond, 10_300_000.0, "10.3 MB/s"),
            (Unit::Count, f64::NAN, "–"),
        ] {
            assert_eq!(unit.format(value), expected, "{value} {unit}");
        }
    }

    #[test]
    fn an_interval_decides_the_digits() {
        let ms = 1e6;
        assert_eq!(Unit::Nanoseconds.format_estimate(4.8234 * ms, 4.79 * ms, 4.86 * ms), "4.82 ms");
        assert_eq!(
            Unit::Nanoseconds.format_with_interval(4.8234 * ms, 4.79 * ms, 4.86 * ms),
            "4.823 ms (4.790 … 4.860)"
        );
        assert_eq!(Unit::Nanoseconds.format_estimate(482.3 * ms, 450.0 * ms, 510.0 * ms), "480 ms");
        assert_eq!(Unit::Nanoseconds.format_estimate(4.8 * ms, 1.0 * ms, 9.0 * ms), "5 ms");
        assert_eq!(Unit::Nanoseconds.format_estimate(4_823_456.0, 4_823_456.0, 4_823_456.0), "4.82346 ms");
        assert_eq!(Unit::Nanoseconds.format_estimate(4_823_456.0, 4_823_455.0, 4_823_457.0), "4.82346 ms");
        assert_eq!(Unit::Count.format_estimate(12_345.0, 12_145.0, 12_545.0), "12300");
        assert_eq!(Unit::Count.format_estimate(12_345.0, 12_345.0, 12_345.0), "12345");
        assert_eq!(Unit::Count.format_with_interval(0.0, -1.0, 1.0), "0.0 (−1.0 … 1.0)");
        assert_eq!(Unit::Bytes.format_estimate(1.0, f64::NAN, 2.0), "1 B");
    }

    #[test]
    fn an_axis_has_one_scale() {
        assert_eq!(Unit::Nanoseconds.scale(4_823_456.0), (1e6, " ms"));
        assert_eq!(Unit::MemoryBytes.scale(38.0 * 1024.0 * 1024.0), (1_048_576.0, " MiB"));
        assert_eq!(Unit::Ratio.scale(f64::NAN), (0.01, "%"));
    }

    #[test]
    fn ratios_of_two_values() {
        assert_eq!(format_factor(1.0432, 1.0311, 1.0549), "1.043 × (1.031 … 1.055)");
        assert_eq!(format_change(1.0432, 1.0311, 1.0549), "+4%");
        assert_eq!(format_change(1.0432, 1.0408, 1.0455), "+4.3%");
        assert_eq!(format_change(0.9568, 0.9545, 0.9592), "−4.3%");
        assert_eq!(format_change(1.00001, 0.99, 1.01), "0%");
    }

    #[test]
    fn settings_print_exactly() {
        assert_eq!(exact_duration(20_000_000), "20 ms");
        assert_eq!(exact_duration(1_500_000_000), "1.5 s");
        assert_eq!(exact_duration(90_000_000_000), "1.5 min");
        assert_eq!(exact_duration(1_234_567), "1234.567 µs");
        assert_eq!(exact_duration(0), "0 ns");
        assert_eq!(exact_bytes(10_000), "10 kB");
        assert_eq!(exact_bytes(1_048_576), "1 MiB");
        assert_eq!(exact_bytes(64 << 20), "64 MiB");
        assert_eq!(exact_bytes(65_537), "65.537 kB");
        assert_eq!(exact_bytes(u64::MAX), "18446744073709551.615 kB");
    }

    /// Half a unit of the last place that a text shows, in the smallest unit, with room for binary rounding.
    fn print_precision(text: &str, parsed: f64) -> f64 {
        let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let mantissa: f64 = number.parse().unwrap();
        let decimals = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let factor = if mantissa == 0.0 { 1.0 } else { parsed / mantissa };
        0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap()) * factor * (1.0 + 1e-6) + 1e-9
    }

    proptest! {
        #[test]
        fn exact_settings_read_back_as_they_were(value: u64) {
            prop_assert_eq!(parse_duration(&exact_duration(value)), Ok(value));
            prop_assert_eq!(parse_bytes(&exact_bytes(value)), Ok(value));
        }

        #[test]
        fn printed_values_read_back_within_their_precision(exponent in 0.0..17.0_f64) {
            let value = 10_f64.powf(exponent).round();
            for (text, parsed) in [
                (Unit::Nanoseconds.format(value), parse_duration as fn(&str) -> Result<u64, _>),
                (Unit::Bytes.format(value), parse_bytes),
                (Unit::MemoryBytes.format(value), parse_bytes),
                (Unit::BytesPerSecond.format(value.min(9e11)), parse_byte_rate),
            ]
            .map(|(text, parse)| { let parsed = parse(&text); (text, parsed) })
            {
                let value = if text.ends_with("/s") { value.min(9e11) } else { value };
                // A binary multiple such as 1.23 KiB is not whole bytes: its nearest decimal neighbour is then refused.
                let Ok(parsed) = parsed else { prop_assert!(text.ends_with("iB")); continue };
                let parsed = parsed as f64;
                prop_assert!((parsed - value).abs() <= print_precision(&text, parsed), "{} printed as {}", value, text);
            }
        }

        #[test]
        fn printed_ratios_read_back_within_their_precision(value in 0.0..2.0_f64) {
            let text = Unit::Ratio.format(value);
            let parsed = parse_ratio(&text).unwrap();
            prop_assert!((parsed - value).abs() <= print_precision(&text, parsed), "{} printed as {}", value, text);
        }

        #[test]
        fn an_estimate_is_printed_within_its_interval_s_half_width(
            estimate in 1.0..1e12_f64, below in 0.0..0.5_f64, above in 0.0..0.5_f64
        ) {
            let (low, high) = (estimate * (1.0 - below), estimate * (1.0 + above));
            let text = Unit::Nanoseconds.format_estimate(estimate, low, high);
            let parsed = parse_duration(&text);
            // Fractions of a nanosecond print but do not parse.
            prop_assume!(parsed.is_ok());
            let parsed = parsed.unwrap() as f64;
            prop_assert!((parsed - estimate).abs() <= ((high - low) / 2.0).max(estimate * 1e-3), "{} as {}", estimate, text);
        }
    }
}
