//! Seeded noise for simulations in tests. Never part of the program.

use std::f64::consts::PI;

pub(crate) use super::random::SplitMix64;

/// Shapes of independent noise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Noise {
    /// Standard normal.
    Gaussian,
    /// Tails so heavy that there is no mean.
    Cauchy,
    /// Exponential: like timings, it has a floor and a long right side.
    Skewed,
}

impl Noise {
    pub(crate) fn draw(self, random: &mut SplitMix64) -> f64 {
        match self {
            Noise::Gaussian => random.normal(),
            Noise::Cauchy => (PI * (random.uniform() - 0.5)).tan(),
            Noise::Skewed => -random.uniform().ln(),
        }
    }

    pub(crate) fn median(self) -> f64 {
        match self {
            Noise::Gaussian | Noise::Cauchy => 0.0,
            Noise::Skewed => std::f64::consts::LN_2,
        }
    }
}
