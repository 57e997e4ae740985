//! Series of which the truth is known: four kinds of noise of about one percent around a level of one, with or without a
//! step. Seeded, so every detector sees the same.

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
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

    /// Standard normal (Box and Muller, 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A kind of noise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Model {
    /// Normal, 1%.
    Gaussian,
    /// The same, and one value in twenty is 5 to 15% higher.
    Outliers,
    /// First-order autoregressive with ρ = 0.7, 1%.
    Correlated,
    /// Three values in ten are 3% higher, each with 0.5% noise.
    Bimodal,
}

impl Model {
    pub(crate) const ALL: [Model; 4] = [Model::Gaussian, Model::Outliers, Model::Correlated, Model::Bimodal];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Model::Gaussian => "Gaussian",
            Model::Outliers => "5% outliers",
            Model::Correlated => "AR(1) 0.7",
            Model::Bimodal => "bimodal",
        }
    }

    /// Values around 1 and, from `at` on, around 1 + `step`.
    pub(crate) fn series(self, length: usize, at: usize, step: f64, random: &mut Random) -> Vec<f64> {
        let mut last = random.normal();
        let value = |place| {
            let plain = random.normal();
            let noise = match self {
                Model::Gaussian => 0.01 * plain,
                Model::Outliers if random.uniform() < 0.05 => 0.01 * plain + 0.05 + 0.1 * random.uniform(),
                Model::Outliers => 0.01 * plain,
                Model::Correlated => {
                    last = 0.7 * last + (1.0_f64 - 0.49).sqrt() * plain;
                    0.01 * last
                }
                Model::Bimodal if random.uniform() < 0.3 => 0.005 * plain + 0.03,
                Model::Bimodal => 0.005 * plain,
            };
            (1.0 + noise) * if place < at { 1.0 } else { 1.0 + step }
        };
        (0..length).map(value).collect()
    }
}
