//! Queries. Each works on whatever snapshot its connection is in, and changes nothing.

mod calibration;
mod finding;
mod groups;
mod measurements;
mod runs;
mod series;
mod session;
mod trials;

pub(super) use calibration::{arms, calibration, calibrations};
pub(super) use finding::{finding, findings};
pub(super) use groups::{counted, grades};
pub(super) use measurements::{failures, measurements};
use runs::resolve;
pub(super) use runs::{
    all_annotations, annotations, axis, environment, environment_of, environments, latest, listing, progress, runs_of,
    serial,
};
pub(super) use series::{all_series, metrics, scenarios, series};
pub(super) use session::{
    all_blocks, blocks, session, session_of_run, sessions, sessions_of, sessions_with, verdict_points, verdicts,
};
pub(super) use trials::{
    canary, columns, histograms, timelines, totals, trial_durations, trials, unavailable, unavailable_in,
};
