//! Whether a value depends on the one before it. An interval over values that do is narrower than it should be.

use statrs::distribution::{ContinuousCDF, Normal};

use super::error::{StatsError, check_length, check_range};

/// The fewest values that can show dependence.
const FEWEST: usize = 3;

/// The most values whose orders are all counted out: 8! are 40 320.
const EXACT: usize = 8;

/// How many standard deviations above its mean a normal variable lies in one of a hundred times.
const ONE_IN_A_HUNDRED: f64 = 2.326_347_874_040_841;

/// Correlation of each value with the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Autocorrelation {
    /// The lag-1 autocorrelation coefficient, from -1 to 1.
    pub lag1: f64,
    /// Probability of a coefficient at least as far out, in either direction, when the order means nothing: twice the
    /// smaller tail.
    pub p: f64,
    /// The coefficient that values whose order means nothing exceed once in a hundred times, by the approximation below.
    pub limit: f64,
}

/// The lag-1 autocorrelation of values in the order taken, `Σ (xᵢ - m)(xᵢ₊₁ - m) / Σ (xᵢ - m)²` with m the mean. Nothing
/// for values that are all equal.
///
/// Up to 8 values the probability is exact, counted over all orders of the values. Beyond, it is that of a normal
/// distribution with the mean -1/n and the variance (n - 2)² / (n² (n - 1)) that independent Gaussian values give
/// (Moran, *Some theorems on time series II*, Biometrika 35, 1948); heavy tails make the coefficient vary less, so the
/// test errs on the side of seeing nothing.
///
/// # Errors
/// With fewer than 3 values, or values out of range.
pub fn autocorrelation(values: &[f64]) -> Result<Option<Autocorrelation>, StatsError> {
    check_length(values, FEWEST, usize::MAX)?;
    check_range(values)?;
    // Scaled, so that squares neither overflow nor vanish.
    let scale = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let scaled: Vec<f64> = values.iter().map(|value| if scale > 0.0 { value / scale } else { 0.0 }).collect();
    if scaled.iter().all(|value| *value == scaled[0]) {
        return Ok(None);
    }
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    let mut deviations: Vec<f64> = scaled.iter().map(|value| value - mean).collect();
    let squares: f64 = deviations.iter().map(|deviation| deviation * deviation).sum();
    if squares == 0.0 {
        return Ok(None);
    }
    let lag1 = neighbours(&deviations) / squares;
    let p = if values.len() <= EXACT {
        exact_probability(&mut deviations)
    } else {
        approximate_probability(values.len(), lag1)
    };
    let (mean, deviation) = moments(values.len());
    Ok(Some(Autocorrelation { lag1, p, limit: mean + ONE_IN_A_HUNDRED * deviation }))
}

/// Sum of the products of neighbours.
fn neighbours(deviations: &[f64]) -> f64 {
    deviations.windows(2).map(|pair| pair[0] * pair[1]).sum()
}

/// Over every order, by Heap's algorithm: each step swaps two values (Heap, 1963).
fn exact_probability(deviations: &mut [f64]) -> f64 {
    let squares: f64 = deviations.iter().map(|deviation| deviation * deviation).sum();
    let observed = neighbours(deviations);
    // Orders that differ by rounding alone are equal.
    let slack = 1e-12 * squares;
    let (mut below, mut above, mut orders) = (0_u32, 0_u32, 0_u32);
    let mut count = |deviations: &[f64]| {
        let found = neighbours(deviations);
        orders += 1;
        below += u32::from(found <= observed + slack);
        above += u32::from(found >= observed - slack);
    };
    count(deviations);
    let mut swaps = vec![0; deviations.len()];
    let mut place = 1;
    while place < deviations.len() {
        if swaps[place] < place {
            deviations.swap(if place % 2 == 0 { 0 } else { swaps[place] }, place);
            count(deviations);
            swaps[place] += 1;
            place = 1;
        } else {
            swaps[place] = 0;
            place += 1;
        }
    }
    (2.0 * f64::from(below.min(above)) / f64::from(orders)).min(1.0)
}

fn approximate_probability(count: usize, lag1: f64) -> f64 {
    let (mean, deviation) = moments(count);
    2.0 * Normal::standard().sf(((lag1 - mean) / deviation).abs())
}

/// Mean and standard deviation of the coefficient of independent Gaussian values.
fn moments(count: usize) -> (f64, f64) {
    let n = count as f64;
    (-1.0 / n, (n - 2.0) / (n * (n - 1.0).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Noise, SplitMix64};
    use super::super::vectors;
    use super::*;

    #[test]
    fn figures_agree_with_the_oracle() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/autocorrelation.json")) {
            let found = autocorrelation(&case.list("values")).unwrap();
            let expected = case.list("lag1_and_p");
            assert_eq!(found.is_some(), !expected.is_empty(), "{}", case.name);
            if let Some(found) = found {
                vectors::assert_near(found.lag1, expected[0], 1e-12, &case.name);
                vectors::assert_near(found.p, expected[1], 1e-9, &case.name);
            }
        }
    }

    #[test]
    fn awkward_series_are_refused() {
        assert_eq!(autocorrelation(&[1.0, 2.0]), Err(StatsError::TooFew { found: 2, needed: 3 }));
        assert!(autocorrelation(&[1.0, 2.0, f64::INFINITY]).is_err());
    }

    #[test]
    fn the_test_holds_its_level_and_sees_dependence() {
        const ROUNDS: usize = 2000;
        let mut random = SplitMix64::new(11);
        let mut rate = |noise: Noise, count: usize, memory: f64| {
            let mut seen = 0;
            for _ in 0..ROUNDS {
                let mut last = noise.draw(&mut random) / (1.0 - memory * memory).sqrt();
                let next = |_| {
                    last = memory * last + noise.draw(&mut random);
                    last
                };
                let values: Vec<f64> = (0..count).map(next).collect();
                seen += usize::from(autocorrelation(&values).unwrap().unwrap().p <= 0.05);
            }
            seen as f64 / ROUNDS as f64
        };
        for noise in [Noise::Gaussian, Noise::Cauchy, Noise::Skewed] {
            for count in [10, 30] {
                let found = rate(noise, count, 0.0);
                // One part in two hundred for the approximation itself.
                let allowed = 0.055 + 4.0 * (0.05 * 0.95 / ROUNDS as f64).sqrt();
                assert!(found < allowed, "{noise:?}, {count}: {found}");
            }
        }
        let found = rate(Noise::Gaussian, 30, 0.7);
        assert!(found > 0.85, "ρ = 0.7 over 30 values is seen in {found}");
    }

    #[test]
    fn the_limit_is_exceeded_once_in_a_hundred_times() {
        const ROUNDS: usize = 2000;
        let mut random = SplitMix64::new(12);
        let mut beyond = |noise: Noise, count: usize| {
            let one = |_| {
                let values: Vec<f64> = (0..count).map(|_| noise.draw(&mut random)).collect();
                let found = autocorrelation(&values).unwrap().unwrap();
                usize::from(found.lag1 > found.limit)
            };
            (0..ROUNDS).map(one).sum::<usize>() as f64 / ROUNDS as f64
        };
        for noise in [Noise::Gaussian, Noise::Cauchy, Noise::Skewed] {
            for count in [9, 12, 30] {
                let found = beyond(noise, count);
                assert!(found < 0.01 + 4.0 * (0.01 * 0.99 / ROUNDS as f64).sqrt(), "{noise:?}, {count}: {found}");
            }
        }
    }
}
