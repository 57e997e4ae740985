//! Estimates, shares and probabilities to the digits that they support.

use crate::model::{Interval, Metric, Summary, Unit};

/// Stands where there is no value.
pub const NONE: &str = "–";

/// An estimate to the precision of its interval: `61.4 ms`.
pub fn estimate(metric: Metric, estimate: f64, interval: Option<Interval>) -> String {
    match interval {
        Some(Interval { low, high, .. }) => metric.unit().format_estimate(estimate, low, high),
        None => metric.unit().format(estimate),
    }
}

/// An estimate with its interval: `61.42 ms (60.51 … 62.33)`.
pub fn with_interval(metric: Metric, summary: &Summary) -> String {
    match summary.interval {
        Some(Interval { low, high, .. }) => metric.unit().format_with_interval(summary.estimate, low, high),
        None => format!("{}, too few trials for an interval", metric.unit().format(summary.estimate)),
    }
}

/// Half the interval over the estimate: `±1.5%`. Empty without an interval or for an estimate of zero.
pub fn half_width(estimate: f64, interval: Option<Interval>) -> String {
    let Some(Interval { low, high, .. }) = interval else { return String::new() };
    let share = (high - low) / 2.0 / estimate;
    if !share.is_finite() {
        return String::new();
    }
    if share < 0.000_5 { "±0%".to_owned() } else { format!("±{:.1}%", share * 100.0) }
}

/// A share to two digits: `1.9%`, `12%`.
pub fn share(share: f64) -> String {
    if share.is_finite() { format!("{}%", hundreds(share)) } else { Unit::Ratio.format(share) }
}

/// A share in hundredths, to two digits, for columns whose head says so: `1.9`, `12`.
pub fn hundreds(share: f64) -> String {
    let percent = share * 100.0;
    let text = if percent.abs() < 0.995 {
        format!("{percent:.2}")
    } else if percent.abs() < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A probability to two significant digits: `0.00041`, `1.9 × 10⁻⁹`.
pub fn probability(value: f64) -> String {
    let exponent = if value > 0.0 { value.log10().floor() as i32 } else { 0 };
    if exponent < -5 {
        let power: String = exponent.unsigned_abs().to_string().chars().map(superscript).collect();
        return format!("{:.1} × 10⁻{power}", value / 10_f64.powi(exponent));
    }
    let text = format!("{value:.*}", usize::try_from(1 - exponent).unwrap_or(1));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn superscript(digit: char) -> char {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    digit.to_digit(10).and_then(|digit| digits.get(digit as usize)).copied().unwrap_or(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_widths_are_shares_of_the_estimate() {
        let interval = |low, high| Some(Interval { low, high, level: 0.95 });
        assert_eq!(half_width(100.0, interval(98.0, 101.0)), "±1.5%");
        assert_eq!(half_width(100.0, interval(100.0, 100.0)), "±0%");
        assert_eq!(half_width(0.0, interval(0.0, 0.0)), "");
        assert_eq!(half_width(1.0, None), "");
    }

    #[test]
    fn shares_have_two_digits() {
        for (value, text) in [
            (0.0, "0%"),
            (0.01, "1%"),
            (0.019, "1.9%"),
            (0.0453, "4.5%"),
            (0.001_23, "0.12%"),
            (0.12, "12%"),
            (0.123, "12%"),
            (0.1, "10%"),
            (1.0, "100%"),
        ] {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn probabilities_have_two_digits() {
        for (value, text) in
            [(0.0, "0"), (1.0, "1"), (0.1, "0.1"), (0.43, "0.43"), (0.000_412, "0.00041"), (1.86e-9, "1.9 × 10⁻⁹")]
        {
            assert_eq!(probability(value), text);
        }
    }
}
