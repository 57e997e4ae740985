//! From trials to the numbers of a data point. What is stated here can always be derived again from the samples.

use super::series::SeriesTrials;
use crate::model::{Interval, Summary};
use crate::stats::{self, StatsError};

/// Summarises a series of one run.
pub(super) fn summarise(series: &SeriesTrials<'_>) -> Result<Summary, StatsError> {
    let slices: Vec<&[f64]> = series.values.iter().map(Vec::as_slice).collect();
    let found = stats::two_level(&slices)?;
    let estimate = found.estimate.value;
    Ok(Summary {
        estimate,
        interval: found.estimate.interval.map(|i| Interval { low: i.low, high: i.high, level: i.level }),
        trials: as_count(found.estimate.trials),
        samples: as_count(found.samples.count),
        minimum: found.samples.min,
        lower_quartile: found.samples.lower_quartile,
        upper_quartile: found.samples.upper_quartile,
        p99: found.samples.percentile_99,
        between: found.estimate.between.and_then(|spread| relative(spread, estimate)),
        within: found.within.and_then(|spread| relative(spread, estimate)),
    })
}

/// A spread over what it is the spread of. Nothing for a share of nothing; no spread at all is no spread of anything.
fn relative(spread: f64, estimate: f64) -> Option<f64> {
    match (spread == 0.0, estimate == 0.0) {
        (true, _) => Some(0.0),
        (false, true) => None,
        (false, false) => Some(spread / estimate.abs()),
    }
}

/// Counts beyond 32 bits do not fit the memory that holds the samples.
fn as_count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, trial};
    use super::*;
    use crate::model::{Metric, Trial};

    fn summary(trials: &[Trial], metric: Metric) -> Summary {
        summarise(&SeriesTrials::of(trials, metric).unwrap()).unwrap()
    }

    #[test]
    fn samples_are_per_operation_and_without_warm_up() {
        // Medians 10, 20, … 60 per operation; the fixture puts a warm-up sample in front of each trial.
        let trials: Vec<Trial> = (1..=6)
            .map(|n| {
                let mut trial = trial(n, &[40 * u64::from(n) - 4, 40 * u64::from(n), 40 * u64::from(n) + 8]);
                trial.iterations = 4;
                trial
            })
            .collect();
        let found = summary(&trials, Metric::WALL_TIME);
        assert_eq!((found.trials, found.samples), (6, 18));
        assert_eq!(found.estimate, 35.0);
        let interval = found.interval.unwrap();
        assert_eq!((interval.low, interval.high), (10.0, 60.0));
        assert!((interval.level - 0.96875).abs() < 1e-12);
        assert_eq!(found.minimum, 9.0);
        // Deviations from 35: 5, 5, 15, 15, 25, 25; median 15. Within a trial: 1, 0, 2; median 1.
        assert!((found.between.unwrap() - 1.482_602_218_505_602 * 15.0 / 35.0).abs() < 1e-12);
        assert!((found.within.unwrap() - 1.482_602_218_505_602 / 35.0).abs() < 1e-12);
    }

    #[test]
    fn one_value_a_trial_has_no_spread_within() {
        let trials: Vec<Trial> = (0..6).map(|index| trial(index, &[5])).collect();
        let found = summary(&trials, fixture::PEAK);
        assert_eq!((found.trials, found.samples), (6, 6));
        assert_eq!((found.between, found.within), (Some(0.0), None));
    }

    #[test]
    fn few_trials_have_no_interval_and_nothing_has_no_relative_spread() {
        let trials: Vec<Trial> = (0..5).map(|index| trial(index, &[0, 0, u64::from(index % 2)])).collect();
        let found = summary(&trials, Metric::WALL_TIME);
        assert_eq!((found.interval, found.estimate, found.between), (None, 0.0, Some(0.0)));
        assert_eq!(relative(1.0, 0.0), None);
    }
}
