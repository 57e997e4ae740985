//! What is looked at before a data point is believed. Each check has its figure, its limit and an advice that fits what
//! was found; where a check cannot be made it is left out, never passed in silence.

use super::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Conditions, Grain, Summary, Unit};
use crate::stats::{self, FEWEST_TRIALS};
use crate::units;

/// Half-width of the interval over the estimate that a point aims for.
const PRECISION_TARGET: f64 = 0.02;

/// Half-width over the estimate from which not even the magnitude is known.
const PRECISION_LOST: f64 = 0.5;

/// Clock steps in a sample from which on a step is below 0.1% of it.
const CLOCK_STEPS: f64 = 1000.0;

/// Clock steps in a sample below which a step is more than 1% of it: as large as the changes that are looked for.
const CLOCK_STEPS_LOST: f64 = 100.0;

/// Share of the time that others may hold the CPU up: beyond it they may move a time by more than the target.
const DISTURBANCE: f64 = 0.02;

/// Share of the time from which on the machine was mostly busy with something else.
const DISTURBANCE_LOST: f64 = 0.25;

/// Makes the checks that apply to a series, in the order in which pages show them. `wrong` is the number of trials of
/// the case that gave a wrong result, which are not among the series' trials.
pub(super) fn check(series: &SeriesTrials<'_>, summary: &Summary, wrong: usize) -> Vec<Check> {
    let quiet = quiet(series);
    let disturbed = quiet.as_ref().is_some_and(|check| check.status != CheckStatus::Pass);
    [Some(verified(series, wrong)), Some(enough(summary)), precise(series, summary, disturbed), resolved(series), quiet]
        .into_iter()
        .flatten()
        .collect()
}

/// Every result right. A subject that is fast and wrong is wrong.
fn verified(series: &SeriesTrials<'_>, wrong: usize) -> Check {
    let all = series.trials.len() + wrong;
    let figure = series.trials.len() as f64 / all as f64;
    let status = if wrong == 0 { CheckStatus::Pass } else { CheckStatus::Fail };
    let advice = format!("{wrong} of {all} trials gave a wrong result. Look at the run's failures before its numbers.");
    judged(CheckName::Verified, status, figure, 1.0, advice)
}

/// Trials for an interval.
fn enough(summary: &Summary) -> Check {
    let status = match summary.trials as usize {
        0 | 1 => CheckStatus::Fail,
        found if found < FEWEST_TRIALS => CheckStatus::Warn,
        _ => CheckStatus::Pass,
    };
    let trials = if summary.trials == 1 { "trial gives" } else { "trials give" };
    let advice = format!("{} {trials} no interval. Measure at least {FEWEST_TRIALS}.", summary.trials);
    judged(CheckName::Enough, status, f64::from(summary.trials), FEWEST_TRIALS as f64, advice)
}

/// Half-width against the target. Left out where there is no interval, which `enough` reports, and for counts: most are
/// small numbers of what the kernel chose to do (9 switches or 16), where a share of the estimate says nothing.
fn precise(series: &SeriesTrials<'_>, summary: &Summary, disturbed: bool) -> Option<Check> {
    if series.metric.unit() == Unit::Count {
        return None;
    }
    let interval = summary.interval?;
    let half_width = (interval.high - interval.low) / 2.0;
    // The estimate may be zero where the interval is not: then the interval's far end is what there is to compare with.
    let magnitude = match summary.estimate.abs() {
        0.0 => interval.low.abs().max(interval.high.abs()),
        estimate => estimate,
    };
    let figure = if half_width == 0.0 { 0.0 } else { half_width / magnitude };
    let status = match figure {
        _ if figure <= PRECISION_TARGET => CheckStatus::Pass,
        _ if figure < PRECISION_LOST => CheckStatus::Warn,
        _ => CheckStatus::Fail,
    };
    Some(judged(CheckName::Precise, status, figure, PRECISION_TARGET, precision_advice(summary, figure, disturbed)))
}

fn precision_advice(summary: &Summary, figure: f64, disturbed: bool) -> String {
    const MOST_TRIALS: f64 = 60.0;
    if disturbed {
        return "Something else used the CPU meanwhile. Measure again on a quiet machine before adding trials."
            .to_owned();
    }
    // The width of an order-statistic interval shrinks with the square root of the number of values.
    let trials = (f64::from(summary.trials) * (figure / PRECISION_TARGET).powi(2)).ceil();
    if trials <= MOST_TRIALS {
        return format!("About {trials} trials would reach {}%.", 100.0 * PRECISION_TARGET);
    }
    match (summary.between, summary.within) {
        (Some(between), Some(within)) if within > between => {
            "Samples of one process differ by more than processes do. Make each sample longer (more iterations)."
                .to_owned()
        }
        _ => {
            "Processes differ by more than more trials would settle. Look at the trials one by one for two levels, and \
              run `benchline doctor`."
                .to_owned()
        }
    }
}

/// A sample against the clock's step, in the shortest trial. For times of samples alone: whole-trial times are long, and
/// latencies have a histogram's resolution.
pub(super) fn resolved(series: &SeriesTrials<'_>) -> Option<Check> {
    if series.metric.unit() != Unit::Nanoseconds || series.metric.quantity.grain() != Grain::Sample {
        return None;
    }
    let steps = series.trials.iter().zip(&series.values).filter_map(|(trial, values)| {
        let median = stats::Sorted::new(values).ok()?.median();
        let step = trial.conditions.clock_step_ns;
        (step > 0).then(|| median * trial.iterations.max(1) as f64 / step as f64)
    });
    let figure = steps.min_by(f64::total_cmp)?;
    let status = match figure {
        _ if figure >= CLOCK_STEPS => CheckStatus::Pass,
        _ if figure >= CLOCK_STEPS_LOST => CheckStatus::Warn,
        _ => CheckStatus::Fail,
    };
    Some(judged(CheckName::Resolved, status, figure, CLOCK_STEPS, resolution_advice(series, figure)))
}

fn resolution_advice(series: &SeriesTrials<'_>, figure: f64) -> String {
    let step = series.trials.iter().map(|trial| trial.conditions.clock_step_ns).max().unwrap_or(0);
    let length = units::exact_duration(step.saturating_mul(CLOCK_STEPS as u64));
    if figure <= 0.0 {
        return format!("The clock saw nothing. Make a sample last at least {length}, with more iterations a sample.");
    }
    let factor = (CLOCK_STEPS / figure).ceil();
    format!("Make a sample last at least {length}: {factor} times as many iterations a sample.")
}

/// Whether something else used the CPU. For times alone, because counts and memory do not change with it. Left out
/// where the kernel tells nothing.
fn quiet(series: &SeriesTrials<'_>) -> Option<Check> {
    if series.metric.unit() != Unit::Nanoseconds {
        return None;
    }
    let known: Vec<(f64, Disturbance)> = series
        .trials
        .iter()
        .filter_map(|trial| Some((trial.duration_ns.max(1) as f64, Disturbance::of(&trial.conditions)?)))
        .collect();
    let whole: f64 = known.iter().map(|(duration, _)| duration).sum();
    if known.is_empty() {
        return None;
    }
    let share =
        |part: fn(&Disturbance) -> f64| known.iter().map(|(duration, d)| duration * part(d)).sum::<f64>() / whole;
    let figure = share(Disturbance::share);
    let status = match figure {
        _ if figure <= DISTURBANCE => CheckStatus::Pass,
        _ if figure < DISTURBANCE_LOST => CheckStatus::Warn,
        _ => CheckStatus::Fail,
    };
    let advice = if share(|d| d.steal) >= share(|d| d.contention) {
        "The hypervisor gave the CPU to somebody else. Measure on a machine, or at a time, with fewer neighbours."
    } else {
        "Other processes competed for the CPU. Stop them, and measure again."
    };
    Some(judged(CheckName::Quiet, status, figure, DISTURBANCE, advice.to_owned()))
}

/// How much of a trial something else held the CPU up, as shares of its time.
struct Disturbance {
    steal: f64,
    contention: f64,
}

impl Disturbance {
    /// Nothing where the kernel tells nothing. Pressure alone does not accuse anybody: a subject with more threads than
    /// the machine has CPUs waits for itself. Nor does other processes' CPU time, where there are CPUs enough. So the
    /// smaller of the two counts, and either alone where it is all that is known.
    fn of(conditions: &Conditions) -> Option<Self> {
        let contention = match (conditions.pressure_ppm, conditions.others_ppm) {
            (Some(pressure), Some(others)) => Some(pressure.min(others)),
            (pressure, others) => pressure.or(others),
        };
        let share = |ppm: Option<u64>| ppm.unwrap_or(0) as f64 / 1e6;
        let known = contention.or(conditions.steal_ppm).is_some();
        known.then(|| Self { steal: share(conditions.steal_ppm), contention: share(contention) })
    }

    fn share(&self) -> f64 {
        self.steal.max(self.contention)
    }
}

/// A check with its advice, which a check that passes does not need.
fn judged(name: CheckName, status: CheckStatus, figure: f64, limit: f64, advice: String) -> Check {
    let advice = if status == CheckStatus::Pass { String::new() } else { advice };
    Check { name, status, figure, limit, advice }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, trial};
    use super::super::summary::summarise;
    use super::*;
    use crate::model::{Metric, Trial};
    use CheckStatus::{Fail, Pass, Warn};

    fn checks(trials: &[Trial], metric: Metric) -> Vec<Check> {
        let series = SeriesTrials::of(trials, metric).unwrap();
        check(&series, &summarise(&series).unwrap(), 0)
    }

    fn one(trials: &[Trial], name: CheckName) -> Check {
        checks(trials, Metric::WALL_TIME).into_iter().find(|check| check.name == name).unwrap()
    }

    /// Trials whose medians are as given.
    fn trials(medians: &[u64]) -> Vec<Trial> {
        (0..).zip(medians).map(|(index, median)| trial(index, &[*median; 3])).collect()
    }

    /// Six equal trials under conditions.
    fn under(change: impl Fn(&mut Conditions)) -> Vec<Trial> {
        let mut trials = trials(&[1_000_000; 6]);
        trials.iter_mut().for_each(|trial| change(&mut trial.conditions));
        trials
    }

    #[test]
    fn each_metric_gets_the_checks_that_apply() {
        let names =
            |metric| checks(&trials(&[1_000_000; 6]), metric).iter().map(|check| check.name).collect::<Vec<_>>();
        use CheckName::{Enough, Precise, Quiet, Resolved, Verified};
        assert_eq!(names(Metric::WALL_TIME), [Verified, Enough, Precise, Resolved, Quiet]);
        assert_eq!(names(fixture::PEAK), [Verified, Enough, Precise]);
    }

    #[test]
    fn sound_data_needs_no_advice() {
        for check in checks(&trials(&[1_000_000, 1_001_000, 999_000, 1_002_000, 1_000_000, 998_000]), Metric::WALL_TIME)
        {
            assert_eq!((check.status, check.advice.as_str()), (Pass, ""), "{:?}", check.name);
        }
    }

    #[test]
    fn enough_counts_trials() {
        for (count, status) in [(1, Fail), (2, Warn), (5, Warn), (6, Pass), (30, Pass)] {
            let check = one(&trials(&vec![1_000_000; count]), CheckName::Enough);
            assert_eq!((check.status, check.figure, check.limit), (status, count as f64, 6.0));
        }
        assert_eq!(one(&trials(&[9]), CheckName::Enough).advice, "1 trial gives no interval. Measure at least 6.");
        assert!(checks(&trials(&[9; 5]), Metric::WALL_TIME).iter().all(|check| check.name != CheckName::Precise));
    }

    #[test]
    fn precise_compares_the_half_width_with_the_estimate() {
        let spread = |by: u64| trials(&[1000 - by, 1000, 1000, 1000, 1000, 1000 + by]);
        for (by, status, advice) in [
            (20, Pass, ""),
            (40, Warn, "About 24 trials would reach 2%."),
            (60, Warn, "About 54 trials would reach 2%."),
            (100, Warn, "Processes differ by more"),
            (500, Fail, "Processes differ by more"),
        ] {
            let check = one(&spread(by), CheckName::Precise);
            assert_eq!((check.status, check.figure, check.limit), (status, by as f64 / 1000.0, 0.02));
            assert!(check.advice.starts_with(advice), "{}", check.advice);
        }
        let noisy_inside: Vec<Trial> =
            (0..6).map(|index| trial(index, &[500, 1000 + 40 * u64::from(index), 3000])).collect();
        assert!(one(&noisy_inside, CheckName::Precise).advice.starts_with("Samples of one process differ"));
        let nothing = one(&trials(&[0, 0, 0, 0, 0, 8]), CheckName::Precise);
        assert_eq!((nothing.figure, nothing.status), (0.5, Fail));
        assert_eq!(one(&trials(&[0; 6]), CheckName::Precise).status, Pass);
    }

    #[test]
    fn resolved_compares_whole_samples_with_the_clock() {
        let step_20 = |sample: u64, iterations: u64| {
            let mut trials = trials(&[sample; 6]);
            for trial in &mut trials {
                (trial.conditions.clock_step_ns, trial.iterations) = (20, iterations);
            }
            one(&trials, CheckName::Resolved)
        };
        for (sample, status) in [(20_000, Pass), (19_980, Warn), (2_000, Warn), (1_980, Fail), (0, Fail)] {
            assert_eq!(step_20(sample, 1).status, status, "{sample}");
            assert_eq!(step_20(sample, 16).figure, sample as f64 / 20.0, "iterations belong to the sample");
        }
        assert_eq!(step_20(5_000, 1).advice, "Make a sample last at least 20 µs: 4 times as many iterations a sample.");
        let mut mixed = trials(&[1_000_000; 6]);
        mixed[3].columns[0].values.fill(10_000);
        assert_eq!(one(&mixed, CheckName::Resolved).figure, 1000.0, "the shortest trial decides");
        let unknown = under(|conditions| conditions.clock_step_ns = 0);
        assert!(checks(&unknown, Metric::WALL_TIME).iter().all(|check| check.name != CheckName::Resolved));
    }

    #[test]
    fn quiet_blames_steal_and_others_but_not_the_subject() {
        let quiet = |pressure, steal, others| {
            let trials = under(|conditions| {
                (conditions.pressure_ppm, conditions.steal_ppm, conditions.others_ppm) = (pressure, steal, others);
            });
            checks(&trials, Metric::WALL_TIME).into_iter().find(|check| check.name == CheckName::Quiet)
        };
        for (pressure, steal, others, status, figure, advice) in [
            (Some(0), Some(0), Some(0), Pass, 0.0, ""),
            (Some(400_000), Some(0), Some(1_000), Pass, 0.001, ""),
            (Some(400_000), Some(0), Some(100_000), Warn, 0.1, "Other processes"),
            (Some(50_000), None, None, Warn, 0.05, "Other processes"),
            (None, Some(30_000), Some(20_000), Warn, 0.03, "The hypervisor"),
            (None, Some(0), Some(900_000), Fail, 0.9, "Other processes"),
            (Some(10_000), Some(300_000), Some(10_000), Fail, 0.3, "The hypervisor"),
        ] {
            let check = quiet(pressure, steal, others).unwrap();
            assert!((check.figure - figure).abs() < 1e-12, "{check:?}");
            assert!(check.status == status && check.advice.starts_with(advice), "{check:?}");
        }
        assert_eq!(quiet(None, None, None), None);
    }

    #[test]
    fn quiet_weighs_trials_by_their_length() {
        let mut trials = under(|_| {});
        trials.truncate(2);
        (trials[0].duration_ns, trials[1].duration_ns) = (3_000, 1_000);
        trials[1].conditions.steal_ppm = Some(400_000);
        assert!((one(&trials, CheckName::Quiet).figure - 0.1).abs() < 1e-12);
    }

    #[test]
    fn advice_on_precision_begins_with_a_quiet_machine() {
        let mut trials = trials(&[900, 950, 1000, 1000, 1050, 1100]);
        trials.iter_mut().for_each(|trial| trial.conditions.steal_ppm = Some(100_000));
        assert!(one(&trials, CheckName::Precise).advice.contains("quiet machine"));
    }

    #[test]
    fn verified_counts_trials_with_a_wrong_result() {
        let trials = trials(&[1_000_000; 6]);
        let series = SeriesTrials::of(&trials, Metric::WALL_TIME).unwrap();
        let check = verified(&series, 2);
        assert_eq!((check.status, check.figure, check.limit), (Fail, 0.75, 1.0));
        assert!(check.advice.starts_with("2 of 8 trials gave a wrong result."));
    }
}
