//! Queries. Each works on whatever snapshot its connection is in, and changes nothing.

mod calibration;
mod comparison;
mod finding;
mod groups;
mod measurements;
mod runs;
mod series;
mod trials;

pub(super) use calibration::{calibration, calibrations, variants};
pub(super) use comparison::{
    all_blocks, blocks, comparison, comparison_of_run, comparisons, comparisons_of, comparisons_with, verdict_points,
    verdicts,
};
pub(super) use finding::{finding, findings};
pub(super) use groups::{counted, grades};
pub(super) use measurements::{failures, measurements};
use runs::resolve;
pub(super) use runs::{
    all_annotations, annotations, axis, environment, environment_of, environments, latest, listing, progress, runs_of,
    serial,
};
pub(super) use series::{all_series, metrics, scenarios, series};
pub(super) use trials::{
    canary, columns, histograms, timelines, totals, trial_durations, trials, unavailable, unavailable_in,
};
