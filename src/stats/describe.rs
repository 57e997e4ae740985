//! What a set of samples looks like: extremes, quartiles and spread. Robust figures only; a mean of timings must not
//! creep in here, because one stall moves it.

use super::error::StatsError;
use super::sorted::Sorted;

/// The factor that makes the median absolute deviation of Gaussian noise its standard deviation: 1 / Φ⁻¹(3/4).
pub const SIGMA_PER_MAD: f64 = 1.482_602_218_505_602;

/// The figures stored with the samples. All in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Description {
    /// How many values.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The lower quartile. Quantiles are of type 7, see [`Sorted::quantile`].
    pub lower_quartile: f64,
    /// The median.
    pub median: f64,
    /// The upper quartile.
    pub upper_quartile: f64,
    /// The 99th percentile. With fewer than 100 values it lies between the largest two.
    pub percentile_99: f64,
    /// The largest.
    pub max: f64,
    /// The median absolute deviation from the median, not scaled.
    pub mad: f64,
}

/// Describes values.
pub fn describe(sorted: &Sorted) -> Description {
    Description {
        count: sorted.len(),
        min: sorted.min(),
        lower_quartile: sorted.interpolate(0.25),
        median: sorted.median(),
        upper_quartile: sorted.interpolate(0.75),
        percentile_99: sorted.interpolate(0.99),
        max: sorted.max(),
        mad: mad(sorted),
    }
}

/// The median absolute deviation from the median (Hampel, 1974), not scaled: times [`SIGMA_PER_MAD`] it estimates the
/// standard deviation of Gaussian noise.
pub fn mad(sorted: &Sorted) -> f64 {
    let centre = sorted.median();
    Sorted::of_finite(sorted.values().iter().map(|value| (value - centre).abs()).collect()).median()
}

/// [`mad`] of a slice, scaled to a standard deviation. Nothing for fewer than two values, which show no spread.
///
/// # Errors
/// As [`Sorted::new`].
pub(super) fn robust_deviation(values: &[f64]) -> Result<Option<f64>, StatsError> {
    let sorted = Sorted::new(values)?;
    Ok((sorted.len() > 1).then(|| SIGMA_PER_MAD * mad(&sorted)))
}

#[cfg(test)]
mod tests {
    use super::super::vectors;
    use super::*;

    #[test]
    fn figures_agree_with_scipy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/describe.json")) {
            let found = describe(&Sorted::new(&case.list("values")).unwrap());
            for (name, value) in [
                ("min", found.min),
                ("lower_quartile", found.lower_quartile),
                ("median", found.median),
                ("upper_quartile", found.upper_quartile),
                ("percentile_99", found.percentile_99),
                ("max", found.max),
                ("mad", found.mad),
            ] {
                vectors::assert_close(value, case.number(name), &format!("{}: {name}", case.name));
            }
            vectors::assert_close(SIGMA_PER_MAD * found.mad, case.number("mad_scaled"), &case.name);
        }
    }

    #[test]
    fn one_value_shows_no_spread() {
        assert_eq!(robust_deviation(&[3.0]), Ok(None));
        assert_eq!(robust_deviation(&[3.0, 3.0]), Ok(Some(0.0)));
        assert_eq!(robust_deviation(&[]), Err(StatsError::Empty));
    }
}
