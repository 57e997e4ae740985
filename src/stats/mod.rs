//! Pure estimators: slices of `f64` in, plain structs out. No clock, no I/O, no global randomness; nothing here may
//! decide whether a number is good or bad, which is the business of `judge`.
//!
//! Values that are not finite are refused, as are magnitudes above [`LARGEST`], so that no result overflows. An empty
//! slice has no estimate and is refused too. Start at [`Sorted`], the validated slice that the estimators work on;
//! [`two_level`](fn@two_level) is how a measurement becomes a number, [`signed_rank`](fn@signed_rank) and [`shift`](fn@shift)
//! how paired effects do. The oracle vectors are in `tests/vectors/stats/`.

mod autocorrelation;
mod budget;
mod cutter;
mod describe;
mod interval;
mod levels;
mod modes;
#[cfg(test)]
pub(crate) mod noise;
mod noise_level;
mod online;
mod outliers;
mod partition;
mod power;
mod random;
mod segments;
mod shift;
mod signed_rank;
mod sorted;
mod trend;
mod two_level;
#[cfg(test)]
mod vectors;
mod wilson;

pub use autocorrelation::{Autocorrelation, autocorrelation};
pub use budget::{Budget, BudgetError, FIRST_ALPHA, LARGEST_SECOND_ALPHA, budget};
pub use describe::{Description, SIGMA_PER_MAD, describe, mad};
pub use interval::{FEWEST_TRIALS, Interval, LEVEL, median_interval};
pub use modes::{Split, split};
pub use noise_level::NoiseLevel;
pub use online::{NEARBY, Online, Sighting};
pub use outliers::{FENCE, Outliers, outliers};
pub use power::{Catches, Power, TwoStages, blocks_needed};
pub use segments::{Change, FOLLOWING, LevelScale, Segment, Segmentation, segments};
pub use shift::{Shift, shift};
pub use signed_rank::{SignedRank, least_p, signed_rank};
pub use sorted::Sorted;
pub use trend::{Trend, common_trend, trend};
pub use two_level::{Estimate, TwoLevel, estimate, two_level};
pub use wilson::wilson;

/// The largest magnitude accepted. Squares of it, and sums of many squares, stay finite; no measured quantity is near.
pub const LARGEST: f64 = 1e150;

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// There is nothing to estimate from.
    #[error("there are no values to estimate from")]
    Empty,
    /// A value is not a number, infinite, or beyond [`LARGEST`].
    #[error(
        "value {index} is {value}, which is not a finite number of at most 1e150: leave it out, it was not measured"
    )]
    OutOfRange {
        /// Its place in the slice, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// There are too few values for the question.
    #[error("{found} values cannot answer this: at least {needed} are needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// There are more values than can be looked at in bounded time and memory.
    #[error("{found} values are too many: pass at most {most}, such as every n-th")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are accepted.
        most: usize,
    },
    /// A value has no logarithm.
    #[error(
        "value {index} is {value}, which is not above zero, so it has no ratio to others: compare differences instead"
    )]
    NotPositive {
        /// Its place in the slice, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A probability or level that is not one.
    #[error("{value} is not a probability: it must lie between 0 and 1")]
    NotAProbability {
        /// What was given.
        value: f64,
    },
}

/// Refuses values that no estimator can work with.
fn check_range(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !(-LARGEST..=LARGEST).contains(value)) {
        Some(index) => Err(StatsError::OutOfRange { index, value: values[index] }),
        None => Ok(()),
    }
}

/// Refuses too few and too many values.
fn check_length(values: &[f64], needed: usize, most: usize) -> Result<(), StatsError> {
    match values.len() {
        found if found < needed => Err(StatsError::TooFew { found, needed }),
        found if found > most => Err(StatsError::TooMany { found, most }),
        _ => Ok(()),
    }
}

/// Refuses what is not a probability.
fn check_probability(value: f64) -> Result<(), StatsError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(StatsError::NotAProbability { value }) }
}
