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
    /// Student's t with 3 degrees of freedom: heavy tails, and a variance.
    Student3,
}

impl Noise {
    pub(crate) fn draw(self, random: &mut SplitMix64) -> f64 {
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

    pub(crate) fn median(self) -> f64 {
        match self {
            Noise::Gaussian | Noise::Cauchy | Noise::Student3 => 0.0,
            Noise::Skewed => std::f64::consts::LN_2,
        }
    }
}

/// What disturbs the trials of interleaved blocks, in the order in which they are measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum Disturbance {
    /// Each trial by itself.
    Independent(Noise),
    /// One trial in twenty is 5 to 15 deviations slower.
    Outliers,
    /// Three trials in ten are six deviations slower.
    TwoModes,
    /// Each trial depends on the one before, ρ = 0.7.
    Dependent,
    /// The machine slows down by a third of a deviation a trial.
    Drift,
}

impl Disturbance {
    pub(super) const ALL: [Disturbance; 8] = [
        Disturbance::Independent(Noise::Gaussian),
        Disturbance::Independent(Noise::Cauchy),
        Disturbance::Independent(Noise::Skewed),
        Disturbance::Independent(Noise::Student3),
        Disturbance::Outliers,
        Disturbance::TwoModes,
        Disturbance::Dependent,
        Disturbance::Drift,
    ];

    /// The effects of blocks of two trials in random order, when the head's are `change` above the base's.
    pub(super) fn effects(self, blocks: usize, change: f64, random: &mut SplitMix64) -> Vec<f64> {
        let (mut last, mut place) = (random.normal(), 0.0);
        let mut trial = |random: &mut SplitMix64| {
            place += 1.0;
            match self {
                Disturbance::Independent(noise) => noise.draw(random),
                Disturbance::Outliers => {
                    let slow = if random.uniform() < 0.05 { 5.0 + 10.0 * random.uniform() } else { 0.0 };
                    random.normal() + slow
                }
                Disturbance::TwoModes => random.normal() + if random.uniform() < 0.3 { 6.0 } else { 0.0 },
                Disturbance::Dependent => {
                    last = 0.7 * last + 0.51_f64.sqrt() * random.normal();
                    last
                }
                Disturbance::Drift => random.normal() + place / 3.0,
            }
        };
        let mut block = |_| {
            let difference = trial(random) - trial(random);
            change + if random.uniform() < 0.5 { difference } else { -difference }
        };
        (0..blocks).map(&mut block).collect()
    }
}
