//! What else the machine was doing: other processes on the CPU, a changed speed that the canary shows, and the sampler's own
//! overhead. Only times are affected.

use super::grading::{check, upwards};
use crate::judge::series::SeriesTrials;
use crate::model::{Canary, Check, CheckName, CheckStatus, Conditions, Trial, Unit};
use crate::stats::Sorted;

/// Share of the time that others may occupy the CPU: beyond it they may move a time by more than the target.
const DISTURBANCE: f64 = 0.02;

/// Share of the time from which on the machine was mostly busy with something else.
const DISTURBANCE_LOST: f64 = 0.25;

/// CPU time that the sampler may use, as a share of the sampled time.
const LOOKING: f64 = 0.005;

/// The share from which on the sampler is a load of its own.
const LOOKING_LOST: f64 = 0.1;

/// Whether something else occupied the CPU, or the machine changed its speed: the larger of the two, as a share. Only for
/// times, because counts and memory do not change with it. Left out where neither the kernel nor a canary shows it.
pub(super) fn undisturbed(series: &SeriesTrials<'_>) -> Option<Check> {
    if series.metric.unit() != Unit::Nanoseconds {
        return None;
    }
    let known = [disturbance(&series.trials), drift(&series.trials)].into_iter().flatten();
    let (figure, advice) = known.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let status = match figure {
        _ if figure <= DISTURBANCE => CheckStatus::Pass,
        _ if figure < DISTURBANCE_LOST => CheckStatus::Warn,
        _ => CheckStatus::Fail,
    };
    Some(check(CheckName::Undisturbed, status, figure, DISTURBANCE, advice))
}

/// Whether the sampler cost little. Only for times, as above.
pub(super) fn low_overhead(series: &SeriesTrials<'_>) -> Option<Check> {
    if series.metric.unit() != Unit::Nanoseconds {
        return None;
    }
    let cost = |trial: &Trial| trial.conditions.sampler_ppm as f64 / 1e6;
    let figure = mean_over_time(series.trials.iter().map(|trial| (*trial, cost(trial))))?;
    let advice = "The sampler, which reads the processes every 20 ms, used more CPU time than it should: waking a thread is \
                  expensive on this machine, or the subject has very many threads. Leave a CPU free for the runner, and \
                  compare only results with the same overhead.";
    Some(upwards(CheckName::LowOverhead, figure, (LOOKING, LOOKING_LOST), advice.to_owned()))
}

/// The share of the time that others occupied the CPU, and what to do about it.
fn disturbance(trials: &[&Trial]) -> Option<(f64, String)> {
    let known: Vec<(&Trial, Disturbance)> =
        trials.iter().filter_map(|trial| Some((*trial, Disturbance::of(&trial.conditions)?))).collect();
    let share = |part: fn(&Disturbance) -> f64| mean_over_time(known.iter().map(|(trial, d)| (*trial, part(d))));
    let advice = if share(|d| d.steal)? >= share(|d| d.contention)? {
        "The hypervisor gave the CPU to other guests. Measure on a machine, or at a time, with less other load."
    } else {
        "Other processes competed for the CPU. Stop them, and measure again; `benchline doctor` lists the busiest."
    };
    Some((share(Disturbance::share)?, advice.to_owned()))
}

/// How far the canary around the trials was from its median over all of them, and what to do about it. The one that
/// strayed farther counts, before or after. Canaries of another workload than the first are not comparable.
fn drift(trials: &[&Trial]) -> Option<(f64, String)> {
    let all: Vec<(&Trial, &Canary)> =
        trials.iter().filter_map(|trial| Some((*trial, trial.canary.as_ref()?))).collect();
    let workload = &all.first()?.1.workload;
    let comparable: Vec<_> = all.iter().filter(|(_, canary)| canary.workload == *workload).collect();
    let readings = |canary: &Canary| [canary.before, canary.after].map(|reading| reading.wall_ns as f64);
    let every: Vec<f64> = comparable.iter().flat_map(|(_, canary)| readings(canary)).collect();
    let usual = Sorted::new(&every).ok()?.median();
    if usual <= 0.0 {
        return None;
    }
    let strayed = |canary: &Canary| readings(canary).map(|ns| (ns / usual - 1.0).abs()).into_iter().fold(0.0, f64::max);
    let figure = mean_over_time(comparable.iter().map(|(trial, canary)| (*trial, strayed(canary))))?;
    let advice = "A fixed workload of the runner's own, timed before and after each trial, did not take the same time \
                  throughout: the machine's speed changed. Keep its frequency steady (see `benchline doctor`), let it \
                  cool, or measure when its neighbours are idle.";
    Some((figure, advice.to_owned()))
}

/// The mean of what is known of trials, longer trials counting more. Nothing of no trials.
fn mean_over_time<'t>(known: impl Iterator<Item = (&'t Trial, f64)>) -> Option<f64> {
    let (mut sum, mut whole) = (0.0, 0.0);
    for (trial, share) in known {
        let duration = trial.duration_ns.max(1) as f64;
        sum += duration * share;
        whole += duration;
    }
    (whole > 0.0).then(|| sum / whole)
}

/// How long something else occupied the CPU during a trial, as shares of its time.
struct Disturbance {
    steal: f64,
    contention: f64,
}

impl Disturbance {
    /// Nothing where the kernel reports nothing. Pressure alone proves nothing: a subject with more threads than
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

#[cfg(test)]
mod tests {
    use super::super::tests::{checks, one, under};
    use super::*;
    use crate::model::{CanaryReading, Metric};
    use CheckStatus::{Fail, Pass, Warn};

    #[test]
    fn quiet_blames_steal_and_others_but_not_the_subject() {
        let quiet = |pressure, steal, others| {
            let trials = under(|conditions| {
                (conditions.pressure_ppm, conditions.steal_ppm, conditions.others_ppm) = (pressure, steal, others);
            });
            checks(&trials, Metric::WALL_TIME).into_iter().find(|check| check.name == CheckName::Undisturbed)
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
    fn the_runners_own_looking_is_recorded_and_doubted_beyond_half_a_percent() {
        for (ppm, status) in [(0, Pass), (5_000, Pass), (5_001, Warn), (100_000, Warn), (100_001, Fail)] {
            let trials = under(|conditions| conditions.sampler_ppm = ppm);
            let check = one(&trials, CheckName::LowOverhead);
            assert!((check.figure - ppm as f64 / 1e6).abs() < 1e-12, "{check:?}");
            assert!(check.status == status && check.advice.is_empty() == (status == Pass), "{check:?}");
        }
    }

    #[test]
    fn quiet_weighs_trials_by_their_length() {
        let mut trials = under(|_| {});
        trials.truncate(2);
        (trials[0].duration_ns, trials[1].duration_ns) = (3_000, 1_000);
        trials[1].conditions.steal_ppm = Some(400_000);
        assert!((one(&trials, CheckName::Undisturbed).figure - 0.1).abs() < 1e-12);
    }

    /// A quiet case whose canaries took so many microseconds before and after each trial.
    fn with_canaries(micros: &[(u64, u64)]) -> Vec<Trial> {
        let mut trials = under(|_| {});
        for (trial, (before, after)) in trials.iter_mut().zip(micros) {
            let reading = |micros: &u64| CanaryReading { wall_ns: micros * 1000, cpu_ns: 1 };
            trial.canary = Some(Canary { workload: "mix@1".into(), before: reading(before), after: reading(after) });
        }
        trials
    }

    #[test]
    fn a_canary_tells_of_another_speed() {
        let steady = [(500, 501), (499, 500), (500, 500), (500, 498), (501, 500), (500, 500)];
        let check = one(&with_canaries(&steady), CheckName::Undisturbed);
        assert!(
            check.status == Pass && (check.figure - (1 + 1 + 2 + 1) as f64 / 500.0 / 6.0).abs() < 1e-12,
            "{check:?}"
        );
        let mut slowed = steady;
        (slowed[4], slowed[5]) = ((500, 600), (600, 500));
        let check = one(&with_canaries(&slowed), CheckName::Undisturbed);
        // Two trials of six with a fifth more beside them, four with next to nothing.
        assert!(check.status == Warn && (check.figure - 0.4 / 6.0).abs() < 0.002, "{check:?}");
        assert!(check.advice.starts_with("A fixed workload") && check.advice.contains("benchline doctor"));
        let halves = [(500, 500), (500, 500), (500, 500), (1000, 1000), (1000, 1000), (1000, 1000)];
        assert_eq!(one(&with_canaries(&halves), CheckName::Undisturbed).status, Fail);
    }

    #[test]
    fn the_worse_of_canary_and_kernel_counts_and_either_alone() {
        let mut trials = with_canaries(&[(500, 500), (500, 500), (500, 500), (500, 500), (500, 530), (500, 500)]);
        trials.iter_mut().for_each(|trial| trial.conditions.steal_ppm = Some(50_000));
        let check = one(&trials, CheckName::Undisturbed);
        assert!((check.figure - 0.05).abs() < 1e-12 && check.advice.starts_with("The hypervisor"), "{check:?}");
        trials.iter_mut().for_each(|trial| trial.conditions = Conditions::default());
        let check = one(&trials, CheckName::Undisturbed);
        assert!((check.figure - 0.06 / 6.0).abs() < 1e-12, "{check:?}");
        trials.iter_mut().for_each(|trial| trial.canary = None);
        assert!(checks(&trials, Metric::WALL_TIME).iter().all(|check| check.name != CheckName::Undisturbed));
    }

    #[test]
    fn canaries_that_cannot_be_compared_are_left_alone() {
        let mut trials = with_canaries(&[(500, 500); 6]);
        if let Some(canary) = &mut trials[3].canary {
            (canary.workload, canary.before.wall_ns) = ("mix@2".into(), 9_000_000);
        }
        assert_eq!(one(&trials, CheckName::Undisturbed).figure, 0.0);
        assert_eq!(one(&with_canaries(&[(0, 0); 6]), CheckName::Undisturbed).figure, 0.0);
    }
}
