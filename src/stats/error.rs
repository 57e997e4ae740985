//! Why there is no estimate, and the checks of input that every estimator shares.

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

/// Rejects values that no estimator can work with.
pub(super) fn check_range(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !(-LARGEST..=LARGEST).contains(value)) {
        Some(index) => Err(StatsError::OutOfRange { index, value: values[index] }),
        None => Ok(()),
    }
}

/// Rejects too few and too many values.
pub(super) fn check_length(values: &[f64], needed: usize, most: usize) -> Result<(), StatsError> {
    match values.len() {
        found if found < needed => Err(StatsError::TooFew { found, needed }),
        found if found > most => Err(StatsError::TooMany { found, most }),
        _ => Ok(()),
    }
}

/// Rejects what is not a probability.
pub(super) fn check_probability(value: f64) -> Result<(), StatsError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(StatsError::NotAProbability { value }) }
}
