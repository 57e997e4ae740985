//! Axes: their range, their ticks and labels, as coordinates that plotters understands. Pure arithmetic; it must
//! never draw.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::units::Unit;

/// One axis of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Lower end.
    pub(super) low: f64,
    /// Upper end. Invariant: above `low`; with `log`, both above zero.
    pub(super) high: f64,
    /// Whether equal distances are equal ratios.
    pub(super) log: bool,
    /// The places of ticks, and their labels.
    pub(super) ticks: Vec<(f64, String)>,
}

/// Values that differ by more than this factor share a logarithmic axis; on a linear one the small would be flat.
const LOG_FROM: f64 = 12.0;

/// A linear axis that does not start at zero spans at least this share of its largest value, so that noise of a
/// thousandth never looks like a cliff.
const LEAST_SPAN: f64 = 0.1;

impl Axis {
    /// An axis that fits values. Logarithmic where they differ much and are all above zero.
    pub(super) fn fitting(values: impl Iterator<Item = f64>, unit: Unit, ticks: usize) -> Axis {
        let (low, high) = extremes(values);
        if low > 0.0 && high / low > LOG_FROM {
            return Axis::log(low, high, unit, ticks);
        }
        let (low, high) = if low >= 0.0 && low < high / 2.0 { (0.0, high) } else { widened(low, high) };
        Axis::linear(low, high, unit, ticks)
    }

    /// A linear axis that is no wider than its values need, for samples whose spread is what matters.
    pub(super) fn tight(values: impl Iterator<Item = f64>, unit: Unit, ticks: usize) -> Axis {
        let (low, high) = extremes(values);
        if low > 0.0 && high / low > LOG_FROM {
            return Axis::log(low, high, unit, ticks);
        }
        let (low, high) = if high > low { (low, high) } else { widened(low, high) };
        Axis::linear(low, high, unit, ticks)
    }

    /// A linear axis from zero.
    pub(super) fn from_zero(values: impl Iterator<Item = f64>, unit: Unit, ticks: usize) -> Axis {
        let (_, high) = extremes(values);
        Axis::linear(0.0, if high > 0.0 { high } else { 1.0 }, unit, ticks)
    }

    /// A linear axis between two values, a little wider at the top.
    fn linear(low: f64, high: f64, unit: Unit, ticks: usize) -> Axis {
        let room = (high - low) * 0.04;
        let (low, high) = (if low == 0.0 { 0.0 } else { low - room }, high + room);
        let (factor, suffix) = unit.scale(low.abs().max(high.abs()));
        let step = nice_step((high - low) / factor, ticks);
        let label = |tick: f64| format!("{}{suffix}", shortest(tick));
        let ticks = multiples(step, low / factor, high / factor).map(|tick| (tick * factor, label(tick))).collect();
        Axis { low, high, log: false, ticks }
    }

    /// A logarithmic axis between two values above zero.
    pub(super) fn log(low: f64, high: f64, unit: Unit, ticks: usize) -> Axis {
        let (low, high) = if low > 0.0 && high >= low { (low, high) } else { (1.0, 10.0) };
        let room = (high / low).powf(0.04).max(1.08);
        let (low, high) = (low / room, high * room);
        let label = |value: f64| {
            let (factor, suffix) = unit.scale(value);
            format!("{}{suffix}", shortest(value / factor))
        };
        Axis { low, high, log: true, ticks: log_ticks(low, high, ticks).map(|value| (value, label(value))).collect() }
    }

    /// An axis of whole places, one for each name, with a few of them named.
    pub(super) fn places(names: &[String], ticks: usize) -> Axis {
        let every = names.len().div_ceil(ticks.max(1)).max(1);
        // Counted from the newest, whose name matters most.
        let named = |index: &usize| (names.len() - 1 - index).is_multiple_of(every);
        let ticks = (0..names.len()).filter(named).map(|index| (index as f64, names[index].clone())).collect();
        Axis { low: -0.5, high: names.len().max(1) as f64 - 0.5, log: false, ticks }
    }

    /// The position of a value between the ends, 0 to 1.
    pub(super) fn fraction(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The value at a fraction.
    pub(super) fn value(&self, fraction: f64) -> f64 {
        if self.log {
            self.low * (self.high / self.low).powf(fraction)
        } else {
            self.low + fraction * (self.high - self.low)
        }
    }

    /// A value moved to the nearest end where it lies outside.
    pub(super) fn clamp(&self, value: f64) -> f64 {
        value.clamp(self.low, self.high)
    }
}

/// Plotters' own coordinates choose ticks without knowing that 1024 B make a KiB, and cannot name revisions.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let span = f64::from(limit.1 - limit.0);
        limit.0 + (self.fraction(*value) * span).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Light points are grid lines between ticks; these charts have none.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.iter().map(|(at, _)| *at).collect() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|(at, _)| at == value).map(|(_, name)| name.clone()).unwrap_or_default()
    }
}

/// Smallest and largest of the finite values; 0 and 1 where there are none.
fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let found = values.filter(|value| value.is_finite()).fold(None, |found: Option<(f64, f64)>, value| {
        Some(found.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    found.unwrap_or((0.0, 1.0))
}

/// A range of at least [`LEAST_SPAN`], around the same middle.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let least = high.abs().max(low.abs()) * LEAST_SPAN;
    let least = if least > 0.0 { least } else { 1.0 };
    if high - low >= least {
        return (low, high);
    }
    let middle = low + (high - low) / 2.0;
    (middle - least / 2.0, middle + least / 2.0)
}

/// The step of 1, 2 or 5 times a power of ten that cuts a span into about this number of parts.
fn nice_step(span: f64, parts: usize) -> f64 {
    let rough = span / parts.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= rough * 0.999);
    step.unwrap_or(10.0) * power
}

/// Every multiple of a step between two values.
fn multiples(step: f64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last.min(first + 50)).map(move |index| index as f64 * step)
}

/// Powers of ten, thinned where there are many, with multiples of them between where there are few.
fn log_ticks(low: f64, high: f64, ticks: usize) -> impl Iterator<Item = f64> {
    let decades = (high / low).log10();
    let every = (decades / ticks.max(1) as f64).ceil().max(1.0) as usize;
    let parts: &[f64] = match decades {
        few if few < 1.0 => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
        some if some < 2.2 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let powers = (low.log10().floor() as i32..=high.log10().ceil() as i32).step_by(every);
    powers
        .flat_map(move |power| parts.iter().map(move |part| part * 10_f64.powi(power)))
        .filter(move |tick| (low..=high).contains(tick))
}

/// The shortest decimal of a tick, which binary arithmetic may have moved by its last bit.
fn shortest(value: f64) -> String {
    let text = format!("{value:.9}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_in_the_unit_that_is_shown() {
        let axis = Axis::fitting([58e6, 77e6].into_iter(), Unit::Nanoseconds, 5);
        assert_eq!(labels(&axis), ["60 ms", "65 ms", "70 ms", "75 ms"]);
        let axis = Axis::from_zero([38.0 * 1024.0 * 1024.0].into_iter(), Unit::MemoryBytes, 4);
        assert_eq!(labels(&axis), ["0 MiB", "10 MiB", "20 MiB", "30 MiB"]);
        assert_eq!(axis.ticks[1].0, 10.0 * 1024.0 * 1024.0);
    }

    #[test]
    fn values_of_different_size_share_a_logarithmic_axis() {
        let axis = Axis::fitting([1.2e3, 8e6].into_iter(), Unit::Nanoseconds, 5);
        assert!(axis.log);
        assert_eq!(labels(&axis), ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms"]);
        assert_eq!(labels(&Axis::log(9.0, 110.0, Unit::Nanoseconds, 5)), ["10 ns", "20 ns", "50 ns", "100 ns"]);
    }

    #[test]
    fn noise_never_looks_like_a_cliff() {
        let axis = Axis::fitting([100.0, 100.1].into_iter(), Unit::Count, 5);
        assert!(axis.high - axis.low >= 10.0, "{axis:?}");
    }

    #[test]
    fn awkward_values_give_an_axis() {
        for values in [vec![], vec![0.0], vec![5.0], vec![f64::NAN, f64::INFINITY], vec![-3.0, -3.0], vec![0.0, 1e300]]
        {
            let axis = Axis::fitting(values.iter().copied(), Unit::Nanoseconds, 5);
            assert!(axis.low < axis.high && axis.ticks.len() < 60, "{values:?}: {axis:?}");
        }
    }

    #[test]
    fn fractions_and_values_are_inverse() {
        for axis in [Axis::log(10.0, 1000.0, Unit::Count, 3), Axis::fitting([5.0, 9.0].into_iter(), Unit::Count, 3)] {
            for fraction in [0.0, 0.25, 1.0] {
                assert!((axis.fraction(axis.value(fraction)) - fraction).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn places_name_the_newest() {
        let names: Vec<String> = (0..10).map(|place| format!("r{place}")).collect();
        assert_eq!(labels(&Axis::places(&names, 3)), ["r1", "r5", "r9"]);
        assert!(Axis::places(&[], 3).ticks.is_empty());
    }
}
