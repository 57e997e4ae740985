//! What is looked at before a data point is believed. Each check has its figure, its limit and an advice that fits what
//! was found; where a check cannot be made it is left out, never passed in silence.
//!
//! `precision` asks how well the number is known, `order` whether it depended on when it was measured, `shape` how the
//! values lie, `quiet` what went on beside the subject. What a check warns of has a size that matters, so that a thousand
//! samples do not make a warning of a trifle.

mod order;
mod precision;
mod quiet;
mod shape;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub(super) use precision::resolved;

use super::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Summary, Unit};
use crate::stats::FEWEST_TRIALS;

/// Values that agree within this share of themselves say nothing that a comparison would notice: the margin below which
/// a change is none.
const TRIFLE: f64 = 0.01;

/// Whether chance has a hand in a series by small steps: times and memory. Counts and bytes moved take few values (a page
/// more or less), whose groups and order say nothing.
fn is_gradual(series: &SeriesTrials<'_>) -> bool {
    matches!(series.metric.unit(), Unit::Nanoseconds | Unit::MemoryBytes)
}

/// Makes the checks that apply to a series, in the order in which pages show them. `wrong` is the number of trials of
/// the case that gave a wrong result, which are not among the series' trials.
pub(super) fn check(series: &SeriesTrials<'_>, summary: &Summary, wrong: usize) -> Vec<Check> {
    let quiet = quiet::quiet(series);
    let disturbed = quiet.as_ref().is_some_and(|check| check.status != CheckStatus::Pass);
    [
        Some(verified(series, wrong)),
        Some(enough(summary)),
        precision::precise(series, summary, disturbed),
        order::settled(series),
        order::independent(series),
        shape::unimodal(series),
        shape::outliers(series),
        resolved(series),
        quiet,
        quiet::unobtrusive(series),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every result right. A subject that is fast and wrong is wrong.
fn verified(series: &SeriesTrials<'_>, wrong: usize) -> Check {
    let all = series.trials.len() + wrong;
    let figure = series.trials.len() as f64 / all as f64;
    let status = if wrong == 0 { CheckStatus::Pass } else { CheckStatus::Fail };
    let replay = series.trials.first().map(|trial| trial.case.replay()).unwrap_or_default();
    let advice = format!(
        "{wrong} of {all} trials gave a wrong result. Look at the run's failures before its numbers; `{replay}` performs \
         the case by hand."
    );
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
    let advice = format!(
        "{} {trials} no interval. Measure at least {FEWEST_TRIALS}: raise `trials` in the scenario's `[sampling]`, and look at the run's \
         failures where it planned as many.",
        summary.trials
    );
    judged(CheckName::EnoughTrials, status, f64::from(summary.trials), FEWEST_TRIALS as f64, advice)
}

/// A check that warns beyond its limit and fails beyond another.
fn upwards(name: CheckName, figure: f64, (limit, lost): (f64, f64), advice: String) -> Check {
    let status = match figure {
        _ if figure <= limit => CheckStatus::Pass,
        _ if figure <= lost => CheckStatus::Warn,
        _ => CheckStatus::Fail,
    };
    judged(name, status, figure, limit, advice)
}

/// A check with its advice, which a check that passes does not need.
fn judged(name: CheckName, status: CheckStatus, figure: f64, limit: f64, advice: String) -> Check {
    let advice = if status == CheckStatus::Pass { String::new() } else { advice };
    Check { name, status, figure, limit, advice }
}
