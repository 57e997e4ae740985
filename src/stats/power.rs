//! What a two-stage comparison can see, given how far the effects of its blocks scatter: the probability of catching a
//! change, the change that is caught with a wanted probability, and how many blocks would settle an open question.
//! Nothing here may decide anything; it states how reliable a decision is.

use statrs::distribution::{ContinuousCDF, Normal};

use super::describe::SIGMA_PER_MAD;
use super::error::{StatsError, check_length, check_range};
use super::interval::{FEWEST_TRIALS, LEVEL};
use super::random::SplitMix64;
use super::shift::{Shift, fill_walsh_averages, shift};
use super::signed_rank::tail;
use super::sorted::Sorted;

/// Simulated stages, where each is small. A share of 90% of plain draws would have a standard error of 1.9 points, the
/// stratified ones here have less.
const ROUNDS: usize = 256;

/// The fewest simulated stages, where each is large.
const FEWEST_ROUNDS: usize = 128;

/// Walsh averages up to which there are [`ROUNDS`]: 21 blocks have 231, 30 have 465.
const FULL_WORK: usize = 250;

/// Distances from the centre are spread by 1 + this / n, because a centre that is estimated from the same few effects lies closer to
/// them than the true one, and because a spread that is uncertain itself costs power on average. Found by simulation:
/// with it, the stated power is attained within a few points from 10 and from 30 blocks, for Gaussian and heavy tails.
const WIDENING: f64 = 2.5;

/// The seed of the simulated stages, the same for every series, so that equal effects have equal power.
const SEED: u64 = 0x005e_ed0f_b10c_55ee;

/// The most blocks that are worth naming as what would decide.
const MOST_BLOCKS: u32 = 1000;

/// With which probability these should decide.
const CHANCE: f64 = 0.9;

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
    /// With fewer than 6 effects, which do not show a spread, or effects out of range.
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
        let (places, smears) = (strata(rounds, blocks, random), strata(rounds, blocks, random));
        let draws =
            places.into_iter().zip(smears.into_iter().map(|place| Normal::standard().inverse_cdf(place))).collect();
        Some(Simulation { blocks, depth, draws })
    }

    /// From which shift on each simulated stage sees one; with a margin, and estimates it beyond the margin. Ascending.
    fn thresholds(&self, scatter: &Scatter, margin: Option<f64>) -> Vec<f64> {
        let (mut effects, mut averages) = (Vec::new(), Vec::new());
        let stage = |draws: &[(f64, f64)]| {
            effects.clear();
            effects.extend(draws.iter().map(|(place, smear)| scatter.draw(*place, *smear)));
            fill_walsh_averages(&effects, &mut averages);
            let middle = (averages.len() - 1) / 2;
            let (_, critical, above) = averages.select_nth_unstable_by(self.depth - 1, f64::total_cmp);
            let significant = -*critical;
            match margin {
                Some(margin) if middle >= self.depth => {
                    significant.max(margin - *above.select_nth_unstable_by(middle - self.depth, f64::total_cmp).1)
                }
                // An average at least as deep as the middle one represents it.
                Some(margin) => margin + significant,
                None => significant,
            }
        };
        let mut thresholds: Vec<f64> = self.draws.chunks_exact(self.blocks).map(stage).collect();
        thresholds.sort_unstable_by(f64::total_cmp);
        thresholds
    }
}

/// Places between 0 and 1, `blocks` for each round. Each block takes every stratum once over all rounds (Latin hypercube
/// sampling: McKay, Beckman and Conover, Technometrics 21, 1979), which estimates shares more precisely than plain draws.
fn strata(rounds: usize, blocks: usize, random: &mut SplitMix64) -> Vec<f64> {
    let mut places = vec![0.0; rounds * blocks];
    for block in 0..blocks {
        let mut order: Vec<usize> = (0..rounds).collect();
        for last in (1..rounds).rev() {
            order.swap(last, (random.uniform() * (last + 1) as f64) as usize);
        }
        for (round, stratum) in order.into_iter().enumerate() {
            places[round * blocks + block] = (stratum as f64 + random.uniform()) / rounds as f64;
        }
    }
    places
}

/// How far effects lie from their centre, in either direction.
struct Scatter {
    /// Ascending, so that neither the order of the effects nor their direction makes a difference.
    distances: Vec<f64>,
    bandwidth: f64,
}

impl Scatter {
    fn of(effects: &[f64]) -> Result<Scatter, StatsError> {
        let n = effects.len() as f64;
        let centre = shift(effects, LEVEL)?.estimate;
        let widened = |effect: &f64| (effect - centre).abs() * (1.0 + WIDENING / n);
        let distances = Sorted::of_finite(effects.iter().map(widened).collect());
        // The quartiles of values with either sign lie at the median of the distances.
        let (middle, deviation) = (distances.median(), root_mean_square(distances.values()));
        let spread = if middle > 0.0 { deviation.min(SIGMA_PER_MAD * middle) } else { deviation };
        // Silverman, Density Estimation, 1986, equation 3.31, for the 2n values with either sign.
        Ok(Scatter { bandwidth: 0.9 * spread * (2.0 * n).powf(-0.2), distances: distances.values().to_vec() })
    }

    /// The distance at a place between 0 and 1, in either direction, smeared.
    fn draw(&self, place: f64, smear: f64) -> f64 {
        let index = (place * 2.0 * self.distances.len() as f64) as usize;
        let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        sign * self.distances[(index / 2).min(self.distances.len() - 1)] + self.bandwidth * smear
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
/// the margin when it does not. Widths shrink with the square root of the number of blocks, and the estimate is nearly
/// Gaussian with the standard error that the interval's width tells (Lehmann, *Nonparametric confidence intervals for a
/// shift parameter*, Annals of Mathematical Statistics 34, 1963). Always more than there are. Nothing when no number up
/// to 1000 would do, as for an estimate right at the margin.
pub fn blocks_needed(blocks: usize, found: &Shift, margin: f64, alpha: f64) -> Option<u32> {
    let interval = found.interval?;
    let normal = Normal::standard();
    let quantile = |level: f64| normal.inverse_cdf(0.5 + level / 2.0);
    let error_of_one = interval.half_width() / quantile(interval.level) * (blocks as f64).sqrt();
    let (estimate, reach, critical) = (found.estimate.abs(), quantile(LEVEL), quantile(1.0 - alpha));
    let chance = |blocks: u32| {
        let error = error_of_one / f64::from(blocks).sqrt();
        if estimate < margin {
            let room = margin - reach * error;
            normal.cdf((room - estimate) / error) - normal.cdf((-room - estimate) / error)
        } else {
            normal.cdf((estimate - margin.max(critical * error)) / error)
        }
    };
    (u32::try_from(blocks).ok()?.saturating_add(1)..=MOST_BLOCKS).find(|blocks| chance(*blocks) >= CHANCE)
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Disturbance, Noise, SplitMix64};
    use super::super::{Interval, signed_rank, vectors};
    use super::*;

    const PLAN: TwoStages = TwoStages { first_blocks: 10, first_alpha: 0.1, second_blocks: 30, second_alpha: 0.001 };

    /// Given the whole distribution, the power is that which the oracle finds by simulating comparisons from it.
    #[test]
    fn power_agrees_with_simulated_comparisons() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/power.json")) {
            let stages = TwoStages {
                first_blocks: case.number("first") as u32,
                first_alpha: 0.1,
                second_blocks: case.number("second") as u32,
                second_alpha: case.number("alpha"),
            };
            let power = Power::of(stages).unwrap();
            let catches = power.catches(&case.list("effects"), case.number("margin")).unwrap();
            for (shift, expected) in case.list("shifts").into_iter().zip(case.list("power")) {
                let found = catches.power(shift);
                // 256 rounds have a standard error of 0.03 at one half; the smoothing and widening take the rest.
                assert!((found - expected).abs() < 0.1, "{}, shift {shift}: {found}, not {expected}", case.name);
            }
        }
    }

    #[test]
    fn blocks_needed_agree_with_the_oracle() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/blocks_needed.json")) {
            let given = case.list("given");
            let [blocks, estimate, half_width, level, margin, alpha] = given[..] else { panic!("{given:?}") };
            for sign in [1.0, -1.0] {
                let estimate = sign * estimate;
                let interval = Interval { low: estimate - half_width, high: estimate + half_width, level };
                let shift = Shift { estimate, interval: Some(interval) };
                let found = blocks_needed(blocks as usize, &shift, margin, alpha);
                let expected = case.list("needed").first().map(|needed| *needed as u32);
                assert_eq!(found, expected, "{}", case.name);
            }
        }
        assert_eq!(blocks_needed(5, &Shift { estimate: 0.1, interval: None }, 0.01, 0.01), None);
    }

    /// A stated resolution is caught in a new comparison nearly as often as stated, although the spread is known from a few
    /// blocks alone. `benches/deciding` measures it at length.
    #[test]
    fn stated_resolutions_are_attained() {
        const ROUNDS: usize = 20;
        const COMPARISONS: usize = 5;
        let power = Power::of(PLAN).unwrap();
        let mut random = SplitMix64::new(5);
        for (noise, least, most) in [(Noise::Gaussian, 0.82, 1.0), (Noise::Student3, 0.74, 0.99)] {
            let disturbance = Disturbance::Independent(noise);
            for blocks in [10, 30] {
                let mut caught = 0;
                for _ in 0..ROUNDS {
                    let catches = power.catches(&disturbance.effects(blocks, 0.0, &mut random), 0.5).unwrap();
                    let change = catches.resolution(0.9).unwrap();
                    for _ in 0..COMPARISONS {
                        let first = disturbance.effects(10, change, &mut random);
                        let second = disturbance.effects(30, change, &mut random);
                        let suspicious = signed_rank(&first).unwrap().p < PLAN.first_alpha;
                        let significant = signed_rank(&second).unwrap().p < PLAN.second_alpha;
                        let beyond = shift(&second, LEVEL).unwrap().estimate > 0.5;
                        caught += usize::from(suspicious && significant && beyond);
                    }
                }
                let share = caught as f64 / (ROUNDS * COMPARISONS) as f64;
                assert!((least..most).contains(&share), "{noise:?} from {blocks} blocks: {share} for 0.9");
            }
        }
    }

    #[test]
    fn without_spread_every_change_beyond_the_margin_is_caught() {
        let power = Power::of(PLAN).unwrap();
        for (effects, margin) in [([0.0; 10], 0.01), ([7.5; 10], 3.0), ([0.0; 10], 0.0)] {
            let catches = power.catches(&effects, margin).unwrap();
            assert_eq!(catches.resolution(0.9), Some(margin));
            assert_eq!((catches.power(margin), catches.power(-2.0 * margin - 1.0)), (1.0, 1.0));
        }
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let stage = |first_blocks, second_blocks, second_alpha| {
            Power::of(TwoStages { first_blocks, first_alpha: 0.1, second_blocks, second_alpha }).is_some()
        };
        assert!(!stage(10, 0, 0.01) && !stage(0, 30, 0.01) && !stage(4, 30, 0.01) && !stage(10, 7, 0.01));
        assert!(stage(5, 8, 0.01));
        // 8 blocks give 2⁻⁷ at the least, which is not below itself.
        assert!(!stage(5, 8, 0.007_812_5));
        let power = Power::of(PLAN).unwrap();
        assert_eq!(power.catches(&[1.0; 5], 0.0), Err(StatsError::TooFew { found: 5, needed: 6 }));
        assert!(power.catches(&[f64::NAN; 10], 0.0).is_err());
        assert!(power.catches(&[1.0, 2.0, 3.0, 4.0, 5.0, 7.0], 0.0).unwrap().resolution(1.1).is_none());
    }

    #[test]
    fn power_scales_with_the_effects_and_not_with_their_centre() {
        let power = Power::of(PLAN).unwrap();
        let effects = [0.1, -0.3, 0.7, 0.2, -0.9, 0.4, 0.35, -0.05, 0.6, -0.2];
        let resolution = |scale: f64, centre: f64| {
            let effects = effects.map(|effect| scale * effect + centre);
            power.catches(&effects, 0.0).unwrap().resolution(0.9).unwrap()
        };
        let expected = resolution(1.0, 0.0);
        for (scale, centre) in [(1e-12, 0.0), (1e100, 0.0), (1.0, 5.0), (2.0, -7.0), (-1.0, 0.0), (1e-300, 0.0)] {
            vectors::assert_near(resolution(scale, centre), expected * scale.abs(), 1e-9, &format!("{scale} {centre}"));
        }
    }
}
