//! The checks that a data point must pass before it is reliable. Each check has a figure, a limit, and advice that fits
//! what was found. A check that cannot be made is left out; it never passes silently.
//!
//! `precision` covers how well the number is known, `order` whether it depends on when it was measured, `shape` how the
//! values are distributed, and `undisturbed` what else the machine was doing; `grading` holds what they share. A check
//! warns only about effects large enough to matter, however many samples there are.

mod grading;
mod order;
mod precision;
mod shape;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod undisturbed;

pub(super) use precision::clock_resolved;

use super::series::SeriesTrials;
use crate::model::{Check, CheckName, CheckStatus, Summary};
use crate::stats::FEWEST_TRIALS;

/// Makes the checks that apply to a series, in the order in which pages show them. `wrong` is the number of trials of
/// the case that gave a wrong result, which are not among the series' trials.
pub(super) fn check(series: &SeriesTrials<'_>, summary: &Summary, wrong: usize) -> Vec<Check> {
    let undisturbed = undisturbed::undisturbed(series);
    let disturbed = undisturbed.as_ref().is_some_and(|check| check.status != CheckStatus::Pass);
    [
        Some(verified(series, wrong)),
        Some(enough_trials(summary)),
        precision::precise(series, summary, disturbed),
        order::warmed_up(series),
        order::independent(series),
        shape::unimodal(series),
        shape::outliers(series),
        clock_resolved(series),
        undisturbed,
        undisturbed::low_overhead(series),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether every result was right. A fast wrong result is a wrong result.
fn verified(series: &SeriesTrials<'_>, wrong: usize) -> Check {
    let all = series.trials.len() + wrong;
    let figure = series.trials.len() as f64 / all as f64;
    let status = if wrong == 0 { CheckStatus::Pass } else { CheckStatus::Fail };
    let replay = series.trials.first().map(|trial| trial.case.replay()).unwrap_or_default();
    let advice = format!(
        "{wrong} of {all} trials gave a wrong result. Look at the run's failures before its numbers; `{replay}` performs \
         the case by hand."
    );
    grading::check(CheckName::Verified, status, figure, 1.0, advice)
}

/// Whether there are enough trials for an interval.
fn enough_trials(summary: &Summary) -> Check {
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
    grading::check(CheckName::EnoughTrials, status, f64::from(summary.trials), FEWEST_TRIALS as f64, advice)
}
