//! Whether values depend on when they were measured: a trend within trials, or trials that resemble the one before. A
//! trend is never taken out, and no trial is moved: this only reports what is there.

use super::grading::{TRIFLE, check, is_gradual, upwards};
use crate::judge::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Grain, Unit};
use crate::stats::{self, FEWEST_TRIALS, Sorted};

/// Trend over a trial, as a share of the trial's median: as much as the precision that a point aims for, and so much
/// that the median means little.
const TREND: (f64, f64) = (0.02, 0.1);

/// How likely chance may make a trend that counts.
const CHANCE: f64 = 0.01;

/// Samples that a trend in a trial needs.
const FEWEST_SAMPLES: usize = 3;

/// Into how many parts a long trial is divided: more would cost time, and neighbouring samples depend on each other.
const PARTS: usize = 32;

/// The fewest trials whose order is informative.
const FEWEST_IN_ORDER: usize = 8;

/// A trend after warm-up that the trials have in common. The figure is its size, and zero where chance explains it: many
/// samples show the smallest trend for certain, few show a large one by chance, so both must be. Left out for values of
/// whole trials, for counts (one call more may be a tenth of them), for what may be zero, and for too few trials.
pub(super) fn warmed_up(series: &SeriesTrials<'_>) -> Option<Check> {
    if series.metric.unit() == Unit::Count || series.metric.quantity.grain() != Grain::Sample {
        return None;
    }
    let long_enough = series.values.iter().filter(|values| values.len() >= FEWEST_SAMPLES);
    let courses = long_enough.map(|values| course(values)).collect::<Option<Vec<_>>>()?;
    if courses.len() < FEWEST_TRIALS {
        return None;
    }
    let trend = stats::common_trend(&courses).ok()?;
    let steps = courses.iter().map(Vec::len).max()? - 1;
    let change = if trend.p <= CHANCE { trend.slope * steps as f64 } else { 0.0 };
    Some(upwards(CheckName::WarmedUp, change.abs(), TREND, trend_advice(series, change)))
}

/// How the samples of a trial went, as shares of their median: they themselves, or the medians of consecutive parts.
fn course(values: &[f64]) -> Option<Vec<f64>> {
    let middle = Sorted::new(values).ok()?.median();
    let parts = values.chunks(values.len().div_ceil(PARTS));
    let medians = parts.map(|part| Some(Sorted::new(part).ok()?.median() / middle)).collect::<Option<Vec<_>>>()?;
    (middle > 0.0).then_some(medians)
}

fn trend_advice(series: &SeriesTrials<'_>, change: f64) -> String {
    let size = Unit::Ratio.format(change.abs());
    if change < 0.0 {
        let warmup = series.trials.iter().map(|trial| trial.warmup).max().unwrap_or(0);
        return format!("Samples fall by {size} over a trial: it is still warming up. Raise `warmup` above {warmup}.");
    }
    format!(
        "Samples rise by {size} over a trial: something grows from each to the next, such as a file, a cache or a \
         heap. Let every sample begin from the same state, or take fewer `samples`."
    )
}

/// Whether trials resemble the one before, in the order of the run. Only likeness counts: trials that alternate make an
/// interval wider than it need be, never narrower. Made for times and memory; left out for too few trials, and where all
/// agree so closely that nothing depends on their order.
pub(super) fn independent(series: &SeriesTrials<'_>) -> Option<Check> {
    if !is_gradual(series) {
        return None;
    }
    let mut ordered: Vec<(u32, f64)> =
        series.trials.iter().map(|trial| trial.order).zip(series.medians().ok()?).collect();
    ordered.sort_by_key(|(order, _)| *order);
    let medians: Vec<f64> = ordered.into_iter().map(|(_, median)| median).collect();
    let sorted = Sorted::new(&medians).ok()?;
    if medians.len() < FEWEST_IN_ORDER || sorted.max() - sorted.min() <= TRIFLE * sorted.median().abs() {
        return None;
    }
    let found = stats::autocorrelation(&medians).ok()??;
    let status = if found.lag1 > found.limit { CheckStatus::Warn } else { CheckStatus::Pass };
    let advice = "Trials resemble the ones before them: something drifts more slowly than a trial lasts, so the true \
                  interval is wider than the one shown. Verdicts of revisions that are measured interleaved, by the gate \
                  and by `benchline compare`, do not suffer from it.";
    Some(check(CheckName::Independent, status, found.lag1, found.limit, advice.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks, one, trials};
    use super::*;
    use crate::judge::fixture::{self, trial};
    use crate::model::{Metric, Trial};
    use CheckStatus::{Fail, Pass, Warn};

    /// Six trials at levels of their own whose ten samples change by a share over the trial.
    fn changing(by: f64) -> Vec<Trial> {
        let sample = |level: f64, place: u32| (level * (1.0 + by * (f64::from(place) - 4.5) / 9.0)) as u64;
        let samples = |level: f64| (0..10).map(|place| sample(level, place)).collect::<Vec<_>>();
        (0..6).map(|index| trial(index, &samples(1e9 + 5e7 * f64::from(index)))).collect()
    }

    #[test]
    fn a_trend_counts_by_its_size() {
        for (by, status, advice) in [
            (0.0, Pass, ""),
            (0.015, Pass, ""),
            (-0.015, Pass, ""),
            (0.05, Warn, "Samples rise by 5"),
            (-0.05, Warn, "Samples fall by 5"),
            (0.2, Fail, "Samples rise by 20"),
        ] {
            let check = one(&changing(by), CheckName::WarmedUp);
            assert!((check.figure - f64::abs(by)).abs() < 1e-6, "{by}: {check:?}");
            assert_eq!((check.status, check.limit), (status, 0.02), "{by}");
            assert!(check.advice.starts_with(advice), "{}", check.advice);
        }
        assert!(one(&changing(-0.05), CheckName::WarmedUp).advice.ends_with("Raise `warmup` above 1."));
    }

    #[test]
    fn a_large_trend_that_trials_do_not_share_is_chance() {
        let mut mixed = changing(0.05);
        for trial in mixed.iter_mut().step_by(2) {
            trial.columns[0].values[1..].reverse();
        }
        assert_eq!(one(&mixed, CheckName::WarmedUp).figure, 0.0);
    }

    #[test]
    fn a_long_trial_is_seen_in_parts() {
        let samples: Vec<u64> = (0..5000).map(|place| 1_000_000_000 + 10_000 * place).collect();
        let long: Vec<Trial> = (0..6).map(|index| trial(index, &samples)).collect();
        let check = one(&long, CheckName::WarmedUp);
        assert!((check.figure - 0.05).abs() < 0.003, "{check:?}");
        assert_eq!(course(&samples.iter().map(|ns| *ns as f64).collect::<Vec<_>>()).unwrap().len(), 32);
    }

    #[test]
    fn what_cannot_show_a_trend_is_not_asked() {
        let asked = |trials: &[Trial], metric| checks(trials, metric).iter().any(|c| c.name == CheckName::WarmedUp);
        assert!(asked(&changing(0.05), Metric::WALL_TIME));
        assert!(!asked(&changing(0.05)[..5], Metric::WALL_TIME), "too few trials");
        assert!(!asked(&trials(&[0; 6]), Metric::WALL_TIME), "no median to compare with");
        assert!(!asked(&changing(0.05), fixture::PEAK), "one value a trial");
    }

    #[test]
    fn likeness_of_neighbours_counts_in_the_order_of_the_run() {
        let drifting: Vec<u64> = (0..12).map(|place| 1_000_000 + 10_000 * place).collect();
        let mut drifting = trials(&drifting);
        let check = one(&drifting, CheckName::Independent);
        // numpy: x = arange(12) - 5.5; (x[:-1] * x[1:]).sum() / (x * x).sum(); -1/12 + norm.isf(.01) * 10 / (12 * sqrt(11))
        assert!((check.figure - 0.75).abs() < 1e-12 && (check.limit - 0.501_183_6).abs() < 1e-6, "{check:?}");
        assert!(check.status == Warn && check.advice.contains("benchline compare"), "{check:?}");
        // Measured in another order, one of each end in turn, the same values are no drift.
        for trial in &mut drifting {
            trial.order = if trial.index < 6 { 2 * trial.index } else { 2 * (11 - trial.index) + 1 };
        }
        assert_eq!(one(&drifting, CheckName::Independent).status, Pass);
    }

    #[test]
    fn order_means_nothing_for_few_trials_or_equal_ones() {
        let asked = |medians: &[u64]| {
            checks(&trials(medians), Metric::WALL_TIME).iter().any(|check| check.name == CheckName::Independent)
        };
        assert!(asked(&[100, 101, 102, 103, 104, 105, 106, 107]));
        assert!(!asked(&[100, 101, 102, 103, 104, 105, 106]));
        assert!(!asked(&[10_000, 10_010, 10_020, 10_030, 10_040, 10_050, 10_060, 10_070]));
    }
}
