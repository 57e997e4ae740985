//! What a machine's own noise lets a comparison see: fixed work, repeated, judged as if one half were another revision.
//! It says what would be seen of work like this, here and now; it decides nothing about any program.

use serde::Serialize;

use crate::model::Design;
use crate::stats::{Power, Sorted, TwoStages};

/// Changes up to this are never called one: the margin of times.
const MARGIN: f64 = 0.01;

/// With which probability a change should be caught.
const CHANCE: f64 = 0.9;

/// How noisy a piece of fixed work is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// The median repetition, in nanoseconds.
    pub median: f64,
    /// Half the distance from the 10th to the 90th percentile, as a share of the median.
    pub spread: f64,
    /// The smallest change that the design would catch with 90% probability, as a share. `None` where no change, however
    /// large, would be.
    pub smallest_change: Option<f64>,
}

/// Judges repetitions of the same work, in the order in which they were done: neighbours stand against each other as the
/// two trials of a block do. Nothing for fewer than 12 repetitions, which make too few pairs to tell a spread.
pub fn noise(nanoseconds: &[f64], design: &Design) -> Option<Noise> {
    let sorted = Sorted::new(nanoseconds).ok()?;
    let median = sorted.median();
    if sorted.min() <= 0.0 {
        return None;
    }
    let (low, high) = (sorted.quantile(0.1).ok()?, sorted.quantile(0.9).ok()?);
    let (pairs, _) = nanoseconds.as_chunks::<2>();
    let effects: Vec<f64> = pairs.iter().map(|[a, b]| (b / a).ln()).collect();
    let power = Power::of(TwoStages {
        first_blocks: design.first_blocks,
        first_alpha: design.first_alpha,
        second_blocks: design.second_blocks,
        second_alpha: design.second_alpha,
    })?;
    let catches = power.catches(&effects, MARGIN.ln_1p()).ok()?;
    Some(Noise {
        median,
        spread: (high - low) / 2.0 / median,
        smallest_change: catches.resolution(CHANCE).map(f64::exp_m1),
    })
}

#[cfg(test)]
mod tests {
    use super::super::design;
    use super::*;
    use crate::stats::noise::{Noise as Kind, SplitMix64};

    fn of(sigma: f64) -> Noise {
        let mut random = SplitMix64::new(5);
        let values: Vec<f64> = (0..40).map(|_| 5e6 * (1.0 + sigma * Kind::Gaussian.draw(&mut random))).collect();
        noise(&values, &design(10, 30, 0.01, 100).unwrap()).unwrap()
    }

    #[test]
    fn noisier_work_hides_larger_changes() {
        let [quiet, loud] = [of(0.001), of(0.05)];
        // Of a normal distribution the 90th percentile lies 1.28 standard deviations above the middle.
        assert!((loud.spread / (0.05 * 1.2816) - 1.0).abs() < 0.3, "{loud:?}");
        // Without noise only the margin hides a change.
        let found = quiet.smallest_change.unwrap();
        assert!((0.01..0.012).contains(&found), "{quiet:?}");
        assert!((0.02..0.1).contains(&loud.smallest_change.unwrap()), "{loud:?}");
    }

    #[test]
    fn a_drift_that_pairs_share_is_no_noise() {
        let drifting: Vec<f64> = (0..40).map(|place| 5e6 * 1.01_f64.powi(place / 2)).collect();
        let found = noise(&drifting, &design(10, 30, 0.01, 100).unwrap()).unwrap();
        assert!(found.spread > 0.05 && found.smallest_change.unwrap() < 0.0101, "{found:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        let design = design(10, 30, 0.01, 100).unwrap();
        assert_eq!(noise(&[1.0; 8], &design), None);
        assert_eq!(noise(&[0.0; 40], &design), None);
        assert_eq!(noise(&[f64::NAN; 40], &design), None);
    }
}
