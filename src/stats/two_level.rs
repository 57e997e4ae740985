//! From trials of samples to one number. Samples within a trial are not independent, so the trial is the unit: nothing
//! here may treat samples of different trials as one pool when it states an uncertainty.

use super::describe::{Description, describe, robust_deviation};
use super::error::StatsError;
use super::interval::{Interval, LEVEL, median_interval};
use super::sorted::Sorted;

/// One number from independent values, one value a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// How many trials.
    pub trials: usize,
    /// The median over the trials.
    pub value: f64,
    /// Where the true median lies, with at least [`LEVEL`]. Nothing with too few trials.
    pub interval: Option<Interval>,
    /// Spread between trials, as a standard deviation estimated from the MAD. Nothing for a single trial.
    pub between: Option<f64>,
}

/// What trials of samples show together.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoLevel {
    /// The estimate from the trial medians.
    pub estimate: Estimate,
    /// The median of each trial, in the order given.
    pub medians: Vec<f64>,
    /// All samples taken together: a description of what was seen, not an uncertainty.
    pub samples: Description,
    /// Spread within a trial: the median over trials of each one's standard deviation as estimated from its MAD.
    /// Nothing when no trial has two samples.
    pub within: Option<f64>,
}

/// Estimates from one value a trial: peak memory, a percentile of the trial's latencies, or a trial's median.
///
/// # Errors
/// As [`Sorted::new`].
pub fn estimate(trials: &[f64]) -> Result<Estimate, StatsError> {
    let sorted = Sorted::new(trials)?;
    Ok(Estimate {
        trials: sorted.len(),
        value: sorted.median(),
        interval: median_interval(&sorted, LEVEL)?,
        between: robust_deviation(trials)?,
    })
}

/// Estimates from the samples of each trial: the median over trials of the trial medians. Every trial counts once,
/// however many samples it has.
///
/// # Errors
/// As [`Sorted::new`], for the list of trials and for each of them. The index of a refused value is its place in its
/// trial.
pub fn two_level(trials: &[&[f64]]) -> Result<TwoLevel, StatsError> {
    let medians = trials.iter().map(|trial| Sorted::new(trial).map(|sorted| sorted.median()));
    let medians: Vec<f64> = medians.collect::<Result<_, _>>()?;
    let spreads = trials.iter().filter_map(|trial| robust_deviation(trial).transpose());
    let spreads: Vec<f64> = spreads.collect::<Result<_, _>>()?;
    let within = (!spreads.is_empty()).then(|| Sorted::of_finite(spreads).median());
    Ok(TwoLevel { estimate: estimate(&medians)?, samples: describe(&Sorted::new(&trials.concat())?), medians, within })
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Noise, SplitMix64};
    use super::super::vectors;
    use super::*;

    #[test]
    fn figures_agree_with_scipy() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/two_level.json")) {
            let trials = case.lists("trials");
            let slices: Vec<&[f64]> = trials.iter().map(Vec::as_slice).collect();
            let found = two_level(&slices).unwrap();
            assert_eq!(found.medians, case.list("medians"), "{}", case.name);
            vectors::assert_close(found.estimate.value, case.number("estimate"), &case.name);
            vectors::assert_close_option(found.estimate.between, case.list("between").first().copied(), &case.name);
            vectors::assert_close_option(found.within, case.list("within").first().copied(), &case.name);
            vectors::assert_close(found.samples.median, case.number("pooled_median"), &case.name);
            let interval = found.estimate.interval.map(|interval| [interval.low, interval.high, interval.level]);
            let expected = case.list("interval");
            assert_eq!(interval.is_some(), !expected.is_empty(), "{}", case.name);
            for (found, expected) in interval.into_iter().flatten().zip(expected) {
                vectors::assert_close(found, expected, &case.name);
            }
        }
    }

    #[test]
    fn an_empty_trial_or_a_bad_sample_is_refused() {
        assert_eq!(two_level(&[]), Err(StatsError::Empty));
        assert_eq!(two_level(&[&[1.0], &[]]), Err(StatsError::Empty));
        let refused = two_level(&[&[1.0], &[2.0, f64::NAN]]);
        assert!(matches!(refused, Err(StatsError::OutOfRange { index: 1, .. })), "{refused:?}");
    }

    /// Samples that share their trial's offset are not independent. An interval over all samples would cover far less
    /// than it states; the one over trials covers what it states.
    #[test]
    fn the_interval_covers_when_samples_share_their_trial() {
        const ROUNDS: usize = 2000;
        let mut random = SplitMix64::new(7);
        let (mut covered, mut covered_pooled, mut stated) = (0, 0, 0.0);
        for _ in 0..ROUNDS {
            let trials: Vec<Vec<f64>> = (0..6)
                .map(|_| {
                    let offset = 2.0 * Noise::Gaussian.draw(&mut random);
                    (0..15).map(|_| offset + Noise::Gaussian.draw(&mut random)).collect()
                })
                .collect();
            let slices: Vec<&[f64]> = trials.iter().map(Vec::as_slice).collect();
            let interval = two_level(&slices).unwrap().estimate.interval.unwrap();
            let pooled = median_interval(&Sorted::new(&trials.concat()).unwrap(), LEVEL).unwrap().unwrap();
            stated = interval.level;
            covered += usize::from(interval.low <= 0.0 && 0.0 <= interval.high);
            covered_pooled += usize::from(pooled.low <= 0.0 && 0.0 <= pooled.high);
        }
        let share = |count: usize| count as f64 / ROUNDS as f64;
        let error = (stated * (1.0 - stated) / ROUNDS as f64).sqrt();
        assert!((share(covered) - stated).abs() < 4.0 * error, "{} for {stated}", share(covered));
        assert!(share(covered_pooled) < 0.6, "pooling hides dependence, yet covered {}", share(covered_pooled));
    }
}
