//! The level of a stretch of points under correlated noise, and how well they know it. Takes values as they are: clipping
//! is the caller's.

use super::noise_level::NoiseLevel;

/// What levels are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelScale {
    /// Ratios matter: the logarithm of values, all above zero. Levels are geometric means.
    Ratio,
    /// Differences matter. Levels are means.
    Difference,
}

/// Sums of a growing series, so that the level of any stretch of it takes no time. Around its first value, so that equal
/// values add nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    centre: f64,
    /// Sum of the values before each place, less the centre each. One more than values, but for none.
    before: Vec<f64>,
}

impl Sums {
    /// Forgets all but the first values.
    pub(super) fn truncate(&mut self, length: usize) {
        self.before.truncate(if length == 0 { 0 } else { length + 1 });
    }

    /// Takes the next value.
    pub(super) fn push(&mut self, value: f64) {
        if self.before.is_empty() {
            self.centre = value;
            self.before.push(0.0);
        }
        let sum = self.before.last().copied().unwrap_or(0.0);
        self.before.push(sum + (value - self.centre));
    }

    /// The level of a stretch of at least one point, by generalised least squares for first-order autoregressive noise:
    /// `((1 - ρ²) y₁ + (1 - ρ) Σ (yₜ - ρ yₜ₋₁)) / ((1 - ρ²) + (m - 1)(1 - ρ)²)`.
    pub(super) fn stretch(&self, start: usize, end: usize, noise: NoiseLevel) -> Stretch {
        let rho = noise.rho;
        let own = 1.0 - rho;
        let sum = |from: usize, to: usize| self.before[to] - self.before[from];
        let weight = 1.0 - rho * rho + (end - start - 1) as f64 * own * own;
        let weighted =
            (1.0 - rho * rho) * sum(start, start + 1) + own * (sum(start + 1, end) - rho * sum(start, end - 1));
        Stretch { level: self.centre + weighted / weight, weight }
    }
}

/// What a stretch of points shows of its level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) level: f64,
    /// How much is known of the level: its variance is that of the fresh noise over this. Without correlation the number
    /// of points.
    pub(super) weight: f64,
}

impl Stretch {
    /// What a level each for two stretches saves over a shared one, in units of the fresh noise's variance.
    pub(super) fn gain(self, after: Stretch, noise: NoiseLevel) -> f64 {
        let difference = after.level - self.level;
        if difference == 0.0 {
            return 0.0;
        }
        let shared = self.weight * after.weight / (self.weight + after.weight);
        (shared * (difference / noise.sigma).powi(2)).min(f64::MAX)
    }
}
