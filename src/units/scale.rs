//! The prefixes that each unit is printed with. Data only; it must never round or format.

use super::unit::Unit;

/// One step of a unit's scale.
#[derive(Debug)]
pub(super) struct Step {
    /// The least magnitude, in the smallest unit, that is printed with this step.
    pub(super) from: f64,
    /// How many of the smallest unit make one of this step.
    pub(super) factor: f64,
    /// What follows the number, with its space where one belongs.
    pub(super) suffix: &'static str,
}

const fn step(from: f64, factor: f64, suffix: &'static str) -> Step {
    Step { from, factor, suffix }
}

/// Seconds stay seconds up to ten minutes, because results are read and compared in seconds.
const DURATION: [Step; 7] = [
    step(0.0, 1.0, " ns"),
    step(1e3, 1e3, " µs"),
    step(1e6, 1e6, " ms"),
    step(1e9, 1e9, " s"),
    step(600e9, 60e9, " min"),
    step(7_200e9, 3_600e9, " h"),
    step(259_200e9, 86_400e9, " d"),
];

const BYTES: [Step; 5] = [
    step(0.0, 1.0, " B"),
    step(1e3, 1e3, " kB"),
    step(1e6, 1e6, " MB"),
    step(1e9, 1e9, " GB"),
    step(1e12, 1e12, " TB"),
];

const KIBI: f64 = 1024.0;

/// A step begins at 1000 of the one below, so that no number has four digits before its point.
const MEMORY: [Step; 5] = [
    step(0.0, 1.0, " B"),
    step(1e3, KIBI, " KiB"),
    step(1e3 * KIBI, KIBI * KIBI, " MiB"),
    step(1e3 * KIBI * KIBI, KIBI * KIBI * KIBI, " GiB"),
    step(1e3 * KIBI * KIBI * KIBI, KIBI * KIBI * KIBI * KIBI, " TiB"),
];

/// Counts are read in full as long as they can be.
const COUNT: [Step; 4] = [step(0.0, 1.0, ""), step(1e5, 1e3, " k"), step(1e6, 1e6, " M"), step(1e9, 1e9, " G")];

const RATIO: [Step; 1] = [step(0.0, 0.01, "%")];

const RATE: [Step; 4] = [step(0.0, 1.0, " /s"), step(1e5, 1e3, " k/s"), step(1e6, 1e6, " M/s"), step(1e9, 1e9, " G/s")];

const BYTE_RATE: [Step; 5] = [
    step(0.0, 1.0, " B/s"),
    step(1e3, 1e3, " kB/s"),
    step(1e6, 1e6, " MB/s"),
    step(1e9, 1e9, " GB/s"),
    step(1e12, 1e12, " TB/s"),
];

/// The steps of a unit, the smallest first. There is always one.
pub(super) const fn of(unit: Unit) -> &'static [Step] {
    match unit {
        Unit::Nanoseconds => &DURATION,
        Unit::Bytes => &BYTES,
        Unit::MemoryBytes => &MEMORY,
        Unit::Count => &COUNT,
        Unit::Ratio => &RATIO,
        Unit::PerSecond => &RATE,
        Unit::BytesPerSecond => &BYTE_RATE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_climb() {
        for unit in Unit::ALL {
            let steps = of(unit);
            assert_eq!(steps[0].from, 0.0, "{unit}: every magnitude needs a step");
            for pair in steps.windows(2) {
                assert!(pair[0].from < pair[1].from && pair[0].factor < pair[1].factor, "{unit}: {pair:?}");
            }
        }
    }
}
