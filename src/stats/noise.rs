//! Seeded noise for simulations in tests. Never part of the program.

use std::f64::consts::{PI, TAU};

/// SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Uniform in the open interval from 0 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

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
            Noise::Gaussian => (-2.0 * random.uniform().ln()).sqrt() * (TAU * random.uniform()).cos(),
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

#[test]
fn splitmix_gives_its_published_numbers() {
    let mut random = SplitMix64::new(1_234_567);
    let found = [random.next(), random.next(), random.next()];
    assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
}
