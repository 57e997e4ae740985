//! Which metrics a run or a case does not have, and why. Shown by `missing.html`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Metric, Unavailable};

/// Metrics that could not be had for one reason.
pub(crate) struct MissingMetrics {
    pub(crate) reason: String,
    /// Their names, separated by commas.
    pub(crate) metrics: String,
}

/// What was missing anywhere, by reason.
pub(crate) fn group_by_reason<'u>(unavailable: impl Iterator<Item = &'u Unavailable>) -> Vec<MissingMetrics> {
    let mut by_reason: BTreeMap<&str, BTreeSet<Metric>> = BTreeMap::new();
    for Unavailable { metric, reason } in unavailable {
        by_reason.entry(reason).or_default().insert(*metric);
    }
    let line = |(reason, metrics): (&str, BTreeSet<Metric>)| MissingMetrics {
        reason: reason.to_owned(),
        metrics: metrics.iter().map(Metric::to_string).collect::<Vec<_>>().join(", "),
    };
    by_reason.into_iter().map(line).collect()
}
