//! Whether values drift in the order in which they were taken, and by how much. Ranks and medians only, so that one
//! stall is no trend. Quadratic in time and memory, so long series are rejected rather than thinned silently.

use statrs::distribution::{ContinuousCDF, Normal};

use super::error::{StatsError, check_length, check_range};
use super::sorted::Sorted;

/// The most values accepted. The slopes of all their pairs take 64 MiB.
const MOST: usize = 4096;

/// The fewest values that can show a trend.
const FEWEST: usize = 3;

/// The most values without ties whose probability is counted out; the limit that SciPy uses.
const EXACT: usize = 33;

/// A monotonic trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Kendall's S: pairs that rise minus pairs that fall.
    pub s: i64,
    /// Probability of an S at least as far from zero, in either direction, when the order means nothing.
    pub p: f64,
    /// Change from one value to the next: the median slope over all pairs (Theil, 1950; Sen, 1968).
    pub slope: f64,
}

/// Tests values in the order taken for a monotonic trend (Mann, 1945; Kendall, *Rank Correlation Methods*, 1975). Without
/// ties and up to 33 values the probability is exact; otherwise it is that of the normal approximation with Kendall's
/// variance for ties and a continuity correction. The values are assumed independent: positive autocorrelation makes
/// the test see trends too often.
///
/// # Errors
/// With fewer than 3 or more than 4096 values, or values out of range.
pub fn trend(values: &[f64]) -> Result<Trend, StatsError> {
    let Pairs { s, slopes, ties } = Pairs::of(values)?;
    let count = values.len();
    let exact = ties.is_empty() && count <= EXACT;
    let p = if exact { exact_probability(count, s) } else { approximate_probability(s, variance(count, &ties)) };
    Ok(Trend { s, p, slope: Sorted::of_finite(slopes).median() })
}

/// Tests several series, each in the order taken and with a level of its own, for a monotonic trend that they share: the
/// seasonal Kendall test, with the groups for seasons (Hirsch, Slack and Smith, *Techniques of trend analysis for monthly
/// water quality data*, Water Resources Research 18, 1982). S and its variance are summed, the slope is the median over
/// the pairs of all groups, and the probability is always that of the normal approximation. Trends that point different
/// ways cancel out.
///
/// # Errors
/// Without groups, with fewer than 3 or more than 4096 values in one, or values out of range.
pub fn common_trend(groups: &[Vec<f64>]) -> Result<Trend, StatsError> {
    let (mut s, mut sum_of_variances, mut slopes) = (0, 0.0, Vec::new());
    for group in groups {
        let pairs = Pairs::of(group)?;
        s += pairs.s;
        sum_of_variances += variance(group.len(), &pairs.ties);
        slopes.extend(pairs.slopes);
    }
    if slopes.is_empty() {
        return Err(StatsError::Empty);
    }
    Ok(Trend { s, p: approximate_probability(s, sum_of_variances), slope: Sorted::of_finite(slopes).median() })
}

/// The slopes of all pairs of a series.
struct Pairs {
    s: i64,
    slopes: Vec<f64>,
    ties: Vec<usize>,
}

impl Pairs {
    fn of(values: &[f64]) -> Result<Pairs, StatsError> {
        check_length(values, FEWEST, MOST)?;
        check_range(values)?;
        let pairs = || (1..values.len()).flat_map(|later| (0..later).map(move |earlier| (earlier, later)));
        let slope = |(earlier, later): (usize, usize)| (values[later] - values[earlier]) / (later - earlier) as f64;
        Ok(Pairs {
            s: pairs().map(|(earlier, later)| direction(values[earlier], values[later])).sum(),
            slopes: pairs().map(slope).collect(),
            ties: tie_sizes(&Sorted::new(values)?),
        })
    }
}

fn direction(earlier: f64, later: f64) -> i64 {
    i64::from(later > earlier) - i64::from(later < earlier)
}

/// The sizes of groups of equal values.
fn tie_sizes(sorted: &Sorted) -> Vec<usize> {
    sorted.values().chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|size| *size > 1).collect()
}

/// From the number of orders of n values with each number of falling pairs, built up a value at a time: the n-th value,
/// put anywhere among the others, adds each number of falling pairs from 0 to n - 1 equally often.
fn exact_probability(count: usize, s: i64) -> f64 {
    let mut chances = vec![1.0];
    for added in 2..=count {
        let mut next = vec![0.0; chances.len() + added - 1];
        for (falling, chance) in chances.iter().enumerate() {
            next[falling..falling + added].iter_mut().for_each(|slot| *slot += chance / added as f64);
        }
        chances = next;
    }
    let pairs = count * (count - 1) / 2;
    // The distribution is symmetric, so the smaller tail decides in both directions.
    let rarer = (pairs - usize::try_from(s.unsigned_abs()).unwrap_or(pairs)) / 2;
    (2.0 * chances[..=rarer].iter().sum::<f64>()).min(1.0)
}

/// Of S, when the order means nothing.
fn variance(count: usize, ties: &[usize]) -> f64 {
    let term = |n: usize| (n * (n - 1) * (2 * n + 5)) as f64;
    (term(count) - ties.iter().map(|size| term(*size)).sum::<f64>()) / 18.0
}

fn approximate_probability(s: i64, variance: f64) -> f64 {
    if s == 0 || variance <= 0.0 {
        return 1.0;
    }
    let z = (s.unsigned_abs() as f64 - 1.0) / variance.sqrt();
    2.0 * Normal::standard().sf(z)
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Noise, SplitMix64};
    use super::super::vectors;
    use super::*;

    #[test]
    fn figures_agree_with_scipy_and_pymannkendall() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/trend.json")) {
            let found = trend(&case.list("values")).unwrap();
            assert_eq!(found.s as f64, case.number("s"), "{}", case.name);
            vectors::assert_near(found.p, case.number("p"), 1e-9, &case.name);
            vectors::assert_near(found.slope, case.number("slope"), 1e-12, &case.name);
        }
    }

    #[test]
    fn common_figures_agree_with_pymannkendall() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/common_trend.json")) {
            let found = common_trend(&case.lists("groups")).unwrap();
            assert_eq!(found.s as f64, case.number("s"), "{}", case.name);
            vectors::assert_near(found.p, case.number("p"), 1e-9, &case.name);
            vectors::assert_near(found.slope, case.number("slope"), 1e-12, &case.name);
        }
        assert_eq!(common_trend(&[]), Err(StatsError::Empty));
        assert!(common_trend(&[vec![1.0, 2.0, 3.0], vec![1.0]]).is_err());
    }

    #[test]
    fn awkward_series_are_refused() {
        assert_eq!(trend(&[1.0, 2.0]), Err(StatsError::TooFew { found: 2, needed: 3 }));
        assert_eq!(trend(&[0.0; 5000]), Err(StatsError::TooMany { found: 5000, most: 4096 }));
        assert_eq!(trend(&[-1e150, 1e150, -1e150]).map(|found| found.slope), Ok(0.0));
        assert!(matches!(trend(&[1.0, f64::NAN, 2.0]), Err(StatsError::OutOfRange { index: 1, .. })));
    }

    #[test]
    fn the_test_holds_its_level_and_sees_drift() {
        const ROUNDS: usize = 2000;
        let mut random = SplitMix64::new(3);
        for noise in [Noise::Gaussian, Noise::Cauchy, Noise::Skewed] {
            for count in [10, 40] {
                let mut seen = 0;
                for _ in 0..ROUNDS {
                    let values: Vec<f64> = (0..count).map(|_| noise.draw(&mut random)).collect();
                    seen += usize::from(trend(&values).unwrap().p <= 0.05);
                }
                let rate = seen as f64 / ROUNDS as f64;
                assert!(rate < 0.05 + 4.0 * (0.05 * 0.95 / ROUNDS as f64).sqrt(), "{noise:?}, {count}: {rate}");
            }
        }
        let drifting: Vec<f64> =
            (0..40).map(|place| 0.1 * f64::from(place) + Noise::Gaussian.draw(&mut random)).collect();
        let found = trend(&drifting).unwrap();
        assert!(found.p < 1e-3 && (found.slope - 0.1).abs() < 0.05, "{found:?}");
    }
}
