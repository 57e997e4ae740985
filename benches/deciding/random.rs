//! Seeded noise of many shapes. Trials are drawn in the order in which they are measured, so that what depends on time
//! does.

use std::f64::consts::TAU;

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Uniform in the open interval from 0 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((bits ^ (bits >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Student's t with 3 degrees of freedom.
    fn student3(&mut self) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / 3.0).sqrt()
    }
}

/// What disturbs trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Model {
    /// 1% Gaussian noise.
    Gaussian,
    /// Student's t with 3 degrees of freedom, scaled by 1%.
    HeavyTails,
    /// 1% Gaussian noise, and 5% of the trials 5 to 15% slower.
    Outliers,
    /// Each trial depends on the one before, ρ = 0.7.
    Dependent,
    /// 30% of the trials 3% slower, each with 0.5% noise.
    TwoModes,
    /// 1% Gaussian noise on a machine that slows down by 10% and swings by 3% during the comparison.
    Drift,
}

impl Model {
    pub(crate) const ALL: [Model; 6] =
        [Model::Gaussian, Model::HeavyTails, Model::Outliers, Model::Dependent, Model::TwoModes, Model::Drift];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Model::Gaussian => "Gaussian, 1%",
            Model::HeavyTails => "heavy tails (t with 3 degrees of freedom, 1%)",
            Model::Outliers => "5% of the trials 5–15% slower",
            Model::Dependent => "each trial depends on the one before (ρ = 0.7)",
            Model::TwoModes => "two modes (30% of the trials 3% slower)",
            Model::Drift => "drift by 10%, swinging by 3%",
        }
    }
}

/// The noise of one series over a stage, on the logarithmic scale.
pub(crate) struct Stream {
    model: Model,
    last: f64,
    place: f64,
    length: f64,
}

impl Stream {
    pub(crate) fn new(model: Model, trials: u32, random: &mut Random) -> Stream {
        Stream { model, last: random.normal(), place: 0.0, length: f64::from(trials) }
    }

    pub(crate) fn next(&mut self, random: &mut Random) -> f64 {
        const SCALE: f64 = 0.01;
        self.place += 1.0;
        match self.model {
            Model::Gaussian => SCALE * random.normal(),
            Model::HeavyTails => SCALE * random.student3(),
            Model::Outliers => {
                let slow = if random.uniform() < 0.05 { 0.05 + 0.1 * random.uniform() } else { 0.0 };
                SCALE * random.normal() + slow.ln_1p()
            }
            Model::Dependent => {
                const MEMORY: f64 = 0.7;
                self.last = MEMORY * self.last + (1.0 - MEMORY * MEMORY).sqrt() * random.normal();
                SCALE * self.last
            }
            Model::TwoModes => 0.005 * random.normal() + if random.uniform() < 0.3 { 0.03_f64.ln_1p() } else { 0.0 },
            Model::Drift => {
                let slope = 0.1 * self.place / self.length + 0.03 * (self.place / 5.0).sin();
                SCALE * random.normal() + slope
            }
        }
    }
}
