//! Tests of the checks together, and what the tests of each share.

use super::super::fixture::{self, trial};
use super::super::summary::summarise;
use super::*;
use crate::model::{Conditions, Metric, Quantity, Role, Trial};
use CheckStatus::{Fail, Pass, Warn};

pub(super) fn checks(trials: &[Trial], metric: Metric) -> Vec<Check> {
    let series = SeriesTrials::of(trials, metric).unwrap();
    check(&series, &summarise(&series).unwrap(), 0)
}

pub(super) fn one(trials: &[Trial], name: CheckName) -> Check {
    checks(trials, Metric::WALL_TIME).into_iter().find(|check| check.name == name).unwrap()
}

/// Trials whose medians are as given.
pub(super) fn trials(medians: &[u64]) -> Vec<Trial> {
    (0..).zip(medians).map(|(index, median)| trial(index, &[*median; 3])).collect()
}

/// Six equal trials under conditions.
pub(super) fn under(change: impl Fn(&mut Conditions)) -> Vec<Trial> {
    let mut trials = trials(&[1_000_000; 6]);
    trials.iter_mut().for_each(|trial| change(&mut trial.conditions));
    trials
}

#[test]
fn each_metric_gets_the_checks_that_apply() {
    use CheckName::{
        ClockResolved, EnoughTrials, Independent, LowOverhead, Precise, Undisturbed, Unimodal, Verified, WarmedUp,
    };
    let names =
        |trials: &[Trial], metric| checks(trials, metric).iter().map(|check| check.name).collect::<Vec<CheckName>>();
    let equal = trials(&[1_000_000; 6]);
    assert_eq!(
        names(&equal, Metric::WALL_TIME),
        [Verified, EnoughTrials, Precise, WarmedUp, ClockResolved, Undisturbed, LowOverhead]
    );
    assert_eq!(names(&equal, fixture::PEAK), [Verified, EnoughTrials, Precise]);

    let levels = [7, 2, 9, 4, 1, 8, 3, 6, 5, 2, 7, 4];
    let varied = (0..).zip(levels).map(|(index, level)| {
        let samples = [3, 1, 4, 1, 5].map(|sample| 10_000 * (100 + sample + level));
        let mut varied = trial(index, &samples);
        varied.totals[0].value += level << 14;
        varied
    });
    let mut varied: Vec<Trial> = varied.collect();
    assert_eq!(names(&varied, Metric::WALL_TIME), CheckName::ALL);
    assert_eq!(names(&varied, fixture::PEAK), [Verified, EnoughTrials, Precise, Independent, Unimodal]);
    let calls = Metric::of(Role::Client, Quantity::ReadCalls);
    varied.iter_mut().for_each(|trial| trial.columns[0].metric = calls);
    assert_eq!(names(&varied, calls), [Verified, EnoughTrials]);
    let bytes = Metric::of(Role::Client, Quantity::BytesWritten);
    varied.iter_mut().for_each(|trial| trial.columns[0].metric = bytes);
    assert_eq!(names(&varied, bytes), [Verified, EnoughTrials, Precise, WarmedUp]);
}

#[test]
fn sound_data_needs_no_advice() {
    for check in checks(&trials(&[1_000_000, 1_001_000, 999_000, 1_002_000, 1_000_000, 998_000]), Metric::WALL_TIME) {
        assert_eq!((check.status, check.advice.as_str()), (Pass, ""), "{:?}", check.name);
    }
}

#[test]
fn enough_counts_trials() {
    for (count, status) in [(1, Fail), (2, Warn), (5, Warn), (6, Pass), (30, Pass)] {
        let check = one(&trials(&vec![1_000_000; count]), CheckName::EnoughTrials);
        assert_eq!((check.status, check.figure, check.limit), (status, count as f64, 6.0));
    }
    assert_eq!(
        one(&trials(&[9]), CheckName::EnoughTrials).advice,
        "1 trial gives no interval. Measure at least 6: raise `trials` in the scenario's `[sampling]`, and look at the run's failures where it planned as many."
    );
    assert!(checks(&trials(&[9; 5]), Metric::WALL_TIME).iter().all(|check| check.name != CheckName::Precise));
}

#[test]
fn verified_counts_trials_with_a_wrong_result() {
    let trials = trials(&[1_000_000; 6]);
    let series = SeriesTrials::of(&trials, Metric::WALL_TIME).unwrap();
    let check = verified(&series, 2);
    assert_eq!((check.status, check.figure, check.limit), (Fail, 0.75, 1.0));
    assert!(check.advice.starts_with("2 of 8 trials gave a wrong result."));
    assert!(check.advice.contains("`benchline replay '"), "{}", check.advice);
}
