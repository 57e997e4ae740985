//! From the trials of one case in one run to its measurements: numbers, checks and grades.

use std::collections::BTreeSet;

use super::error::JudgeError;
use super::series::{SeriesTrials, check_same_series, metrics};
use super::{checks, summary};
use crate::model::{Failure, FailureKind, Grade, Measurement, Trial};

/// Judges everything that one run measured of one case: a measurement for each metric that has a value, in the order in
/// which the trials list them. `failures` are those of the run; the ones of other cases are passed over. Without trials
/// there is nothing to judge: the failures speak for themselves.
///
/// # Errors
/// When the trials do not belong together, see [`JudgeError`].
pub fn measurements(trials: &[Trial], failures: &[Failure]) -> Result<Vec<Measurement>, JudgeError> {
    let Some(first) = trials.first() else { return Ok(Vec::new()) };
    check_same_series(first, trials)?;
    let wrong = wrong_trials(first, failures);
    metrics(trials)
        .into_iter()
        .filter_map(|metric| SeriesTrials::of(trials, metric))
        .map(|series| measurement(first, &series, wrong))
        .collect()
}

fn measurement(first: &Trial, series: &SeriesTrials<'_>, wrong: usize) -> Result<Measurement, JudgeError> {
    let summary =
        summary::summarise(series).map_err(|source| JudgeError::Estimate { metric: series.metric, source })?;
    let checks = checks::check(series, &summary, wrong);
    Ok(Measurement {
        case: first.case.clone(),
        label: first.label.clone(),
        operation_version: first.operation_version,
        metric: series.metric,
        grade: Grade::of(&checks),
        summary,
        checks,
    })
}

/// How many trials of the case ended with a wrong result. A failure that names no trial counts as one.
fn wrong_trials(first: &Trial, failures: &[Failure]) -> usize {
    let of_case = |failure: &&Failure| failure.case.as_ref() == Some(&first.case);
    let wrong = failures.iter().filter(of_case).filter(|failure| failure.kind == FailureKind::WrongResult);
    wrong.map(|failure| failure.trial).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{failure, trial};
    use super::*;
    use crate::model::{CheckName, Metric, Quantity, Role};

    #[test]
    fn nothing_is_said_about_no_trials() {
        assert_eq!(measurements(&[], &[failure(0, FailureKind::Crashed)]), Ok(Vec::new()));
    }

    #[test]
    fn every_metric_with_a_value_gets_a_measurement() {
        let mut trials: Vec<Trial> = (0..6).map(|index| trial(index, &[100, 101, 102])).collect();
        trials[5].totals.clear();
        let found = measurements(&trials, &[]).unwrap();
        let peak = Metric::of(Role::Client, Quantity::RssPeak);
        assert_eq!(found.iter().map(|m| m.metric).collect::<Vec<_>>(), [Metric::WALL_TIME, peak]);
        assert_eq!(found.iter().map(|m| m.summary.trials).collect::<Vec<_>>(), [6, 5]);
        assert!(found.iter().all(|m| m.case == trials[0].case && m.operation_version == 1));
    }

    #[test]
    fn a_metric_without_samples_beside_warm_up_has_no_measurement() {
        let mut only_warm_up = trial(0, &[100, 100]);
        only_warm_up.warmup = 3;
        only_warm_up.totals.clear();
        assert_eq!(measurements(&[only_warm_up], &[]), Ok(Vec::new()));
    }

    #[test]
    fn a_wrong_result_makes_every_measurement_unusable() {
        let trials: Vec<Trial> = (0..6).map(|index| trial(index, &[1_000_000; 3])).collect();
        let sound = measurements(&trials, &[failure(6, FailureKind::Crashed)]).unwrap();
        assert!(sound.iter().all(|m| m.grade == Grade::Sound), "{sound:#?}");
        let wrong = measurements(&trials, &[failure(6, FailureKind::WrongResult)]).unwrap();
        assert!(wrong.iter().all(|m| m.grade == Grade::Unusable));
        assert_eq!(wrong[0].checks[0].name, CheckName::Verified);

        let mut elsewhere = failure(6, FailureKind::WrongResult);
        elsewhere.case.as_mut().unwrap().version = 9;
        assert_eq!(measurements(&trials, &[elsewhere]), Ok(sound));
    }

    #[test]
    fn trials_that_do_not_belong_together_are_refused() {
        let good = trial(0, &[1]);
        assert_eq!(measurements(&[good.clone(), good.clone()], &[]), Err(JudgeError::Repeated { index: 0 }));
        let mut other = trial(1, &[1]);
        other.operation_version = 2;
        let refused = measurements(&[good.clone(), other], &[]);
        assert_eq!(refused, Err(JudgeError::MixedVersions { index: 1, found: 2, expected: 1 }));
        let mut other = trial(1, &[1]);
        other.case.version = 2;
        assert!(matches!(measurements(&[good, other], &[]), Err(JudgeError::MixedCases { index: 1, .. })));
    }
}
