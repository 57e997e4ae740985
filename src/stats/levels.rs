//! The level of a stretch of points under correlated noise, and how well they know it. Takes values as they are: clipping
//! is the caller's.

use super::NoiseLevel;

/// The level of the points so far, by generalised least squares for first-order autoregressive noise.
pub(super) struct Stretch {
    noise: NoiseLevel,
    /// How much is known of the level: its variance is that of the fresh noise over this. Without correlation the number
    /// of points.
    pub(super) weight: f64,
    first: f64,
    previous: f64,
    sum: f64,
}

impl Stretch {
    /// A stretch of one point.
    pub(super) fn new(noise: NoiseLevel, first: f64) -> Self {
        Self { noise, weight: 1.0 - noise.rho * noise.rho, first, previous: first, sum: 0.0 }
    }

    /// Takes the next point.
    pub(super) fn push(&mut self, value: f64) {
        let own = 1.0 - self.noise.rho;
        self.weight += own * own;
        // Against the first point, so that the level of equal values is that value.
        self.sum += own * ((value - self.first) - self.noise.rho * (self.previous - self.first));
        self.previous = value;
    }

    pub(super) fn level(&self) -> f64 {
        self.first + self.sum / self.weight
    }

    /// What two levels for two stretches save over a shared one, in units of the fresh noise's variance. Zero without
    /// noise and without a difference.
    pub(super) fn gain(&self, after: &Stretch) -> f64 {
        let difference = after.level() - self.level();
        if difference == 0.0 {
            return 0.0;
        }
        let shared = self.weight * after.weight / (self.weight + after.weight);
        (shared * (difference / self.noise.sigma).powi(2)).min(f64::MAX)
    }
}
