//! The trials of one case: which belong together, and the values of one metric in them. A trial without a value is left
//! out, never filled in.

use std::collections::BTreeSet;

use super::error::JudgeError;
use crate::model::{Grain, Metric, Trial};
use crate::stats::{Sorted, StatsError};

/// The trials that have a value of a metric. Invariants: at least one trial; as many value lists as trials, none empty.
pub(super) struct SeriesTrials<'t> {
    pub(super) metric: Metric,
    pub(super) trials: Vec<&'t Trial>,
    /// Per operation, in the metric's unit: the samples that count, or the one value of a whole trial.
    pub(super) values: Vec<Vec<f64>>,
}

impl<'t> SeriesTrials<'t> {
    /// The values of a metric, if any trial has one.
    pub(super) fn of(trials: &'t [Trial], metric: Metric) -> Option<Self> {
        let with_values = trials.iter().filter_map(|trial| Some((trial, values(trial, metric)?)));
        let (trials, values): (Vec<_>, Vec<_>) = with_values.unzip();
        (!trials.is_empty()).then_some(Self { metric, trials, values })
    }

    /// Each trial's value: the median of its samples.
    pub(super) fn medians(&self) -> Result<Vec<f64>, StatsError> {
        self.values.iter().map(|values| Ok(Sorted::new(values)?.median())).collect()
    }
}

/// The values of a trial. Nothing where it has none that count.
pub(super) fn values(trial: &Trial, metric: Metric) -> Option<Vec<f64>> {
    let values = match metric.quantity.grain() {
        Grain::Sample => trial.samples(metric)?,
        Grain::Trial => vec![trial.total(metric)? as f64],
    };
    (!values.is_empty()).then_some(values)
}

/// Rejects trials that are not of one series: another case, another version of the operation, or one trial given twice.
pub(super) fn check_same_series(first: &Trial, trials: &[Trial]) -> Result<(), JudgeError> {
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

/// Every metric that a trial has, in the order of first appearance.
pub(super) fn metrics(trials: &[Trial]) -> Vec<Metric> {
    let mut seen = BTreeSet::new();
    trials.iter().flat_map(Trial::metrics).filter(|metric| seen.insert(*metric)).collect()
}
