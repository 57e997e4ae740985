//! What changed around a graph's points: the kernel, the toolchain and whatever else is recorded with a run without splitting
//! series. A fact that a run does not record is skipped, never taken for a change.

use std::collections::BTreeMap;

use serde::Serialize;

use super::series_history::SeriesHistory;
use crate::{
    history::Reader,
    model::{Annotation, RunId},
    site::http::error::PageError,
};

/// At most this many changes are described, the newest.
const MOST_TOLD: usize = 6;

/// A recorded setting that changed with a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EnvironmentChange {
    /// Place of the run on the axis.
    #[serde(skip)]
    pub(crate) place: usize,
    /// The first run with the new value.
    pub(crate) run: RunId,
    /// Its revision.
    pub(crate) revision: String,
    /// Such as `kernel`.
    pub(crate) name: String,
    /// The value in the last run before that recorded it.
    pub(crate) from: String,
    /// What it is.
    pub(crate) to: String,
}

impl EnvironmentChange {
    /// As people read it: `kernel 6.1 → 6.12`.
    pub(crate) fn text(&self) -> String {
        format!("{} {} → {}", self.name, self.from, self.to)
    }
}

/// The changes along a graph's axis, the oldest first.
pub(crate) fn read_changes(reader: &Reader, history: &SeriesHistory) -> Result<Vec<EnvironmentChange>, PageError> {
    let mut noted: BTreeMap<RunId, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for (run, Annotation { name, value }) in reader.annotations(&history.environment)? {
        noted.entry(run).or_default().entry(name).or_default().push(value);
    }
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut changes = Vec::new();
    for (place, listing) in history.axis.iter().enumerate() {
        for (name, values) in noted.remove(&listing.run.id).unwrap_or_default() {
            // A run that was continued after an update has both values.
            let before = known.insert(name.clone(), values.clone());
            let Some(before) = before.filter(|before| before.last() != values.last()) else { continue };
            changes.push(EnvironmentChange {
                place,
                run: listing.run.id,
                revision: listing.run.revision.id.clone(),
                name,
                from: before.join(", "),
                to: values.join(", "),
            });
        }
    }
    Ok(changes)
}

/// The newest changes in words, for those who do not see the graph.
pub(crate) fn describe(changes: &[EnvironmentChange]) -> String {
    let newest = &changes[changes.len().saturating_sub(MOST_TOLD)..];
    let each = newest.chunk_by(|a, b| a.place == b.place).map(|together| {
        let texts: Vec<String> = together.iter().map(EnvironmentChange::text).collect();
        let since =
            together.first().map(|change| change.revision.get(..8).unwrap_or(&change.revision)).unwrap_or_default();
        format!("Since {since}: {}.", texts.join(", "))
    });
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_at_one_place_are_told_together() {
        let change = |place, name: &str| EnvironmentChange {
            place,
            run: RunId(1),
            revision: format!("{place:040}"),
            name: name.into(),
            from: "1".into(),
            to: "2".into(),
        };
        let all = [change(1, "kernel"), change(1, "smt"), change(3, "governor")];
        assert_eq!(describe(&all), "Since 00000000: kernel 1 → 2, smt 1 → 2. Since 00000000: governor 1 → 2.");
        assert_eq!(describe(&[]), "");
    }
}
