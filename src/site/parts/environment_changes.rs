//! What changed around a graph's points: the kernel, the toolchain and whatever else is noted beside a run without splitting
//! series. A fact that a run does not tell is passed over, never taken for a change.

use std::collections::BTreeMap;

use serde::Serialize;

use super::graph::History;
use crate::{
    history::Reader,
    model::{Annotation, RunId},
    site::http::error::PageError,
};

/// So many changes are told in words, the newest.
const MOST_TOLD: usize = 6;

/// A fact that is another one since a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shift {
    /// Place of the run on the axis.
    #[serde(skip)]
    pub(crate) place: usize,
    /// The first run with the new value.
    pub(crate) run: RunId,
    /// Its revision.
    pub(crate) revision: String,
    /// Such as `kernel`.
    pub(crate) name: String,
    /// What it was in the last run before that told it.
    pub(crate) from: String,
    /// What it is.
    pub(crate) to: String,
}

impl Shift {
    /// As people read it: `kernel 6.1 → 6.12`.
    pub(crate) fn text(&self) -> String {
        format!("{} {} → {}", self.name, self.from, self.to)
    }
}

/// The changes along a graph's axis, the oldest first.
pub(crate) fn shifts(reader: &Reader, history: &History) -> Result<Vec<Shift>, PageError> {
    let mut noted: BTreeMap<RunId, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for (run, Annotation { name, value }) in reader.annotations(&history.environment)? {
        noted.entry(run).or_default().entry(name).or_default().push(value);
    }
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut shifts = Vec::new();
    for (place, listing) in history.axis.iter().enumerate() {
        for (name, values) in noted.remove(&listing.run.id).unwrap_or_default() {
            // A run that was continued after an update has both values.
            let before = known.insert(name.clone(), values.clone());
            let Some(before) = before.filter(|before| before.last() != values.last()) else { continue };
            shifts.push(Shift {
                place,
                run: listing.run.id,
                revision: listing.run.revision.id.clone(),
                name,
                from: before.join(", "),
                to: values.join(", "),
            });
        }
    }
    Ok(shifts)
}

/// The newest changes in words, for those who do not see the graph.
pub(crate) fn told(shifts: &[Shift]) -> String {
    let newest = &shifts[shifts.len().saturating_sub(MOST_TOLD)..];
    let each = newest.chunk_by(|a, b| a.place == b.place).map(|together| {
        let texts: Vec<String> = together.iter().map(Shift::text).collect();
        let since =
            together.first().map(|shift| shift.revision.get(..8).unwrap_or(&shift.revision)).unwrap_or_default();
        format!("Since {since}: {}.", texts.join(", "))
    });
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_at_one_place_are_told_together() {
        let shift = |place, name: &str| Shift {
            place,
            run: RunId(1),
            revision: format!("{place:040}"),
            name: name.into(),
            from: "1".into(),
            to: "2".into(),
        };
        let all = [shift(1, "kernel"), shift(1, "smt"), shift(3, "governor")];
        assert_eq!(told(&all), "Since 00000000: kernel 1 → 2, smt 1 → 2. Since 00000000: governor 1 → 2.");
        assert_eq!(told(&[]), "");
    }
}
