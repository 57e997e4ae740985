//! How noisy a series is, seen through its steps: the noise's size and its correlation from one point to the next, and
//! how far out a value says nothing about the level any more. Steps, spikes and slow drift must not pass for noise, so
//! everything is estimated from differences of neighbours and from deviations from a running median.

/// Points on each side in the window of the running median.
pub(super) const REACH: usize = 10;

/// The fewest on each side: for the newest points the window is the last five, so that the median follows a step as soon
/// as three points show it; for the oldest it is the first five.
const NEAREST: usize = 2;

/// Values count no further than this many standard deviations from the running median.
const CLIP: f64 = 2.75;

/// Differences count no further than this many of their standard deviations, so that steps are hardly taken for noise.
const DIFFERENCE_CLIP: f64 = 3.0;

/// The distance of the differences that the correlation is estimated from, beside that of neighbours. By simulation: at
/// ρ = 0.7 and 300 points the estimate's standard deviation is 0.11 with distance 2, 0.06 with 5 to 8, and larger
/// distances mistake steps for correlation.
const DISTANCE: usize = 6;

/// More correlated than this, level and noise cannot be separated.
const MOST_CORRELATED: f64 = 0.9;

/// The share of the noise as the upper quartile of the differences tells it that counts at least. Where values are counted
/// in whole pages most differences are zero, and their median is uninformative.
const FLOOR: f64 = 0.5;

/// Median of a standard normal value's magnitude: Φ⁻¹(3/4).
const MEDIAN_MAGNITUDE: f64 = 0.674_489_750_196_082;

/// Upper quartile of the same: Φ⁻¹(7/8).
const UPPER_MAGNITUDE: f64 = 1.150_349_380_376_008;

/// First-order autoregressive noise: each deviation from the level is `rho` times the one before plus fresh noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseLevel {
    /// Standard deviation of the fresh noise. The deviations themselves have `sigma / √(1 - rho²)`.
    pub sigma: f64,
    /// Correlation of a deviation with the one before, from 0 to 0.9. Negative correlation counts as none.
    pub rho: f64,
}

/// Half the width of the band around the running median beyond which values are clipped.
pub(super) fn clip_width(values: &[f64]) -> f64 {
    let mut differences: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let Some(median) = quantile(&mut differences, 1, 2) else { return 0.0 };
    let Some(upper) = quantile(&mut differences, 3, 4) else { return 0.0 };
    CLIP * (median / MEDIAN_MAGNITUDE).max(FLOOR * upper / UPPER_MAGNITUDE) / std::f64::consts::SQRT_2
}

/// The value below which a share of them lies; nothing without values.
fn quantile(values: &mut [f64], part: usize, of: usize) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let place = values.len() * part / of;
    Some(*values.select_nth_unstable_by(place, f64::total_cmp).1)
}

/// Appends to `clipped` the values from its end on, each moved to the edge of the band around the running median where
/// it lies outside. Those with fewer than [`REACH`] points after them change when points are added.
pub(super) fn clip(values: &[f64], width: f64, clipped: &mut Vec<f64>) {
    let mut window = Window::default();
    for place in clipped.len()..values.len() {
        let last = values.len() - 1;
        // As wide on both sides, or a step soon after the first points would be shown to them before it happens.
        let reach = REACH.min(place).min(last - place).max(NEAREST);
        let end = (place + reach).max(2 * NEAREST).min(last);
        window.slide(values, end.saturating_sub(2 * reach), end + 1);
        let median = window.sorted[window.sorted.len() / 2];
        clipped.push(values[place].clamp(median - width, median + width));
    }
}

/// The values of a stretch in ascending order, as the stretch moves forward.
#[derive(Default)]
struct Window {
    start: usize,
    end: usize,
    sorted: Vec<f64>,
}

impl Window {
    fn slide(&mut self, values: &[f64], start: usize, end: usize) {
        if start >= self.end {
            (self.start, self.end) = (start, start);
            self.sorted.clear();
        }
        for value in &values[self.start..start] {
            let place = self.below(*value);
            self.sorted.remove(place);
        }
        for value in &values[self.end..end] {
            let place = self.below(*value);
            self.sorted.insert(place, *value);
        }
        (self.start, self.end) = (start, end);
    }

    /// How many values are smaller. Of so few values counting all is faster than searching.
    fn below(&self, value: f64) -> usize {
        self.sorted.iter().filter(|other| **other < value).count()
    }
}

/// The noise of values that are clipped already.
///
/// Of first-order autoregressive noise of variance γ, differences at distance k have the mean square 2γ(1 - ρᵏ): those
/// at distance 6 over those of neighbours make 1 + ρ + … + ρ⁵, and the fresh noise has half the neighbours' times
/// (1 + ρ). Correlation is underestimated by about (1 + 3ρ)/n (Marriott and Pope, *Bias in the estimation of
/// autocorrelations*, Biometrika 41, 1954), which makes false changes; twice that is added. (Estimating from differences
/// follows Chakar, Lebarbier, Lévy-Leduc and Robin, *A robust approach for estimating change-points in the mean of an
/// AR(1) process*, Bernoulli 23, 2017, who use distance 2.)
pub(super) fn noise_level(clipped: &[f64]) -> NoiseLevel {
    let neighbours = mean_square_difference(clipped, 1);
    let found = correlation(clipped, neighbours);
    let bias = 2.0 * (1.0 + 3.0 * found) / clipped.len().max(1) as f64;
    let rho = (found + bias).clamp(0.0, MOST_CORRELATED);
    NoiseLevel { sigma: (neighbours * (1.0 + rho) / 2.0).sqrt(), rho }
}

/// Nothing is known of the correlation of values that hardly ever differ.
fn correlation(clipped: &[f64], neighbours: f64) -> f64 {
    let moving = clipped.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if 2 * moving < clipped.len() || clipped.len() <= DISTANCE {
        return 0.0;
    }
    root(mean_square_difference(clipped, DISTANCE) / neighbours)
}

/// The ρ for which 1 + ρ + … + ρ⁵ is a number, by bisection.
fn root(sum: f64) -> f64 {
    let (mut low, mut high) = (-0.5_f64, 1.0_f64);
    for _ in 0..40 {
        let rho = low.midpoint(high);
        let terms = (1..DISTANCE).fold(1.0, |terms, _| terms * rho + 1.0);
        *(if terms < sum { &mut low } else { &mut high }) = rho;
    }
    low
}

/// Mean square of the differences at a distance, each counted as [`DIFFERENCE_CLIP`] standard deviations at most.
fn mean_square_difference(values: &[f64], distance: usize) -> f64 {
    let squares = || values.windows(distance + 1).map(|window| (window[distance] - window[0]).powi(2));
    let Some(median) = quantile(&mut squares().collect::<Vec<_>>(), 1, 2) else { return 0.0 };
    let mean = |limit: f64| squares().map(|square| square.min(limit)).sum::<f64>() / (values.len() - distance) as f64;
    let variance = median / MEDIAN_MAGNITUDE.powi(2);
    // Where most differences are zero the median is uninformative.
    mean(DIFFERENCE_CLIP.powi(2) * if variance > 0.0 { variance } else { mean(f64::INFINITY) })
}
