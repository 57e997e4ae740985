//! Pure estimators: slices of `f64` in, plain structs out. No clock, no I/O, no global randomness; nothing here may
//! decide whether a number is good or bad, which is the business of `judge`.
//!
//! Values that are not finite are rejected, as are magnitudes above [`LARGEST`], so that no result overflows. An empty
//! slice has no estimate and is rejected too. Start at [`Sorted`], the validated slice that the estimators work on;
//! [`two_level`](fn@two_level) is how a measurement becomes a number, [`signed_rank`](fn@signed_rank) and [`shift`](fn@shift)
//! how paired effects do. The oracle vectors are in `tests/vectors/stats/`.

mod autocorrelation;
mod budget;
mod changepoint;
mod describe;
mod error;
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
pub use error::{LARGEST, StatsError};
pub use interval::{FEWEST_TRIALS, Interval, LEVEL, median_interval};
pub use levels::LevelScale;
pub use modes::{Split, split};
pub use noise_level::NoiseLevel;
pub use online::{NEARBY, Online, Sighting};
pub use outliers::{FENCE, Outliers, outliers};
pub use power::{Catches, Power, TwoStages, blocks_needed};
pub use segments::{Change, FOLLOWING, Segment, Segmentation, segments};
pub use shift::{Shift, shift};
pub use signed_rank::{SignedRank, least_p, signed_rank};
pub use sorted::Sorted;
pub use trend::{Trend, common_trend, trend};
pub use two_level::{Estimate, TwoLevel, estimate, two_level};
pub use wilson::wilson;
