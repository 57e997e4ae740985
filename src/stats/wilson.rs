//! An interval for a share, such as a rate of false alarms: it must make sense for none of few, too.

use statrs::distribution::{ContinuousCDF, Normal};

use super::error::{StatsError, check_probability};
use super::interval::Interval;

/// The score interval of a share (Wilson, *Probable inference, the law of succession, and statistical inference*,
/// Journal of the American Statistical Association 22, 1927): the true shares that a normal test does not reject. Its
/// coverage is the level on average over shares, and for some falls a few points short, as that of every such interval
/// of sensible width does (Brown, Cai and DasGupta, *Interval estimation for a binomial proportion*, Statistical Science
/// 16, 2001). No continuity correction. Without trials it is all of 0 to 1.
///
/// # Errors
/// When there are more successes than trials, or the level is not a probability.
pub fn wilson(successes: u64, trials: u64, level: f64) -> Result<Interval, StatsError> {
    check_probability(level)?;
    if successes > trials {
        return Err(StatsError::NotAProbability { value: successes as f64 / trials as f64 });
    }
    if trials == 0 || level == 1.0 {
        return Ok(Interval { low: 0.0, high: 1.0, level });
    }
    let z = Normal::standard().inverse_cdf(0.5 + level / 2.0);
    let (n, share) = (trials as f64, successes as f64 / trials as f64);
    let middle = share + z * z / (2.0 * n);
    let reach = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    // None and all are inside for certain, whatever the last bit says.
    let low = if successes == 0 { 0.0 } else { (middle - reach) / scale };
    let high = if successes == trials { 1.0 } else { (middle + reach) / scale };
    Ok(Interval { low: low.max(0.0), high: high.min(1.0), level })
}

#[cfg(test)]
mod tests {
    use super::super::noise::SplitMix64;
    use super::super::vectors;
    use super::*;

    #[test]
    fn intervals_agree_with_scipy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/wilson.json")) {
            let level = case.number("level");
            let found = wilson(case.number("successes") as u64, case.number("trials") as u64, level).unwrap();
            for (found, expected) in [found.low, found.high].into_iter().zip(case.list("interval")) {
                assert!((found - expected).abs() < 1e-12, "{}: {found}, not {expected}", case.name);
            }
            assert_eq!(found.level, level);
        }
    }

    #[test]
    fn awkward_counts() {
        let nothing = wilson(0, 0, 0.95).unwrap();
        assert_eq!((nothing.low, nothing.high), (0.0, 1.0));
        let certain = wilson(3, 4, 1.0).unwrap();
        assert_eq!((certain.low, certain.high), (0.0, 1.0));
        let point = wilson(1, 4, 0.0).unwrap();
        assert_eq!((point.low, point.high), (0.25, 0.25));
        assert!(wilson(2, 1, 0.95).is_err() && wilson(1, 0, 0.95).is_err() && wilson(1, 2, f64::NAN).is_err());
        let huge = wilson(u64::MAX / 2, u64::MAX, 0.95).unwrap();
        assert!(huge.low < 0.5 && 0.5 < huge.high && huge.high - huge.low < 1e-8);
    }

    #[test]
    fn intervals_cover_what_they_state_within_a_few_points() {
        const ROUNDS: usize = 4000;
        let mut random = SplitMix64::new(9);
        for (share, trials) in [(0.01, 400), (0.1, 50), (0.5, 20), (0.9, 200)] {
            let mut covered = 0;
            for _ in 0..ROUNDS {
                let successes = (0..trials).filter(|_| random.uniform() < share).count() as u64;
                let interval = wilson(successes, trials, 0.95).unwrap();
                covered += usize::from(interval.low <= share && share <= interval.high);
            }
            let found = covered as f64 / ROUNDS as f64;
            assert!((0.92..0.985).contains(&found), "{share} of {trials}: {found}");
        }
    }
}
