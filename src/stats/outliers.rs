//! Values far from the rest. They are counted so that a reader can doubt the machine; nothing here may drop one.

use super::sorted::Sorted;

/// How many interquartile ranges beyond the quartiles a value must lie: Tukey's outer fence (*Exploratory Data
/// Analysis*, 1977, §2D).
pub const FENCE: f64 = 3.0;

/// How many values lie beyond the outer fences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outliers {
    /// Below the lower fence.
    pub low: usize,
    /// Above the upper fence.
    pub high: usize,
    /// Both, as a share of all values.
    pub share: f64,
}

/// Counts the values more than [`FENCE`] interquartile ranges below the lower or above the upper quartile. Where half of
/// the values are equal the range is zero, and every other value counts.
pub fn outliers(sorted: &Sorted) -> Outliers {
    let (lower, upper) = (sorted.interpolate(0.25), sorted.interpolate(0.75));
    let reach = FENCE * (upper - lower);
    let low = sorted.values().partition_point(|value| *value < lower - reach);
    let high = sorted.len() - sorted.values().partition_point(|value| *value <= upper + reach);
    Outliers { low, high, share: (low + high) as f64 / sorted.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn counts_agree_with_numpy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/describe.json")) {
            let found = outliers(&Sorted::new(&case.list("values")).unwrap());
            assert_eq!([found.low as f64, found.high as f64], case.list("outliers")[..], "{}", case.name);
            vectors::assert_close(found.share, case.number("outlier_share"), &case.name);
        }
    }
}
