//! Verdicts in plain English: why a series is undecided, and each verdict as one sentence. Says what the figures say and
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
        (first, second) => format!("{first}; {second}"),
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
    match bound(verdict) {
        Some(0.0) => joined("nothing changed", &verdict.reason),
        Some(beyond) => joined(&format!("nothing changed by more than {}", amount(verdict, beyond)), &verdict.reason),
        None => joined("nothing changed", &verdict.reason),
    }
}

fn inconclusive_sentence(verdict: &Verdict) -> String {
    let mut sentence = verdict.reason.clone();
    if let Some(effect) = effect(verdict) {
        sentence = format!("{sentence}: {effect}");
    }
    if let Some(blocks) = verdict.blocks_needed {
        sentence = joined(&sentence, &format!("about {blocks} blocks would decide"));
    }
    sentence
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
