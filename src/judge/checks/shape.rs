//! How values lie: around one level or two, and how many far away from all others. Nothing is ever dropped for it.

use super::grading::{TRIFLE, check, is_gradual, upwards};
use crate::judge::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Grain, Unit};
use crate::stats::{self, FENCE, Sorted, Split};

/// The figure of groups that do not vary: a separation without end, which JSON could not carry.
const FARTHEST: f64 = 1000.0;

/// Samples a trial from which on one stall among them does not move the median of the others far.
const FEWEST_SAMPLES: usize = 5;

/// Share of outliers from which on stalls are no exception, and from which on nothing is typical.
const OUTLIERS: (f64, f64) = (0.05, 0.25);

/// Samples in all from which on a single outlier is within the limit.
const FEWEST_FOR_OUTLIERS: usize = 20;

/// Whether trials fall into two groups, or the samples within them. The figure is that of whichever is farther beyond
/// chance, and zero where the groups are a trifle apart. Made for times and memory; left out where too few values differ.
pub(super) fn unimodal(series: &SeriesTrials<'_>) -> Option<Check> {
    if !is_gradual(series) {
        return None;
    }
    let of_trials = Groups::of(&series.medians().ok()?, true);
    let of_samples = Groups::of(&relative_samples(series), false);
    let groups = of_trials.into_iter().chain(of_samples);
    let worst = groups.max_by(|a, b| (a.figure() / a.split.limit).total_cmp(&(b.figure() / b.split.limit)))?;
    let status = if worst.figure() > worst.split.limit { CheckStatus::Warn } else { CheckStatus::Pass };
    Some(check(CheckName::Unimodal, status, worst.figure(), worst.split.limit, worst.advice(series.metric.unit())))
}

/// Values divided in two.
struct Groups {
    split: Split,
    values: usize,
    /// How far apart the groups are, as a share of the median of all.
    apart: f64,
    are_trials: bool,
}

impl Groups {
    fn of(values: &[f64], are_trials: bool) -> Option<Groups> {
        let split = stats::split(values).ok()??;
        let middle = Sorted::new(values).ok()?.median().abs();
        let apart = (split.upper - split.lower) / middle;
        (middle > 0.0).then_some(Groups { split, values: values.len(), apart, are_trials })
    }

    fn figure(&self) -> f64 {
        if self.apart <= TRIFLE { 0.0 } else { self.split.separation.min(FARTHEST) }
    }

    fn advice(&self, unit: Unit) -> String {
        let apart = Unit::Ratio.format(self.apart);
        let upper = (self.split.upper_share * self.values as f64).round();
        if self.are_trials {
            // The doctor looks at what moves times, and knows nothing of what moves memory.
            let doctor = if unit == Unit::Nanoseconds { ", and run `benchline doctor`" } else { "" };
            return format!(
                "Trials fall into two groups {apart} apart, {upper} of {} in the upper one: something differs from \
                 process to process, such as which CPU it runs on or how its memory grows. Measure more trials, so that \
                 neither group is missed{doctor}.",
                self.values
            );
        }
        format!(
            "Samples fall into two groups {apart} apart, {} of them in the upper one: some iterations do work that \
             others do not, such as a flush or a compaction. Make each sample longer, with more `iterations` or a larger \
             payload, so that all have their share.",
            Unit::Ratio.format(self.split.upper_share)
        )
    }
}

/// Samples far outside the others of their trial, as a share of all. For times of samples alone: what is counted has few
/// values, most of them equal. Left out for few samples, and where half of them are equal.
pub(super) fn outliers(series: &SeriesTrials<'_>) -> Option<Check> {
    let samples = relative_samples(series);
    if samples.len() < FEWEST_FOR_OUTLIERS {
        return None;
    }
    let sorted = Sorted::new(&samples).ok()?;
    if sorted.quantile(0.25) == sorted.quantile(0.75) {
        return None;
    }
    let found = stats::outliers(&sorted);
    let (count, of) = (found.low + found.high, samples.len());
    let advice = format!(
        "{count} of {of} samples lie more than {FENCE} interquartile ranges outside the others{}. They count like all \
         samples; the median bears them.",
        match found.low {
            0 => ", all above: stalls. Look for what else ran, with `benchline doctor`",
            _ if found.high == 0 => ", all below: some iterations had less to do",
            _ => ", on both sides: the machine's speed changed meanwhile, or the work did",
        }
    );
    Some(upwards(CheckName::Outliers, found.share, OUTLIERS, advice))
}

/// The samples of all trials that have enough, each over the median of the other samples of its trial: what differs between
/// trials is another matter, and a sample that is compared with itself looks better than it is. None but for times of
/// samples.
fn relative_samples(series: &SeriesTrials<'_>) -> Vec<f64> {
    if series.metric.unit() != Unit::Nanoseconds || series.metric.quantity.grain() != Grain::Sample {
        return Vec::new();
    }
    let long_enough = series.values.iter().filter(|values| values.len() >= FEWEST_SAMPLES);
    let sorted = long_enough.filter_map(|values| Sorted::new(values).ok()).filter(|sorted| sorted.min() > 0.0);
    sorted.flat_map(|sorted| (0..sorted.len()).map(move |place| over_the_others(sorted.values(), place))).collect()
}

/// One of sorted values over the median of the others.
fn over_the_others(sorted: &[f64], place: usize) -> f64 {
    let other = |rank: usize| sorted[if rank < place { rank } else { rank + 1 }];
    let last = sorted.len() - 2;
    sorted[place] / (0.5 * (other(last / 2) + other(last.div_ceil(2))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks, one, trials};
    use super::*;
    use crate::judge::fixture::{self, trial};
    use crate::model::{Metric, Trial};
    use CheckStatus::{Fail, Pass, Warn};

    /// Trials of the same ten samples, at levels of their own.
    fn repeated(samples: [u64; 10], count: u32) -> Vec<Trial> {
        let samples = |index| samples.map(|sample| sample * u64::from(1000 + index));
        (0..count).map(|index| trial(index, &samples(index))).collect()
    }

    #[test]
    fn two_groups_of_trials_are_seen_when_they_are_far_enough_apart() {
        let medians = |upper: u64| {
            let level = |place: u64| if place.is_multiple_of(3) { upper } else { 1_000_000 };
            trials(&(0..12).map(|place| level(place) + 500 * (place % 4)).collect::<Vec<_>>())
        };
        let check = one(&medians(1_030_000), CheckName::Unimodal);
        assert_eq!((check.status, check.limit), (Warn, 5.16));
        assert!(check.advice.starts_with("Trials fall into two groups 3"), "{}", check.advice);
        assert!(check.advice.contains("4 of 12"), "{}", check.advice);
        let trifle = one(&medians(1_008_000), CheckName::Unimodal);
        assert_eq!((trifle.status, trifle.figure), (Pass, 0.0));
    }

    #[test]
    fn groups_that_do_not_vary_have_a_figure_that_json_can_carry() {
        let mut peaks = trials(&[1_000_000; 12]);
        peaks.iter_mut().step_by(2).for_each(|trial| trial.totals[0].value = 2 << 20);
        let check = checks(&peaks, fixture::PEAK).into_iter().find(|c| c.name == CheckName::Unimodal).unwrap();
        assert_eq!((check.status, check.figure), (Warn, 1000.0));
        assert_eq!(serde_json::from_str::<Check>(&serde_json::to_string(&check).unwrap()).unwrap(), check);
    }

    #[test]
    fn two_groups_of_samples_are_seen_whatever_the_trials_are() {
        let two = repeated([100_000, 100_100, 100_200, 130_000, 99_900, 100_000, 130_100, 130_200, 99_800, 100_100], 6);
        let check = one(&two, CheckName::Unimodal);
        assert!(check.status == Warn && check.advice.starts_with("Samples fall into two groups"), "{check:?}");
        assert!(check.advice.contains("30.0% of them in the upper one"), "{}", check.advice);
    }

    #[test]
    fn outliers_are_counted_and_told_apart() {
        let steady = |outliers: &[u64]| {
            let mut samples = [100_000, 100_100, 100_200, 99_900, 99_800, 100_050, 100_150, 99_950, 99_850, 100_020];
            samples[..outliers.len()].copy_from_slice(outliers);
            one(&repeated(samples, 6), CheckName::Outliers)
        };
        assert_eq!((steady(&[]).status, steady(&[]).figure, steady(&[]).limit), (Pass, 0.0, 0.05));
        let stalls = steady(&[150_000]);
        assert_eq!((stalls.status, stalls.figure), (Warn, 0.1));
        assert!(stalls.advice.starts_with("6 of 60 samples lie more than 3") && stalls.advice.contains("stalls"));
        assert!(steady(&[50_000]).advice.contains("less to do"));
        assert!(steady(&[50_000, 150_000]).advice.contains("both sides"));
    }

    #[test]
    fn outliers_on_all_sides_leave_nothing_typical() {
        let samples = [100_000, 100_001, 99_999, 100_002, 99_998, 100_003, 1, 2, 900_000, 100_004];
        assert_eq!(one(&repeated(samples, 6), CheckName::Outliers).status, Fail);
    }

    #[test]
    fn a_sample_is_compared_with_the_others_alone() {
        let sorted = [1.0, 2.0, 4.0, 10.0, 20.0];
        assert_eq!(over_the_others(&sorted, 0), 1.0 / 7.0);
        assert_eq!(over_the_others(&sorted, 2), 4.0 / 6.0);
        assert_eq!(over_the_others(&sorted, 4), 20.0 / 3.0);
        let sorted = [1.0, 2.0, 4.0, 10.0, 20.0, 30.0];
        assert_eq!(over_the_others(&sorted, 0), 1.0 / 10.0);
        assert_eq!(over_the_others(&sorted, 3), 10.0 / 4.0);
    }

    #[test]
    fn outliers_are_asked_for_where_one_would_not_be_too_many() {
        let asked = |trials: &[Trial], metric| checks(trials, metric).iter().any(|c| c.name == CheckName::Outliers);
        let samples = [100_000, 100_100, 100_200, 99_900, 99_800, 100_050, 100_150, 99_950, 99_850, 100_020];
        assert!(asked(&repeated(samples, 2), Metric::WALL_TIME));
        assert!(!asked(&repeated(samples, 1), Metric::WALL_TIME));
        assert!(!asked(&repeated([7; 10], 6), Metric::WALL_TIME), "equal values have no range");
        assert!(!asked(&repeated(samples, 6), fixture::PEAK));
    }
}
