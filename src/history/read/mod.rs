//! Queries. Each works on whatever snapshot its connection is in, and changes nothing.

mod measurements;
mod runs;
mod series;
mod trials;

pub(super) use measurements::{failures, measurements};
pub(super) use runs::{
    annotations, axis, environment, environment_of, environments, latest, listing, progress, runs_of, serial,
};
pub(super) use series::{metrics, scenarios, series};
pub(super) use trials::{columns, reactor, timelines, totals, trials};
