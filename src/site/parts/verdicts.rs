//! How verdicts and comparisons are written on pages: glyphs with words, changes with intervals, one sentence a comparison. The
//! decisions are the judge's; here they are only read.

use super::words::Sign;
use crate::{
    history::ComparisonListing,
    model::{Metric, Purpose, RunState, Scale, Unit, Verdict, VerdictKind},
    units,
};

impl Sign {
    pub(crate) const WORSE: Sign = Sign { glyph: "▲", word: "worse" };
    pub(crate) const BETTER: Sign = Sign { glyph: "▼", word: "better" };
    pub(crate) const EQUIVALENT: Sign = Sign { glyph: "●", word: "equivalent" };
    pub(crate) const INCONCLUSIVE: Sign = Sign { glyph: "◌", word: "inconclusive" };
    /// A comparison that has not said anything yet.
    pub(crate) const UNDECIDED: Sign = Sign { glyph: "–", word: "undecided" };

    pub(crate) const fn verdict(kind: VerdictKind) -> Sign {
        match kind {
            VerdictKind::Worse => Sign::WORSE,
            VerdictKind::Better => Sign::BETTER,
            VerdictKind::Equivalent => Sign::EQUIVALENT,
            VerdictKind::Inconclusive => Sign::INCONCLUSIVE,
            VerdictKind::Unusable => Sign::UNUSABLE,
        }
    }
}

/// What each sign of a verdict means, the most urgent first.
pub(crate) const MEANINGS: [(Sign, &str); 5] = [
    (Sign::WORSE, "a change to the bad beyond the margin, confirmed by fresh blocks"),
    (Sign::BETTER, "a change to the good beyond the margin, confirmed by fresh blocks"),
    (Sign::EQUIVALENT, "no change beyond the margin: the whole interval lies within it"),
    (Sign::INCONCLUSIVE, "the blocks do not decide; the reason says what would"),
    (Sign::UNUSABLE, "the two sides cannot be compared; the reason says why"),
];

/// What a comparison says, in a sentence that answers "did anything change?".
pub(crate) fn headline(listing: &ComparisonListing) -> (Sign, String) {
    let all = decided(listing);
    let of_all = |count: u32| format!("{count} of {all} gate series");
    match listing.comparison.state {
        RunState::Running if all == 0 => return (Sign::UNDECIDED, "Being measured; nothing is decided yet".to_owned()),
        RunState::BuildFailed => return (Sign::FAILED, "One of the two does not build".to_owned()),
        RunState::Unsupported => return (Sign::UNSUPPORTED, "One of the two cannot be measured".to_owned()),
        _ => {}
    }
    if listing.comparison.identical {
        return (Sign::EQUIVALENT, "The same program: nothing can have changed".to_owned());
    }
    let are = |count: u32| if count == 1 { "is" } else { "are" };
    let ComparisonListing { worse, better, equivalent, inconclusive, unusable, .. } = *listing;
    let open = inconclusive.saturating_add(unusable);
    if worse > 0 {
        let also = if better > 0 { format!(", {better} {} better", are(better)) } else { String::new() };
        (Sign::WORSE, format!("{} {} worse{also}", of_all(worse), are(worse)))
    } else if better > 0 {
        (Sign::BETTER, format!("{} {} better, none is worse", of_all(better), are(better)))
    } else if all == 0 {
        (Sign::UNDECIDED, "Nothing was decided".to_owned())
    } else if open == 0 {
        (Sign::EQUIVALENT, format!("None of {equivalent} gate series changed"))
    } else {
        (Sign::INCONCLUSIVE, format!("No change is certain; {} {} open", of_all(open), are(open)))
    }
}

/// How many gate series have a verdict.
pub(crate) fn decided(listing: &ComparisonListing) -> u32 {
    let ComparisonListing { worse, better, equivalent, inconclusive, unusable, .. } = listing;
    [worse, better, equivalent, inconclusive, unusable].into_iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// The counts of gate series that are not zero, with their signs, the most urgent first.
pub(crate) fn counts(listing: &ComparisonListing) -> Vec<(Sign, u32)> {
    let counts = [
        (Sign::WORSE, listing.worse),
        (Sign::BETTER, listing.better),
        (Sign::EQUIVALENT, listing.equivalent),
        (Sign::INCONCLUSIVE, listing.inconclusive),
        (Sign::UNUSABLE, listing.unusable),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// Why two runs were measured together, as people say it.
pub(crate) const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Gate => "a commit against its parent",
        Purpose::Anchor => "the newest commit against a release",
        Purpose::Requested => "two revisions that a person named",
        Purpose::Bisect => "a step of a bisection",
    }
}

/// The change with its interval: `1.043 × (1.031 … 1.055)`, or a difference in the metric's unit.
pub(crate) fn change(verdict: &Verdict) -> Option<String> {
    let effect = verdict.effect?;
    let ends = verdict.interval.map(|interval| (interval.low, interval.high));
    Some(written(verdict.metric, verdict.scale, effect, ends))
}

/// An effect with its interval.
pub(crate) fn written(metric: Metric, scale: Scale, effect: f64, ends: Option<(f64, f64)>) -> String {
    match (scale, ends) {
        (Scale::Ratio, Some((low, high))) => units::format_factor(effect, low, high),
        (Scale::Ratio, None) => format!("{effect:.3} ×"),
        (Scale::Difference, ends) => {
            let sign = if effect > 0.0 { "+" } else { "" };
            let value = match ends {
                Some((low, high)) => metric.unit().format_with_interval(effect, low, high),
                None => metric.unit().format(effect),
            };
            format!("{sign}{value}")
        }
    }
}

/// A size of change as margins and resolutions are stated: a share, or a value in the metric's unit.
pub(crate) fn amount(verdict: &Verdict, size: f64) -> String {
    match verdict.scale {
        Scale::Ratio => share(size),
        Scale::Difference => verdict.metric.unit().format(size),
    }
}

/// A share to two digits: `1.9%`, `12%`.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return Unit::Ratio.format(share);
    }
    let text = if percent.abs() < 0.995 {
        format!("{percent:.2}")
    } else if percent.abs() < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}%")
}

/// A probability to two significant digits: `0.00041`, `1.9 × 10⁻⁹`.
pub(crate) fn probability(value: f64) -> String {
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

/// How far an effect lies from none, comparable between ratios: the size of its logarithm. For sorting alone.
pub(crate) fn distance(verdict: &Verdict) -> f64 {
    match (verdict.scale, verdict.effect) {
        (Scale::Ratio, Some(effect)) if effect > 0.0 => effect.ln().abs(),
        (Scale::Difference, Some(effect)) => effect.abs(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_two_digits() {
        for (value, text) in [
            (0.0, "0%"),
            (0.01, "1%"),
            (0.019, "1.9%"),
            (0.001_23, "0.12%"),
            (0.12, "12%"),
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

    #[test]
    fn effects_are_ratios_or_signed_differences() {
        assert_eq!(written(Metric::WALL_TIME, Scale::Ratio, 1.043, Some((1.031, 1.055))), "1.043 × (1.031 … 1.055)");
        let difference = written(Metric::WALL_TIME, Scale::Difference, 2e6, Some((1e6, 3e6)));
        assert!(difference.starts_with("+2.0 ms"), "{difference}");
    }
}
