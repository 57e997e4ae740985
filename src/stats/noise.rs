//! Seeded noise for simulations in tests. Never part of the program.

use std::f64::consts::PI;

pub(super) use super::random::SplitMix64;

/// Shapes of independent noise.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noise {
    /// Standard normal.
    Gaussian,
    /// Tails so heavy that there is no mean.
    Cauchy,
    /// Exponential: like timings, it has a floor and a long right side.
    Skewed,
    /// Student's t with 3 degrees of freedom: heavy tails, and a variance.
    Student3,
}

impl Noise {
    pub(super) fn draw(self, random: &mut SplitMix64) -> f64 {
        match self {
            Noise::Gaussian => random.normal(),
            Noise::Cauchy => (PI * (random.uniform() - 0.5)).tan(),
            Noise::Skewed => -random.uniform().ln(),
            Noise::Student3 => {
                let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
                random.normal() / (squares / 3.0).sqrt()
            }
        }
    }

    pub(super) fn median(self) -> f64 {
        match self {
            Noise::Gaussian | Noise::Cauchy | Noise::Student3 => 0.0,
            Noise::Skewed => std::f64::consts::LN_2,
        }
    }
}
