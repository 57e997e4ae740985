//! An interval for a median that assumes nothing about the distribution but independence of the values. It must never
//! state a level that it does not reach.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::error::{StatsError, check_probability};
use super::sorted::Sorted;

/// The level that intervals are asked for.
pub const LEVEL: f64 = 0.95;

/// The fewest values that give an interval at [`LEVEL`]: with 6, the smallest and the largest enclose the median with
/// probability 1 - 2/2⁶ = 96.875%; with 5 it is 93.75%.
pub const FEWEST_TRIALS: usize = 6;

/// Levels are sums of binomial terms; a wanted level is reached when it is, but for their rounding.
const ROUNDING: f64 = 1e-12;

/// Where the true value lies, with the probability that it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The exact probability that such an interval covers the true value: at least what was asked for.
    pub level: f64,
}

impl Interval {
    /// Half of its width.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The narrowest symmetric pair of order statistics that covers the median with at least the wanted probability.
/// Nothing when even the smallest and the largest value do not (below 6 values, for 95%).
///
/// The k-th smallest and k-th largest of n independent values enclose the median unless fewer than k of them fall on
/// one side of it, so the level is `1 - 2 P(B < k)` with B binomial (n, 1/2): exact for continuous values, and a lower
/// bound for tied ones (David and Nagaraja, *Order Statistics*, 3rd edition, §7.1).
///
/// # Errors
/// When the wanted level is not a probability.
pub fn median_interval(sorted: &Sorted, wanted: f64) -> Result<Option<Interval>, StatsError> {
    check_probability(wanted)?;
    let (mut depth, mut beyond) = (0, sorted.len() / 2);
    // Invariant: depth reaches the wanted level (0 stands for the whole line), beyond + 1 does not.
    while depth < beyond {
        let middle = depth + (beyond - depth).div_ceil(2);
        if level(sorted.len(), middle) >= wanted - ROUNDING {
            depth = middle;
        } else {
            beyond = middle - 1;
        }
    }
    Ok((depth > 0).then(|| Interval {
        low: sorted.values()[depth - 1],
        high: sorted.values()[sorted.len() - depth],
        level: level(sorted.len(), depth),
    }))
}

/// The probability that the `depth`-th smallest and largest of `count` values enclose the median.
fn level(count: usize, depth: usize) -> f64 {
    let binomial = Binomial::new(0.5, count as u64);
    binomial.map_or(0.0, |binomial| 1.0 - 2.0 * binomial.cdf(depth as u64 - 1))
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Noise, SplitMix64};
    use super::super::vectors;
    use super::*;

    #[test]
    fn levels_and_order_statistics_agree_with_scipy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/interval.json")) {
            let count = case.number("count") as usize;
            let values: Vec<f64> = (1..=count).map(|rank| rank as f64).collect();
            let found = median_interval(&Sorted::new(&values).unwrap(), case.number("wanted")).unwrap();
            let expected = case.list("interval");
            assert_eq!(found.is_some(), !expected.is_empty(), "{}", case.name);
            if let Some(found) = found {
                assert_eq!((found.low, found.high), (expected[0], expected[1]), "{}", case.name);
                vectors::assert_close(found.level, expected[2], &case.name);
            }
        }
    }

    #[test]
    fn six_trials_are_the_fewest() {
        let values = [4.0, 1.0, 6.0, 2.0, 5.0, 3.0];
        assert_eq!(values.len(), FEWEST_TRIALS);
        let six = median_interval(&Sorted::new(&values).unwrap(), LEVEL).unwrap().unwrap();
        assert_eq!((six.low, six.high), (1.0, 6.0));
        assert!((six.level - 0.96875).abs() < 1e-12);
        assert_eq!(median_interval(&Sorted::new(&values[..5]).unwrap(), LEVEL), Ok(None));
        assert_eq!(median_interval(&Sorted::new(&[1.0]).unwrap(), 0.0), Ok(None));
        assert!(median_interval(&Sorted::new(&values).unwrap(), f64::NAN).is_err());
    }

    /// The stated level is the share of intervals that cover the true median, whatever the tails.
    #[test]
    fn intervals_cover_what_they_state() {
        const ROUNDS: usize = 4000;
        let mut random = SplitMix64::new(20_260_101);
        for noise in [Noise::Gaussian, Noise::Cauchy, Noise::Skewed] {
            for count in [6, 10, 30] {
                let mut covered = 0;
                let mut stated = 0.0;
                for _ in 0..ROUNDS {
                    let values: Vec<f64> = (0..count).map(|_| noise.draw(&mut random)).collect();
                    let interval = median_interval(&Sorted::new(&values).unwrap(), LEVEL).unwrap().unwrap();
                    stated = interval.level;
                    covered += usize::from(interval.low <= noise.median() && noise.median() <= interval.high);
                }
                let error = (stated * (1.0 - stated) / ROUNDS as f64).sqrt();
                let share = covered as f64 / ROUNDS as f64;
                assert!((share - stated).abs() < 4.0 * error, "{noise:?}, {count}: {share} for {stated}");
            }
        }
    }
}
