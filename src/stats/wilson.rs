//! An interval for a share, such as a rate of false alarms: it must make sense for none of few, too.

use statrs::distribution::{ContinuousCDF, Normal};

use super::{Interval, StatsError, check_probability};

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
