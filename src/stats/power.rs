//! What a two-stage comparison can see, given how far the effects of its blocks scatter: the probability of catching a
//! change, the change that is caught with a wanted probability, and how many blocks would settle an open question.
//! Nothing here may decide anything; it says what a decision is worth.

use statrs::distribution::{ContinuousCDF, Normal};

use super::random::SplitMix64;
use super::shift::walsh_averages;
use super::signed_rank::tail;
use super::{
    FEWEST_TRIALS, Interval, LEVEL, SIGMA_PER_MAD, Shift, Sorted, StatsError, check_length, check_range, shift,
};

/// Simulated stages. The share of 256 in which something was seen has a standard error of 1.9 points at 90%.
const ROUNDS: usize = 256;

/// The fewest simulated stages, where each is large.
const FEWEST_ROUNDS: usize = 64;

/// Walsh averages up to which there are [`ROUNDS`]: 60 blocks have 1830.
const FULL_WORK: usize = 2000;

/// Residuals are spread by 1 + this / n, because a centre that is estimated from the same few effects lies closer to
/// them than the true one, and because a spread that is uncertain itself costs power on average. Found by simulation:
/// with it, the stated power is attained within a few points from 10 and from 30 blocks, for Gaussian and heavy tails.
const WIDENING: f64 = 2.5;

/// The seed of the simulated stages, the same for every series, so that equal effects have equal power.
const SEED: u64 = 0x005e_ed0f_b10c_55ee;

/// The most blocks that are worth naming as what would decide.
const MOST_BLOCKS: f64 = 1000.0;

/// Sizes and error rates of the comparison whose power is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoStages {
    /// Blocks of the first stage.
    pub first_blocks: u32,
    /// A two-sided p below this leads to the second stage.
    pub first_alpha: f64,
    /// Blocks of the second stage.
    pub second_blocks: u32,
    /// What p of the second stage must come below.
    pub second_alpha: f64,
}

/// A comparison made ready to be asked about many series.
#[derive(Debug, Clone)]
pub struct Power {
    first: Simulation,
    second: Simulation,
}

/// Which shifts of one series' effects would have been caught.
#[derive(Debug, Clone, PartialEq)]
pub struct Catches {
    /// From which shift on each simulated first stage would have seen one, ascending.
    first: Vec<f64>,
    /// Likewise for the second stage, which also asks that the estimate lies beyond the margin.
    second: Vec<f64>,
}

/// The random part of simulated stages, which does not depend on the series.
#[derive(Debug, Clone)]
struct Simulation {
    /// Blocks of a stage.
    blocks: usize,
    /// The stage sees a shift when the Walsh average of this rank from below, from 1, lies above zero.
    depth: usize,
    /// Which effect each block shows, as a place between 0 and 1, and how it is smeared: `blocks` for each stage.
    draws: Vec<(f64, f64)>,
}

impl Power {
    /// Makes a comparison ready. Nothing when it can catch no change at all: a stage has no blocks, or too few for its α.
    pub fn of(stages: TwoStages) -> Option<Power> {
        let mut random = SplitMix64::new(SEED);
        let first = Simulation::new(stages.first_blocks, stages.first_alpha, &mut random)?;
        let second = Simulation::new(stages.second_blocks, stages.second_alpha, &mut random)?;
        Some(Power { first, second })
    }

    /// What would have been caught in a series with these effects, beyond this margin, both on the scale of the effects.
    ///
    /// The distribution is a smoothed bootstrap (Efron and Tibshirani, *An Introduction to the Bootstrap*, §16.4): the
    /// effects around their Hodges–Lehmann estimate, each with either sign because exchangeable pairs are symmetric,
    /// smeared by Silverman's bandwidth. So heavy tails and two modes count as they were seen. A simulated stage whose
    /// effects are shifted by θ has T+ at its critical value exactly when its Walsh average of the critical depth is
    /// above -θ (see [`shift`](fn@super::shift)), which gives the power for every θ at once, without approximation.
    ///
    /// # Errors
    /// With fewer than 6 effects, which do not tell a spread, or effects out of range.
    pub fn catches(&self, effects: &[f64], margin: f64) -> Result<Catches, StatsError> {
        check_length(effects, FEWEST_TRIALS, usize::MAX)?;
        check_range(effects)?;
        let scatter = Scatter::of(effects)?;
        Ok(Catches {
            first: self.first.thresholds(&scatter, None),
            second: self.second.thresholds(&scatter, Some(margin)),
        })
    }
}

impl Catches {
    /// The probability that a shift of this size is caught: suspicious in the first stage, and in the second, which is
    /// measured afresh, significant with an estimate beyond the margin.
    pub fn power(&self, shift: f64) -> f64 {
        share_below(&self.first, shift.abs()) * share_below(&self.second, shift.abs())
    }

    /// The smallest shift that is caught with a probability. Nothing for a probability beyond 1.
    pub fn resolution(&self, probability: f64) -> Option<f64> {
        let mut candidates: Vec<f64> = self.first.iter().chain(&self.second).copied().collect();
        candidates.sort_unstable_by(f64::total_cmp);
        let index = candidates.partition_point(|shift| self.power(*shift) < probability);
        candidates.get(index).map(|shift| shift.max(0.0))
    }
}

fn share_below(thresholds: &[f64], shift: f64) -> f64 {
    thresholds.partition_point(|threshold| *threshold <= shift) as f64 / thresholds.len() as f64
}

impl Simulation {
    fn new(blocks: u32, alpha: f64, random: &mut SplitMix64) -> Option<Simulation> {
        let blocks = blocks as usize;
        // A p equal to alpha is not below it.
        let (depth, _) = tail(blocks, alpha / 2.0 * (1.0 - 1e-12));
        if blocks == 0 || depth == 0 {
            return None;
        }
        let work = blocks * (blocks + 1) / 2;
        let rounds = (ROUNDS * FULL_WORK / work.max(FULL_WORK)).max(FEWEST_ROUNDS);
        let draws = (0..rounds * blocks).map(|_| (random.uniform(), random.normal())).collect();
        Some(Simulation { blocks, depth, draws })
    }

    /// From which shift on each simulated stage sees one; with a margin, and estimates it beyond the margin. Ascending.
    fn thresholds(&self, scatter: &Scatter, margin: Option<f64>) -> Vec<f64> {
        let stage = |draws: &[(f64, f64)]| {
            let effects: Vec<f64> = draws.iter().map(|(place, smear)| scatter.draw(*place, *smear)).collect();
            let mut averages = walsh_averages(&effects);
            let significant = -ranked(&mut averages, self.depth - 1);
            match margin {
                None => significant,
                Some(margin) => {
                    let middle = (averages.len() - 1) / 2;
                    significant.max(margin - ranked(&mut averages, middle))
                }
            }
        };
        let mut thresholds: Vec<f64> = self.draws.chunks_exact(self.blocks).map(stage).collect();
        thresholds.sort_unstable_by(f64::total_cmp);
        thresholds
    }
}

/// The value of a rank, from 0.
fn ranked(values: &mut [f64], rank: usize) -> f64 {
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// How effects lie around their centre.
struct Scatter {
    residuals: Vec<f64>,
    bandwidth: f64,
}

impl Scatter {
    fn of(effects: &[f64]) -> Result<Scatter, StatsError> {
        let n = effects.len() as f64;
        let centre = shift(effects, LEVEL)?.estimate;
        let residuals: Vec<f64> = effects.iter().map(|effect| (effect - centre) * (1.0 + WIDENING / n)).collect();
        // The quartiles of values with either sign lie at the median of the magnitudes.
        let middle = Sorted::of_finite(residuals.iter().map(|residual| residual.abs()).collect()).median();
        let deviation = root_mean_square(&residuals);
        let spread = if middle > 0.0 { deviation.min(SIGMA_PER_MAD * middle) } else { deviation };
        // Silverman, Density Estimation, 1986, equation 3.31, for the 2n values with either sign.
        Ok(Scatter { bandwidth: 0.9 * spread * (2.0 * n).powf(-0.2), residuals })
    }

    /// The residual at a place between 0 and 1, with either sign, smeared.
    fn draw(&self, place: f64, smear: f64) -> f64 {
        let index = (place * 2.0 * self.residuals.len() as f64) as usize;
        let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        sign * self.residuals[(index / 2).min(self.residuals.len() - 1)] + self.bandwidth * smear
    }
}

/// Scaled, so that squares neither overflow nor vanish.
fn root_mean_square(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let squares: f64 = values.iter().map(|value| (value / largest).powi(2)).sum();
    largest * (squares / values.len() as f64).sqrt()
}

/// About how many blocks would decide, with 90% probability, if the true shift is what was estimated: enough for the
/// whole interval to lie within the margin when the estimate does, or for significance at `alpha` and an estimate beyond
/// the margin when it lies beyond. Widths shrink with the square root of the number of blocks, and the estimate is nearly
/// Gaussian with the spread that the interval's width tells (Lehmann, *Nonparametric confidence intervals for a shift
/// parameter*, 1963). Always more than there are. Nothing when no number up to 1000 would do, as for an estimate right at
/// the margin.
pub fn blocks_needed(blocks: usize, found: &Shift, margin: f64, alpha: f64) -> Option<u32> {
    let interval = found.interval?;
    let normal = Normal::standard();
    let quantile = |level: f64| normal.inverse_cdf(0.5 + level / 2.0);
    let luck = normal.inverse_cdf(0.9);
    let deviation = half_width_per_deviation(&interval, quantile(interval.level))?;
    // Deviations that have to fit into a distance, squared, are blocks.
    let factor = |deviations: f64, distance: f64| (deviations * deviation / distance).powi(2);
    let distance = (found.estimate.abs() - margin).abs();
    let factor = if found.estimate.abs() < margin {
        factor(quantile(LEVEL) + luck, distance)
    } else {
        factor(quantile(1.0 - alpha) + luck, found.estimate.abs()).max(factor(luck, distance))
    };
    let needed = (blocks as f64 * factor).ceil().max(blocks as f64 + 1.0);
    // The comparison is false for a distance of zero, whose factor is infinite or not a number.
    (needed <= MOST_BLOCKS).then_some(needed as u32)
}

/// The standard error of the estimate, told from the interval.
fn half_width_per_deviation(interval: &Interval, quantile: f64) -> Option<f64> {
    let deviation = interval.half_width() / quantile;
    deviation.is_finite().then_some(deviation)
}
