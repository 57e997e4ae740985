//! Values in ascending order, and what can be read off them directly. The only way in is validation, so nothing that
//! takes a [`Sorted`] needs to check again.

use super::error::{StatsError, check_probability, check_range};

/// At least one value, all finite, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts a copy of the values.
    ///
    /// # Errors
    /// When there are none, or one is not finite or is beyond [`LARGEST`](super::LARGEST).
    pub fn new(values: &[f64]) -> Result<Self, StatsError> {
        if values.is_empty() {
            return Err(StatsError::Empty);
        }
        check_range(values)?;
        Ok(Self::of_finite(values.to_vec()))
    }

    /// Sorts values derived from values in range: at least one, all finite, though differences may pass the limit.
    pub(super) fn of_finite(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// How many there are; never zero.
    #[allow(clippy::len_without_is_empty)] // It is never empty.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.0[self.len() - 1]
    }

    /// The middle value, or the midpoint of the two in the middle.
    pub fn median(&self) -> f64 {
        let upper = self.len() / 2;
        if self.len() % 2 == 1 { self.0[upper] } else { self.0[upper - 1].midpoint(self.0[upper]) }
    }

    /// The quantile of a probability, by linear interpolation between order statistics at position `(n - 1) p`: type 7
    /// of Hyndman and Fan, *Sample Quantiles in Statistical Packages* (The American Statistician 50, 1996), the default
    /// of R and NumPy.
    ///
    /// # Errors
    /// When the probability does not lie between 0 and 1.
    pub fn quantile(&self, probability: f64) -> Result<f64, StatsError> {
        check_probability(probability)?;
        Ok(self.interpolate(probability))
    }

    /// The quantile of a probability known to lie between 0 and 1.
    pub(super) fn interpolate(&self, probability: f64) -> f64 {
        let position = (self.len() - 1) as f64 * probability;
        let below = position.floor();
        let (low, high) = (self.0[below as usize], self.0[position.ceil() as usize]);
        low + (high - low) * (position - below)
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn quantiles_agree_with_numpy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/describe.json")) {
            let sorted = Sorted::new(&case.list("values")).unwrap();
            for pair in case.lists("quantiles") {
                vectors::assert_close(sorted.quantile(pair[0]).unwrap(), pair[1], &case.name);
            }
            vectors::assert_close(sorted.median(), case.number("median"), &case.name);
        }
    }

    #[test]
    fn awkward_values_are_refused() {
        assert_eq!(Sorted::new(&[]), Err(StatsError::Empty));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            let Err(StatsError::OutOfRange { index: 1, .. }) = Sorted::new(&[0.0, value]) else {
                panic!("{value} was accepted");
            };
        }
        let one = Sorted::new(&[7.0]).unwrap();
        assert_eq!((one.min(), one.median(), one.max(), one.interpolate(0.9)), (7.0, 7.0, 7.0, 7.0));
        for probability in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(one.quantile(probability), Err(StatsError::NotAProbability { .. })));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_quantile_lies_among_the_values_and_grows(
            values in proptest::collection::vec(-1e150..1e150_f64, 1..40), a in 0.0..=1.0_f64, b in 0.0..=1.0_f64
        ) {
            let sorted = Sorted::new(&values).unwrap();
            let (low, high) = (sorted.interpolate(a.min(b)), sorted.interpolate(a.max(b)));
            let slack = 1e-12 * sorted.max().abs().max(sorted.min().abs());
            proptest::prop_assert!(sorted.min() - slack <= low && low <= high + slack && high <= sorted.max() + slack);
        }
    }
}
