//! What is seen in history now, held against the findings that it holds: which stay, which are new, believed, gone or
//! over. What a person said is never overruled, and nothing is deleted.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::FoundChange;
use crate::model::{Finding, FindingEvent, FindingId, FindingState, Revision, SeriesChange, UnixMillis};
use crate::stats::NEARBY;

/// How far, in places on the axis, a change may have been moved by a person from where it is seen.
const MOVED_BY: usize = 3 * NEARBY;

/// The fewest revisions before a change that is seen.
const BEFORE: usize = 3;

/// The reason of an event by which a person moved a finding begins with this; see [`moved`].
const MOVED: &str = "moved to ";

/// Series named in a reason before the rest is counted.
const NAMED: usize = 3;

/// What to change in the history.
#[derive(Debug, Clone, PartialEq)]
pub enum FindingUpdate {
    /// A change that no finding stands for.
    New {
        /// The last revision before it.
        after: Option<Revision>,
        /// The first that shows it.
        at: Revision,
        /// `New` or `Confirmed`.
        state: FindingState,
        /// The series that change.
        series: Vec<SeriesChange>,
        /// Why, in plain English, for its first event.
        reason: String,
    },
    /// A finding whose place or series are told anew. No series where it is no longer seen.
    Seen {
        /// Which.
        id: FindingId,
        /// The series that change there now.
        series: Vec<SeriesChange>,
        /// The last revision before it.
        after: Option<Revision>,
        /// The first that shows it.
        at: Revision,
    },
    /// What happened to a finding.
    Event {
        /// To which.
        id: FindingId,
        /// What happened.
        event: FindingEvent,
    },
}

/// The event by which a person moves a finding, which keeps its state. The finding's place is the caller's to set.
pub fn moved(finding: &Finding, to: &Revision, person: &str, why: &str, now: UnixMillis) -> FindingEvent {
    let reason = format!("{MOVED}{}: {why}", to.short());
    FindingEvent { at: now, state: finding.state, person: Some(person.to_owned()), reason }
}

/// Reconciles what is seen now with the findings of the same environment that the history holds, in whatever state.
/// `axis` are the measured revisions that `seen` was made from. Findings whose place is not on it, or too near to its
/// beginning to be seen, stay as they are.
///
/// - A finding and a change are the same when they share a series and lie within 10 places of each other (30 for one that
///   a person moved), the nearest first.
/// - One that is no longer seen becomes noise, and comes back when it is seen again.
/// - One is resolved when each of its series has confirmed later changes that bring its level back: what is left of the
///   change lies within a quarter of it, or within the intervals.
/// - Acknowledged findings, and those whose state a person chose last, keep it; a finding that a person moved keeps its
///   place.
pub fn reconcile(known: &[Finding], seen: &[FoundChange], axis: &[Revision], now: UnixMillis) -> Vec<FindingUpdate> {
    let places: BTreeMap<&str, usize> =
        axis.iter().enumerate().map(|(place, revision)| (revision.id.as_str(), place)).collect();
    let place = |finding: &Finding| places.get(finding.at.id.as_str()).copied();
    let pairs = pairs(known, seen, place);
    let mut updates = Vec::new();
    for (index, finding) in known.iter().enumerate() {
        let event = match pairs.get(&index) {
            Some(found) => {
                updates.extend(told_anew(finding, &seen[*found], axis));
                state_of_seen(finding, &seen[*found], seen)
            }
            None if place(finding).is_some_and(|place| place >= BEFORE) => {
                updates.extend(no_longer_told(finding));
                state_of_unseen(finding)
            }
            None => None,
        };
        updates.extend(event.map(|(state, reason)| FindingUpdate::Event {
            id: finding.id,
            event: FindingEvent { at: now, state, person: None, reason },
        }));
    }
    let matched: BTreeSet<usize> = pairs.into_values().collect();
    let unknown = seen.iter().enumerate().filter(|(index, _)| !matched.contains(index));
    updates.extend(unknown.filter_map(|(_, found)| new_finding(found, axis)));
    updates
}

/// Which finding stands for which change: by the least distance, then by the most series in common, then by age.
fn pairs(known: &[Finding], seen: &[FoundChange], place: impl Fn(&Finding) -> Option<usize>) -> BTreeMap<usize, usize> {
    let mut possible = Vec::new();
    for (index, finding) in known.iter().enumerate() {
        let Some(place) = place(finding) else { continue };
        let most = if is_moved(finding) { MOVED_BY } else { NEARBY };
        for (found, change) in seen.iter().enumerate() {
            let distance = place.abs_diff(change.at);
            let shared = shared(finding, change);
            if distance == 0 || shared > 0 && distance <= most {
                possible.push((distance, std::cmp::Reverse(shared), index, found));
            }
        }
    }
    possible.sort_unstable();
    let mut pairs = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (_, _, index, found) in possible {
        if !pairs.contains_key(&index) && taken.insert(found) {
            pairs.insert(index, found);
        }
    }
    pairs
}

/// Series that both have. A finding that is no longer seen has forgotten its own, and may be any.
fn shared(finding: &Finding, change: &FoundChange) -> usize {
    if finding.series.is_empty() {
        return 1;
    }
    change.series.iter().filter(|change| finding.series.iter().any(|known| known.series == change.series)).count()
}

fn is_moved(finding: &Finding) -> bool {
    finding.events.iter().any(|event| event.person.is_some() && event.reason.starts_with(MOVED))
}

/// Whether a person chose its state last. Moving is no choice of a state.
fn is_chosen(finding: &Finding) -> bool {
    let mut chosen = finding.state == FindingState::Acknowledged;
    if let Some(last) = finding.events.iter().rev().find(|event| !event.reason.starts_with(MOVED)) {
        chosen |= last.person.is_some();
    }
    chosen
}

fn told_anew(finding: &Finding, found: &FoundChange, axis: &[Revision]) -> Option<FindingUpdate> {
    let (after, at) = if is_moved(finding) {
        (finding.after.clone(), finding.at.clone())
    } else {
        (found.after.and_then(|after| axis.get(after)).cloned(), axis.get(found.at)?.clone())
    };
    let same = finding.series == found.series && finding.after == after && finding.at == at;
    (!same).then(|| FindingUpdate::Seen { id: finding.id, series: found.series.clone(), after, at })
}

/// What a person acknowledged is kept as it was acknowledged.
fn no_longer_told(finding: &Finding) -> Option<FindingUpdate> {
    let (after, at) = (finding.after.clone(), finding.at.clone());
    let told = !finding.series.is_empty() && !is_chosen(finding);
    told.then(|| FindingUpdate::Seen { id: finding.id, series: Vec::new(), after, at })
}

fn state_of_unseen(finding: &Finding) -> Option<(FindingState, String)> {
    let stays = finding.state == FindingState::Noise || is_chosen(finding);
    (!stays).then(|| (FindingState::Noise, "no longer seen with the newest values".to_owned()))
}

fn state_of_seen(finding: &Finding, found: &FoundChange, seen: &[FoundChange]) -> Option<(FindingState, String)> {
    if is_chosen(finding) {
        return None;
    }
    let returned_at = returned(found, seen);
    let (state, reason) = match (finding.state, found.state, returned_at) {
        (FindingState::Resolved, _, true) => return None,
        (_, FindingState::Confirmed, true) => (FindingState::Resolved, "every series is back at its level".to_owned()),
        (FindingState::Resolved, state, false) => (state, "not every series is back at its level".to_owned()),
        (FindingState::Noise, state, _) => (state, format!("seen again: {}", told(&found.series))),
        (FindingState::New, FindingState::Confirmed, _) => {
            (FindingState::Confirmed, format!("enough values follow: {}", told(&found.series)))
        }
        _ => return None,
    };
    Some((state, reason))
}

/// Whether each series of a change is brought back by its confirmed later ones.
fn returned(found: &FoundChange, seen: &[FoundChange]) -> bool {
    found.series.iter().all(|change| {
        let later = seen.iter().filter(|other| other.at > found.at).flat_map(|other| &other.series);
        let later: Vec<&SeriesChange> =
            later.filter(|later| later.series == change.series && later.confirmed).collect();
        let left: f64 = change.ratio.ln() + later.iter().map(|later| later.ratio.ln()).sum::<f64>();
        let doubt = later.iter().map(|later| doubt(later).powi(2)).sum::<f64>() + doubt(change).powi(2);
        !later.is_empty() && left.abs() <= doubt.sqrt().max(change.ratio.ln().abs() / 4.0)
    })
}

/// Half the width of a change's interval, as a logarithm.
fn doubt(change: &SeriesChange) -> f64 {
    change.interval.map_or(0.0, |interval| (interval.high / interval.low).ln() / 2.0)
}

fn new_finding(found: &FoundChange, axis: &[Revision]) -> Option<FindingUpdate> {
    Some(FindingUpdate::New {
        after: found.after.and_then(|after| axis.get(after)).cloned(),
        at: axis.get(found.at)?.clone(),
        state: found.state,
        series: found.series.clone(),
        reason: told(&found.series),
    })
}

/// `wall_time of sync/upload, 1000 × 10 kB: 1.043 × (1.031 … 1.055)`, and how many more.
fn told(series: &[SeriesChange]) -> String {
    let one = |change: &SeriesChange| {
        let interval = change.interval.map_or(String::new(), |i| format!(" ({:.3} … {:.3})", i.low, i.high));
        format!("{} of {}, {}: {:.3} ×{interval}", change.metric, change.case.scenario, change.label.0, change.ratio)
    };
    let mut parts: Vec<String> = series.iter().take(NAMED).map(one).collect();
    if series.len() > NAMED {
        parts.push(format!("{} more series", series.len() - NAMED));
    }
    parts.join("; ")
}
