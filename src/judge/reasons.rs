//! Verdicts in plain English: why a series is undecided, and each verdict as one sentence. States what the figures show and
//! nothing more.

use super::pairing::Pairing;
use super::series::SeriesTrials;
use crate::model::{Metric, Rules, Scale, Side, Verdict, VerdictKind};
use crate::units::format_factor;

/// Why a whole stage left a series undecided.
pub(super) fn inconclusive(verdict: &Verdict, significant: bool, one_stage: bool) -> String {
    let Some(beyond) = bound(verdict) else { return format!("{} blocks give no interval", verdict.blocks) };
    if one_stage {
        return "suspicious, and there is no second stage to confirm it".to_owned();
    }
    if holds_no_change(verdict) {
        return format!("no change beyond {}", amount(verdict, beyond));
    }
    if !verdict.gate {
        return "described only, and it changed".to_owned();
    }
    let what = match (significant, size(verdict, verdict.effect.unwrap_or_default()) > verdict.margin) {
        (false, true) => "a change is likely and not certain enough",
        _ => "too close to the margin",
    };
    what.to_owned()
}

/// Why a stage cannot decide that lost blocks to failures, or was planned too small.
pub(super) fn too_few(verdict: &Verdict, failed: u32) -> String {
    let alpha = verdict.alpha.unwrap_or_default();
    let lost = if failed == 0 { String::new() } else { format!(", after {failed} failed,") };
    format!("{} usable blocks{lost} cannot reach p below {}", verdict.blocks, significant_digits(alpha))
}

/// A spread in what was declared exact, which is news by itself.
pub(super) fn exact_spread(pairing: &Pairing<'_>, metric: Metric, rules: &Rules) -> Option<String> {
    if !rules.exact.contains(&metric) {
        return None;
    }
    [Side::Base, Side::Head].into_iter().find_map(|side| {
        let series = SeriesTrials::of(pairing.side(side), metric)?;
        let values = series.values.iter().flatten();
        let low = values.clone().copied().fold(f64::INFINITY, f64::min);
        let high = values.copied().fold(f64::NEG_INFINITY, f64::max);
        let unit = metric.unit();
        let name = super::pairing::name(side);
        (low < high).then(|| {
            format!("declared exact, and ranges from {} to {} in the {name}", unit.format(low), unit.format(high))
        })
    })
}

/// Two reasons as one.
pub(super) fn joined(first: &str, second: &str) -> String {
    match (first, second) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{first}; {second}"),
    }
}

/// A verdict in one plain sentence: `worse: 1.043 × (1.031 … 1.055)`, `nothing changed by more than 1.9%`, `too close to
/// the margin: 1.011 × (1.004 … 1.017); about 60 blocks would decide`.
pub fn sentence(verdict: &Verdict) -> String {
    match verdict.kind {
        VerdictKind::Worse | VerdictKind::Better => {
            let effect = effect(verdict).unwrap_or_default();
            joined(&format!("{}: {effect}", verdict.kind.as_str()), &verdict.reason)
        }
        VerdictKind::Equivalent => equivalent_sentence(verdict),
        VerdictKind::Inconclusive => inconclusive_sentence(verdict),
        VerdictKind::Unusable => format!("unusable: {}", verdict.reason),
    }
}

fn equivalent_sentence(verdict: &Verdict) -> String {
    let changed = match bound(verdict).filter(|beyond| *beyond > 0.0) {
        Some(beyond) => joined(&format!("nothing changed by more than {}", amount(verdict, beyond)), &caught(verdict)),
        None => "nothing changed".to_owned(),
    };
    joined(&changed, &verdict.reason)
}

fn inconclusive_sentence(verdict: &Verdict) -> String {
    let mut sentence = verdict.reason.clone();
    if let Some(effect) = effect(verdict) {
        sentence = format!("{sentence}: {effect}");
    }
    if holds_no_change(verdict) {
        sentence = joined(&sentence, &caught(verdict));
    }
    if let Some(blocks) = verdict.blocks_needed {
        sentence = joined(&sentence, &format!("about {blocks} blocks would decide"));
    }
    sentence
}

/// The resolution in words; empty without one. A resolution of nothing goes without saying.
fn caught(verdict: &Verdict) -> String {
    match verdict.resolution.filter(|resolution| *resolution > 0.0) {
        Some(resolution) => {
            format!("a change of {} would very likely have been caught", amount(verdict, resolution))
        }
        None => String::new(),
    }
}

/// The effect with its interval, where there is one.
fn effect(verdict: &Verdict) -> Option<String> {
    let effect = verdict.effect?;
    let (low, high) = verdict.interval.map_or((f64::NAN, f64::NAN), |interval| (interval.low, interval.high));
    Some(match verdict.scale {
        Scale::Ratio => format_factor(effect, low, high),
        Scale::Difference => {
            let sign = if effect > 0.0 { "+" } else { "" };
            format!("{sign}{}", verdict.metric.unit().format_with_interval(effect, low, high))
        }
    })
}

/// The size of an effect as the margin is stated.
fn size(verdict: &Verdict, effect: f64) -> f64 {
    match verdict.scale {
        Scale::Ratio => (effect - 1.0).abs(),
        Scale::Difference => effect.abs(),
    }
}

/// The largest change that the interval allows.
fn bound(verdict: &Verdict) -> Option<f64> {
    verdict.interval.map(|interval| size(verdict, interval.low).max(size(verdict, interval.high)))
}

/// Whether no change at all lies within the interval.
fn holds_no_change(verdict: &Verdict) -> bool {
    let none = if verdict.scale == Scale::Ratio { 1.0 } else { 0.0 };
    verdict.interval.is_some_and(|interval| interval.low <= none && none <= interval.high)
}

/// A size as people read it: a share to two digits, or a value with its unit.
fn amount(verdict: &Verdict, size: f64) -> String {
    match verdict.scale {
        Scale::Ratio => format!("{}%", significant_digits(100.0 * size)),
        Scale::Difference => verdict.metric.unit().format(size),
    }
}

/// Two significant digits, rounded away from zero, because these are bounds.
fn significant_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let place = 1 - value.abs().log10().floor() as i32;
    let step = 10_f64.powi(place);
    // A value that is round already must not be pushed on by its last bit.
    let rounded = (value * step - 1e-9).ceil() / step;
    format!("{rounded:.*}", usize::try_from(place.max(0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::design::identical;
    use super::super::fixture::{PEAK, trial};
    use super::*;
    use crate::model::Interval;

    fn verdict(kind: VerdictKind, effect: f64, low: f64, high: f64) -> Verdict {
        let example = trial(0, &[1]);
        let blank = identical(&example.case, &example.label, 1, &[], &Rules::default()).remove(0);
        let interval = Some(Interval { low, high, level: 0.95 });
        Verdict { kind, effect: Some(effect), interval, reason: String::new(), ..blank }
    }

    #[test]
    fn verdicts_read_as_sentences() {
        let worse = verdict(VerdictKind::Worse, 1.043, 1.031, 1.055);
        assert_eq!(sentence(&worse), "worse: 1.043 × (1.031 … 1.055)");
        let better = verdict(VerdictKind::Better, 0.957, 0.945, 0.968);
        assert_eq!(sentence(&better), "better: 0.957 × (0.945 … 0.968)");
        let equivalent = verdict(VerdictKind::Equivalent, 1.001, 0.9951, 1.0062);
        assert_eq!(sentence(&equivalent), "nothing changed by more than 0.62%");
        let caught = Verdict { resolution: Some(0.019), ..equivalent.clone() };
        assert_eq!(
            sentence(&caught),
            "nothing changed by more than 0.62%; a change of 1.9% would very likely have been caught"
        );
        let mut close = verdict(VerdictKind::Inconclusive, 1.011, 1.004, 1.0175);
        (close.reason, close.blocks_needed) = ("too close to the margin".into(), Some(60));
        assert_eq!(
            sentence(&close),
            "too close to the margin: 1.0110 × (1.0040 … 1.0175); about 60 blocks would decide"
        );
        let unusable = Verdict { kind: VerdictKind::Unusable, reason: "why".into(), ..equivalent };
        assert_eq!(sentence(&unusable), "unusable: why");
    }

    #[test]
    fn differences_have_a_sign_and_a_unit() {
        let mut worse = verdict(VerdictKind::Worse, 2_097_152.0, 1_048_576.0, 3_145_728.0);
        (worse.scale, worse.metric) = (Scale::Difference, PEAK);
        assert_eq!(sentence(&worse), "worse: +2.0 MiB (1.0 … 3.0)");
    }

    #[test]
    fn identical_subjects_read_as_such() {
        let example = trial(0, &[1]);
        let found = identical(&example.case, &example.label, 1, &[], &Rules::default()).remove(0);
        assert_eq!(sentence(&found), "nothing changed; identical binary and configuration");
    }

    #[test]
    fn bounds_are_rounded_away_from_zero() {
        for (value, text) in [(0.0, "0"), (1.9, "1.9"), (1.901, "2.0"), (0.62, "0.62"), (12.1, "13"), (123.0, "130")] {
            assert_eq!(significant_digits(value), text);
        }
        assert_eq!(significant_digits(0.1), "0.10");
        assert_eq!(significant_digits(0.99999), "1.00");
    }
}
