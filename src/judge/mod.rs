//! Decides what measured data says: from the trials of a case to summaries, checks and grades. Pure: data in, decisions
//! out. Nothing here may read a clock, a file or a database, drop a sample, or let a fast wrong result pass.
//!
//! One run: start at [`measurements`]. `summary` turns trials into numbers, `checks` says whether to believe them.
//! Two revisions measured together: [`design`](fn@design) before, [`suspicious`] between the stages, [`verdicts`] after.
//! `pairing` says which trials stand against each other, `effects` what their blocks show, `compare` what that decides,
//! `reasons` says it in words.
//! Settings within one run: [`contrast`](fn@contrast).
//! Graphs: [`changes`] finds what changed in history, [`reconcile()`] holds it against the findings that are known.

pub mod bisect;
mod budgets;
pub mod calibration;
mod checks;
mod compare;
mod contrast;
mod design;
mod effects;
mod findings;
#[cfg(test)]
mod fixture;
mod noise;
mod pairing;
mod reasons;
mod reconcile;
mod sampling;
mod series;
pub mod shares;
#[cfg(test)]
mod simulation;
mod summary;

use std::collections::BTreeSet;

use crate::model::{Failure, FailureKind, Grade, Measurement, Metric, Trial};
use crate::stats::StatsError;
use series::SeriesTrials;

pub use budgets::{Crossing, crossed, crossed_anchor};
pub use compare::{suspicious, verdicts};
pub use contrast::{Contrast, contrast};
pub use design::{DesignError, design, identical, tally};
pub use effects::value;
pub use findings::{FoundChange, Line, LinePoint, changes};
pub use noise::{Noise, noise};
pub use pairing::Pairs;
pub use reasons::sentence;
pub use reconcile::{FindingUpdate, moved, reconcile};
pub use sampling::trials_wanted;

/// Why trials cannot be judged together. Each is a mistake of the caller or damage to the history, never bad luck.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JudgeError {
    /// The trials are not all of one case.
    #[error("trial {index} is of `{found}`, among trials of `{expected}`: judge each case by itself")]
    MixedCases {
        /// Index of the trial that differs.
        index: u32,
        /// Key of its case.
        found: String,
        /// Key of the first trial's case.
        expected: String,
    },
    /// The subject changed its operation's version between trials.
    #[error(
        "trial {index} performed version {found} of the operation, the others version {expected}: split the series"
    )]
    MixedVersions {
        /// Index of the trial that differs.
        index: u32,
        /// Its version.
        found: u32,
        /// The first trial's version.
        expected: u32,
    },
    /// One trial was given twice, which would make the interval narrower than it is.
    #[error("trial {index} was given twice: pass each trial of the run once")]
    Repeated {
        /// Index of the trial.
        index: u32,
    },
    /// One trial stands in two blocks, which would count it twice.
    #[error("trial {index} stands in two blocks: every block has its own trials")]
    PairedTwice {
        /// Index of the trial.
        index: u32,
    },
    /// There is no estimate.
    #[error("{metric}: {source}")]
    Estimate {
        /// Of which metric.
        metric: Metric,
        /// Why.
        source: StatsError,
    },
}

/// Judges everything that one run measured of one case: a measurement for each metric that has a value, in the order in
/// which the trials list them. `failures` are those of the run; the ones of other cases are passed over. Without trials
/// there is nothing to judge: the failures speak for themselves.
///
/// # Errors
/// When the trials do not belong together, see [`JudgeError`].
pub fn measurements(trials: &[Trial], failures: &[Failure]) -> Result<Vec<Measurement>, JudgeError> {
    let Some(first) = trials.first() else { return Ok(Vec::new()) };
    check_together(first, trials)?;
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

fn check_together(first: &Trial, trials: &[Trial]) -> Result<(), JudgeError> {
    let mut seen = BTreeSet::new();
    for trial in trials {
        let index = trial.index;
        if trial.case != first.case {
            return Err(JudgeError::MixedCases { index, found: trial.case.key(), expected: first.case.key() });
        }
        if trial.operation_version != first.operation_version {
            let (found, expected) = (trial.operation_version, first.operation_version);
            return Err(JudgeError::MixedVersions { index, found, expected });
        }
        if !seen.insert(index) {
            return Err(JudgeError::Repeated { index });
        }
    }
    Ok(())
}

/// How many trials of the case ended with a wrong result. A failure that names no trial counts as one.
fn wrong_trials(first: &Trial, failures: &[Failure]) -> usize {
    let of_case = |failure: &&Failure| failure.case.as_ref() == Some(&first.case);
    let wrong = failures.iter().filter(of_case).filter(|failure| failure.kind == FailureKind::WrongResult);
    wrong.map(|failure| failure.trial).collect::<BTreeSet<_>>().len()
}

/// Every metric that a trial has, in the order of first appearance.
fn metrics(trials: &[Trial]) -> Vec<Metric> {
    let mut seen = BTreeSet::new();
    trials.iter().flat_map(Trial::metrics).filter(|metric| seen.insert(*metric)).collect()
}

#[cfg(test)]
mod tests {
    use super::fixture::{failure, trial};
    use super::*;
    use crate::model::{CheckName, Quantity, Role};

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
