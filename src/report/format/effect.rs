//! Effects and changes with their intervals.

use super::quantity::{NONE, share};
use crate::{
    model::{Interval, Metric, Scale, Verdict},
    units,
};

/// An effect with its interval: `1.043 × (1.031 … 1.055)`, or a signed difference in the metric's unit.
pub fn effect(metric: Metric, scale: Scale, effect: f64, interval: Option<Interval>) -> String {
    match (scale, interval) {
        (Scale::Ratio, Some(interval)) => units::format_factor(effect, interval.low, interval.high),
        (Scale::Ratio, None) => format!("{effect:.3} ×"),
        (Scale::Difference, interval) => {
            let sign = if effect > 0.0 { "+" } else { "" };
            let value = match interval {
                Some(interval) => metric.unit().format_with_interval(effect, interval.low, interval.high),
                None => metric.unit().format(effect),
            };
            format!("{sign}{value}")
        }
    }
}

/// The effect of a verdict with its interval; a dash where nothing was measured.
pub fn change(verdict: &Verdict) -> String {
    let written = |value| effect(verdict.metric, verdict.scale, value, verdict.interval);
    verdict.effect.map_or_else(|| NONE.to_owned(), written)
}

/// A size of change as margins and resolutions are stated: a share, or a value in the metric's unit.
pub fn amount(verdict: &Verdict, size: f64) -> String {
    match verdict.scale {
        Scale::Ratio => share(size),
        Scale::Difference => verdict.metric.unit().format(size),
    }
}

/// How far an effect lies from none, comparable between ratios: the size of its logarithm. For sorting only.
pub fn distance(verdict: &Verdict) -> f64 {
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
    fn effects_are_ratios_or_signed_differences() {
        let interval = |low, high| Some(Interval { low, high, level: 0.95 });
        let ratio = effect(Metric::WALL_TIME, Scale::Ratio, 1.043, interval(1.031, 1.055));
        assert_eq!(ratio, "1.043 × (1.031 … 1.055)");
        let difference = effect(Metric::WALL_TIME, Scale::Difference, 2e6, interval(1e6, 3e6));
        assert!(difference.starts_with("+2.0 ms"), "{difference}");
        assert_eq!(effect(Metric::WALL_TIME, Scale::Ratio, 1.0432, None), "1.043 ×");
    }
}
