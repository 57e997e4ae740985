//! Whether values gather around two levels instead of one: a mode of the machine, say, that some processes land in. It
//! must not take a long tail for a second mode.

use super::error::{StatsError, check_length};
use super::sorted::Sorted;

/// The fewest values that can show two modes.
const FEWEST: usize = 6;

/// A mode holds at least one in this many values; fewer are outliers.
const LEAST_PART: usize = 5;

/// The separation that one value in a hundred sets exceeds when there is but one mode: number of values, separation. The
/// largest over Gaussian, uniform, exponential, Laplace and log-normal values and Student's t with 2 degrees of freedom,
/// by simulation; see `modes_limits` in `tests/vectors/stats/make.py`.
const LIMITS: [(usize, f64); 11] = [
    (6, 11.27),
    (8, 9.0),
    (10, 8.68),
    (12, 5.16),
    (15, 5.25),
    (20, 4.02),
    (30, 2.89),
    (50, 2.14),
    (100, 1.56),
    (200, 1.25),
    (500, 1.02),
];

/// The best division of values in two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Mean of the lower values.
    pub lower: f64,
    /// Mean of the upper values.
    pub upper: f64,
    /// Share of the upper values.
    pub upper_share: f64,
    /// The gap between both (from the 90th percentile of the lower to the 10th of the upper) over the pooled standard
    /// deviation within them. Infinite where neither varies.
    pub separation: f64,
    /// The separation beyond which two modes are likelier than chance, at one false alarm in a hundred.
    pub limit: f64,
}

/// Divides values in two where the sum of squares within both is least (two-means; Fisher, *On grouping for maximum
/// homogeneity*, 1958), with at least a fifth of the values on each side. Nothing for values that are all equal.
///
/// With fewer than about 20 values two modes are rarely distinguished from chance.
///
/// # Errors
/// With fewer than 6 values, or values out of range.
pub fn split(values: &[f64]) -> Result<Option<Split>, StatsError> {
    check_length(values, FEWEST, usize::MAX)?;
    let sorted = Sorted::new(values)?;
    if sorted.min() == sorted.max() {
        return Ok(None);
    }
    let (lower, upper) = sorted.values().split_at(best_place(&sorted));
    let within = ((squares(lower) + squares(upper)) / (sorted.len() - 2) as f64).sqrt();
    let gap = (Sorted::new(upper)?.interpolate(0.1) - Sorted::new(lower)?.interpolate(0.9)).max(0.0);
    let separation = match (gap > 0.0, within > 0.0) {
        (false, _) => 0.0,
        (true, false) => f64::INFINITY,
        (true, true) => gap / within,
    };
    Ok(Some(Split {
        lower: mean(lower),
        upper: mean(upper),
        upper_share: upper.len() as f64 / sorted.len() as f64,
        separation,
        limit: limit(sorted.len()),
    }))
}

/// How many values belong to the lower group.
fn best_place(sorted: &Sorted) -> usize {
    let values = sorted.values();
    let count = values.len();
    // Sums of deviations from the median keep their digits where sums of the values would lose them.
    let centre = sorted.median();
    let total: f64 = values.iter().map(|value| value - centre).sum();
    let least = count.div_ceil(LEAST_PART);
    let (mut best, mut most_between, mut below) = (least, f64::NEG_INFINITY, 0.0);
    for place in 1..=count - least {
        below += values[place - 1] - centre;
        let above = total - below;
        // The sum of squares within is least where that between is most.
        let between = below / place as f64 * below + above / (count - place) as f64 * above;
        if place >= least && between > most_between {
            (best, most_between) = (place, between);
        }
    }
    best
}

fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    values.iter().map(|value| value / count).sum()
}

fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean) * (value - mean)).sum()
}

/// [`LIMITS`], interpolated in the logarithm of the number of values, and level beyond its end.
fn limit(count: usize) -> f64 {
    let above = LIMITS.iter().position(|(known, _)| *known >= count).unwrap_or(LIMITS.len() - 1);
    let (high_count, high) = LIMITS[above];
    let (low_count, low) = LIMITS[above.saturating_sub(1)];
    if count >= high_count || above == 0 {
        return high;
    }
    let part = (count as f64 / low_count as f64).ln() / (high_count as f64 / low_count as f64).ln();
    low + (high - low) * part
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Noise, SplitMix64};
    use super::super::vectors;
    use super::*;

    #[test]
    fn splits_agree_with_trying_every_place_in_numpy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/modes.json")) {
            let found = split(&case.list("values")).unwrap().unwrap();
            for (name, value) in [
                ("lower", found.lower),
                ("upper", found.upper),
                ("upper_share", found.upper_share),
                ("separation", found.separation),
            ] {
                vectors::assert_near(value, case.number(name), 1e-9, &format!("{}: {name}", case.name));
            }
        }
    }

    #[test]
    fn limits_are_the_simulated_ones() {
        let cases = vectors::read(include_str!("../../tests/vectors/stats/modes_limits.json"));
        let simulated: Vec<(usize, f64)> =
            cases.iter().map(|case| (case.number("count") as usize, case.number("limit"))).collect();
        assert_eq!(simulated, LIMITS);
        assert_eq!(limit(6), LIMITS[0].1);
        assert_eq!(limit(100_000), LIMITS[10].1);
        assert!(limit(40) < limit(30) && limit(40) > limit(50));
    }

    #[test]
    fn awkward_values() {
        assert_eq!(split(&[1.0; 5]), Err(StatsError::TooFew { found: 5, needed: 6 }));
        assert_eq!(split(&[1.0; 6]), Ok(None));
        let levels = split(&[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]).unwrap().unwrap();
        assert_eq!((levels.lower, levels.upper, levels.separation), (1.0, 2.0, f64::INFINITY));
        assert!(split(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN]).is_err());
        let huge = split(&[-1e150, -1e150, -1e150, 1e150, 1e150, 9e149]).unwrap().unwrap();
        assert!(huge.separation.is_finite() && huge.upper > 0.0);
    }

    /// The bimodal noise that findings must bear: 30% of the points 3% higher, each with 0.5% noise.
    #[test]
    fn two_modes_are_seen_and_one_is_not_made_two() {
        const ROUNDS: usize = 1000;
        let mut random = SplitMix64::new(5);
        let mut rate = |count: usize, draw: &dyn Fn(&mut SplitMix64) -> f64| {
            let mut seen = 0;
            for _ in 0..ROUNDS {
                let values: Vec<f64> = (0..count).map(|_| draw(&mut random)).collect();
                let found = split(&values).unwrap().unwrap();
                seen += usize::from(found.separation > found.limit);
            }
            seen as f64 / ROUNDS as f64
        };
        for noise in [Noise::Gaussian, Noise::Cauchy, Noise::Skewed] {
            for count in [6, 13, 40, 300] {
                let found = rate(count, &|random| noise.draw(random));
                assert!(found < 0.01 + 4.0 * (0.01 * 0.99 / ROUNDS as f64).sqrt(), "{noise:?}, {count}: {found}");
            }
        }
        let two = |random: &mut SplitMix64| {
            let level = if random.uniform() < 0.3 { 103.0 } else { 100.0 };
            level + 0.5 * Noise::Gaussian.draw(random)
        };
        assert!(rate(50, &two) > 0.9 && rate(200, &two) > 0.99);
    }
}
