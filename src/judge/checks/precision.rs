//! How well the number is known: the interval's width, and the clock's step. Never whether the number is good.

use super::grading::check;
use crate::judge::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Grain, Metric, Quantity, Summary, Unit};
use crate::stats;
use crate::units;

/// Half-width of the interval over the estimate that a point aims for.
const PRECISION_TARGET: f64 = 0.02;

/// Half-width over the estimate from which not even the magnitude is known.
const PRECISION_LOST: f64 = 0.5;

/// Clock steps in a sample from which on a step is below 0.1% of it.
const CLOCK_STEPS: f64 = 1000.0;

/// Clock steps in a sample below which a step is more than 1% of it: as large as the changes that are looked for.
const CLOCK_STEPS_LOST: f64 = 100.0;

/// Half-width against the target. Left out where there is no interval, which `enough_trials` reports, and for counts: most are
/// small numbers of what the kernel chose to do (9 switches or 16), where a share of the estimate is meaningless.
pub(super) fn precise(series: &SeriesTrials<'_>, summary: &Summary, disturbed: bool) -> Option<Check> {
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
    Some(check(
        CheckName::Precise,
        status,
        figure,
        PRECISION_TARGET,
        precision_advice(series, summary, (figure, disturbed)),
    ))
}

fn precision_advice(series: &SeriesTrials<'_>, summary: &Summary, (figure, disturbed): (f64, bool)) -> String {
    const MOST_TRIALS: f64 = 60.0;
    if disturbed {
        return "The machine was disturbed meanwhile. Measure again when it is quiet, before adding trials; \
                `benchline doctor` lists what keeps it busy."
            .to_owned();
    }
    // The width of an order-statistic interval shrinks with the square root of the number of values.
    let trials = (f64::from(summary.trials) * (figure / PRECISION_TARGET).powi(2)).ceil();
    if trials <= MOST_TRIALS {
        return format!(
            "About {trials} trials would reach {}%: raise `trials` in the scenario's `[sampling]`.",
            100.0 * PRECISION_TARGET
        );
    }
    match (summary.between, summary.within) {
        (Some(between), Some(within)) if within > between => {
            // Not every operation can be repeated within a sample, but each can be sampled more often.
            "Samples of one process differ by more than processes do. Take more `samples` a trial, or make each longer, with \
             more `iterations` or a larger payload."
                .to_owned()
        }
        _ if series.metric.unit() != Unit::Nanoseconds => {
            "Processes differ by more than more trials would settle, whatever the machine does: their work is not the same \
             each time. Look at the trials one by one for two levels; a larger payload makes what differs a smaller share."
                .to_owned()
        }
        _ => {
            "Processes differ by more than more trials would settle. Look at the trials one by one for two levels, and \
              run `benchline doctor`."
                .to_owned()
        }
    }
}

/// A sample against the clock's step, in the shortest trial. For times of samples alone: whole-trial times are long,
/// latencies have a histogram's resolution, and a reactor that was never blocked was blocked for no time.
pub(in crate::judge) fn clock_resolved(series: &SeriesTrials<'_>) -> Option<Check> {
    let Metric { quantity, .. } = series.metric;
    if quantity.unit() != Unit::Nanoseconds || quantity.grain() != Grain::Sample || quantity == Quantity::ReactorBlocked
    {
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
    Some(check(CheckName::ClockResolved, status, figure, CLOCK_STEPS, resolution_advice(series, figure)))
}

fn resolution_advice(series: &SeriesTrials<'_>, figure: f64) -> String {
    let step = series.trials.iter().map(|trial| trial.conditions.clock_step_ns).max().unwrap_or(0);
    let length = units::exact_duration(step.saturating_mul(CLOCK_STEPS as u64));
    if figure <= 0.0 {
        return format!(
            "The clock saw nothing. Make a sample last at least {length}: more `iterations`, or a larger payload."
        );
    }
    let factor = (CLOCK_STEPS / figure).ceil();
    format!("Make a sample last at least {length}: {factor} times the `iterations`, or a payload as much larger.")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks, one, trials, under};
    use super::*;
    use crate::judge::fixture::{self, trial};
    use crate::model::{Role, Trial};
    use CheckStatus::{Fail, Pass, Warn};

    #[test]
    fn precise_compares_the_half_width_with_the_estimate() {
        let spread = |by: u64| trials(&[1000 - by, 1000, 1000, 1000, 1000, 1000 + by]);
        for (by, status, advice) in [
            (20, Pass, ""),
            (40, Warn, "About 24 trials would reach 2%: raise `trials`"),
            (60, Warn, "About 54 trials would reach 2%: raise `trials`"),
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
    fn advice_on_memory_does_not_blame_the_machine() {
        let mut peaks = trials(&[1_000_000; 6]);
        for (trial, mebibytes) in peaks.iter_mut().zip([10, 20, 20, 20, 20, 40]) {
            trial.totals[0].value = mebibytes << 20;
        }
        let check = checks(&peaks, fixture::PEAK).into_iter().find(|check| check.name == CheckName::Precise).unwrap();
        assert!(check.advice.contains("larger payload") && !check.advice.contains("doctor"), "{check:?}");
    }

    #[test]
    fn advice_on_precision_begins_with_a_quiet_machine() {
        let mut trials = trials(&[900, 950, 1000, 1000, 1050, 1100]);
        trials.iter_mut().for_each(|trial| trial.conditions.steal_ppm = Some(100_000));
        assert!(one(&trials, CheckName::Precise).advice.contains("when it is quiet"));
    }

    #[test]
    fn resolved_compares_whole_samples_with_the_clock() {
        let step_20 = |sample: u64, iterations: u64| {
            let mut trials = trials(&[sample; 6]);
            for trial in &mut trials {
                (trial.conditions.clock_step_ns, trial.iterations) = (20, iterations);
            }
            one(&trials, CheckName::ClockResolved)
        };
        for (sample, status) in [(20_000, Pass), (19_980, Warn), (2_000, Warn), (1_980, Fail), (0, Fail)] {
            assert_eq!(step_20(sample, 1).status, status, "{sample}");
            assert_eq!(step_20(sample, 16).figure, sample as f64 / 20.0, "iterations belong to the sample");
        }
        assert_eq!(
            step_20(5_000, 1).advice,
            "Make a sample last at least 20 µs: 4 times the `iterations`, or a payload as much larger."
        );
        let mut mixed = trials(&[1_000_000; 6]);
        mixed[3].columns[0].values.fill(10_000);
        assert_eq!(one(&mixed, CheckName::ClockResolved).figure, 1000.0, "the shortest trial decides");
        let never = Metric::of(Role::Client, Quantity::ReactorBlocked);
        let mut trials = trials(&[20_000; 6]);
        trials.iter_mut().for_each(|trial| trial.columns[0].metric = never);
        assert!(checks(&trials, never).iter().all(|check| check.name != CheckName::ClockResolved));
        let unknown = under(|conditions| conditions.clock_step_ns = 0);
        assert!(checks(&unknown, Metric::WALL_TIME).iter().all(|check| check.name != CheckName::ClockResolved));
    }
}
