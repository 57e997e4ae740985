//! How large an effect is, from paired effects: the Hodges–Lehmann estimate, and the interval that the signed-rank test
//! gives when it is turned round. The interval must never state a level that it does not reach.

use super::error::{StatsError, check_length, check_probability, check_range};
use super::interval::Interval;
use super::signed_rank::tail;
use super::sorted::Sorted;

/// The most effects accepted: their pairs take 4 MiB.
const MOST: usize = 1024;

/// Levels are sums of many terms; a wanted level is reached when it is, but for their rounding.
const ROUNDING: f64 = 1e-12;

/// Where the centre of effects lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The Hodges–Lehmann estimate.
    pub estimate: f64,
    /// All centres that the signed-rank test does not reject. Nothing where there are too few effects for the wanted
    /// level (below 6, for 95%).
    pub interval: Option<Interval>,
}

/// Estimates the centre of effects by the median of their Walsh averages, which are the means of all pairs, each effect
/// with itself included (Hodges and Lehmann, *Estimates of location based on rank tests*, Annals of Mathematical
/// Statistics 34, 1963).
///
/// The interval inverts the test exactly: T+ counts the Walsh averages above the centre, so the k-th smallest and the
/// k-th largest enclose every centre with at least k on either side, and the level is `1 - 2 P(T+ < k)` (Tukey, 1949;
/// Hollander, Wolfe and Chicken, §3.3). It is exact for continuous effects and a lower bound where magnitudes tie or
/// vanish, because the ends belong to the interval (Noether, *Wilcoxon confidence intervals for location parameters in
/// the discrete case*, Journal of the American Statistical Association 62, 1967). Beyond 100 effects it is that of the
/// normal approximation.
///
/// # Errors
/// Without effects, with more than 1024, with effects out of range, or when the wanted level is not a probability.
pub fn shift(effects: &[f64], wanted: f64) -> Result<Shift, StatsError> {
    check_length(effects, 1, MOST)?;
    check_range(effects)?;
    check_probability(wanted)?;
    let averages = Sorted::of_finite(walsh_averages(effects));
    let (depth, outside) = tail(effects.len(), (1.0 - wanted) / 2.0 + ROUNDING);
    // With a wanted level near 0 the two ends would pass each other.
    let depth = depth.min(averages.len().div_ceil(2));
    let interval = (depth > 0).then(|| Interval {
        low: averages.values()[depth - 1],
        high: averages.values()[averages.len() - depth],
        level: (1.0 - 2.0 * outside).max(0.0),
    });
    Ok(Shift { estimate: averages.median(), interval })
}

/// The means of all pairs, each value with itself included.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages = Vec::new();
    fill_walsh_averages(values, &mut averages);
    averages
}

/// Puts the means of all pairs, each value with itself included, in place of what a buffer holds. Sums of values in
/// range do not overflow.
pub(super) fn fill_walsh_averages(values: &[f64], averages: &mut Vec<f64>) {
    averages.clear();
    for (first, value) in values.iter().enumerate() {
        averages.extend(values[first..].iter().map(|other| (value + other) / 2.0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Disturbance, SplitMix64};
    use super::super::{LEVEL, signed_rank, vectors};
    use super::*;

    #[test]
    fn estimates_and_intervals_agree_with_the_oracle() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/shift.json")) {
            let found = shift(&case.list("effects"), case.number("wanted")).unwrap();
            vectors::assert_close(found.estimate, case.number("estimate"), &case.name);
            let expected = case.list("interval");
            assert_eq!(found.interval.is_some(), !expected.is_empty(), "{}", case.name);
            if let Some(interval) = found.interval {
                vectors::assert_close(interval.low, expected[0], &case.name);
                vectors::assert_close(interval.high, expected[1], &case.name);
                vectors::assert_close(interval.level, expected[2], &case.name);
            }
        }
    }

    #[test]
    fn awkward_effects() {
        assert_eq!(shift(&[], LEVEL), Err(StatsError::TooFew { found: 0, needed: 1 }));
        assert_eq!(shift(&[1.0; 1025], LEVEL), Err(StatsError::TooMany { found: 1025, most: 1024 }));
        assert!(matches!(shift(&[f64::INFINITY], LEVEL), Err(StatsError::OutOfRange { .. })));
        assert!(matches!(shift(&[1.0], f64::NAN), Err(StatsError::NotAProbability { .. })));
        assert_eq!(shift(&[1.5], LEVEL), Ok(Shift { estimate: 1.5, interval: None }));
        // A level of nothing is a point, and the whole line is never offered as an interval.
        let nothing = shift(&[1.0, 2.0, 4.0], 0.0).unwrap().interval.unwrap();
        assert!(nothing.low <= nothing.high);
        assert_eq!(shift(&[1.0, 2.0, 4.0], 1.0).unwrap().interval, None);
    }

    /// The stated level is the share of intervals that cover the true centre, whatever disturbs the trials.
    #[test]
    fn intervals_cover_what_they_state() {
        const ROUNDS: usize = 500;
        let mut random = SplitMix64::new(4711);
        for disturbance in Disturbance::ALL {
            for count in [6, 10, 20] {
                let (mut covered, mut stated) = (0, 0.0);
                for _ in 0..ROUNDS {
                    let effects = disturbance.effects(count, 0.02, &mut random);
                    let interval = shift(&effects, LEVEL).unwrap().interval.unwrap();
                    stated = interval.level;
                    covered += usize::from(interval.low <= 0.02 && 0.02 <= interval.high);
                }
                let error = (stated * (1.0 - stated) / ROUNDS as f64).sqrt();
                let share = covered as f64 / ROUNDS as f64;
                assert!((share - stated).abs() < 4.0 * error, "{disturbance:?}, {count}: {share} for {stated}");
            }
        }
    }

    proptest::proptest! {
        /// The interval holds exactly the centres that the test does not reject; ties apart, which make it wider.
        #[test]
        fn the_interval_inverts_the_test(
            effects in proptest::collection::vec(-1.0..1.0_f64, 6..40), centre in -1.0..1.0_f64
        ) {
            let interval = shift(&effects, LEVEL).unwrap().interval.unwrap();
            let moved: Vec<f64> = effects.iter().map(|effect| effect - centre).collect();
            let accepted = signed_rank(&moved).unwrap().p > 1.0 - interval.level + 1e-12;
            proptest::prop_assert_eq!(accepted, interval.low <= centre && centre <= interval.high);
        }
    }
}
