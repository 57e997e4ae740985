//! What is seen in history now, held against the findings that it holds: which stay, which are new, believed, gone or
//! over. What a person said is never overruled, and nothing is deleted.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::FoundChange;
use crate::model::{
    Finding, FindingEvent, FindingEventKind, FindingId, FindingState, Revision, SeriesChange, UnixMillis,
};
use crate::stats::NEARBY;

/// How far, in places on the axis, a change may have been moved by a person from where it is seen.
const MOVED_BY: usize = 3 * NEARBY;

/// The fewest revisions before a change that is seen.
const BEFORE: usize = 3;

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
    FindingEvent {
        at: now,
        kind: FindingEventKind::Moved { to: to.id.clone() },
        state: finding.state,
        person: Some(person.to_owned()),
        reason: why.to_owned(),
    }
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
            event: FindingEvent { at: now, kind: FindingEventKind::StateChanged, state, person: None, reason },
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
    finding.events.iter().any(|event| event.kind.moved_to().is_some())
}

/// Whether a person chose its state last. Neither a move nor a note chooses a state.
fn is_chosen(finding: &Finding) -> bool {
    let chooses =
        |event: &&FindingEvent| matches!(event.kind, FindingEventKind::Detected | FindingEventKind::StateChanged);
    let last = finding.events.iter().rfind(chooses);
    finding.state == FindingState::Acknowledged || last.is_some_and(|event| event.person.is_some())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Case, CaseLabel, Interval, Metric, RevisionKind, Values};

    const NOW: UnixMillis = UnixMillis(77);

    fn axis() -> Vec<Revision> {
        let id = |place: u64| format!("{place:040x}");
        let revision = |place: u64| Revision {
            id: id(place),
            kind: RevisionKind::Commit,
            commit: id(place),
            parent: None,
            tree: id(place),
            title: String::new(),
            committed_at: UnixMillis(0),
            position: place,
        };
        (0..100).map(revision).collect()
    }

    fn change(series: i64, ratio: f64) -> SeriesChange {
        SeriesChange {
            series,
            case: Case {
                scenario: "sync/upload".into(),
                version: 1,
                operation: "sync/upload".into(),
                parameters: Values::new(),
                configuration: Values::new(),
            },
            label: CaseLabel("10 kB".into()),
            metric: Metric::WALL_TIME,
            ratio,
            interval: Some(Interval { low: ratio * 0.995, high: ratio * 1.005, level: 0.95 }),
            gain: 50.0,
            penalty: 20.0,
            points_before: 20,
            points_after: 20,
            confirmed: true,
        }
    }

    fn seen(at: usize, state: FindingState, series: &[(i64, f64)]) -> FoundChange {
        let series = series.iter().map(|(series, ratio)| change(*series, *ratio)).collect();
        FoundChange { after: Some(at - 1), at, state, series }
    }

    /// A finding with the states that it went through, each with who chose it.
    fn finding(at: usize, series: &[(i64, f64)], states: &[(FindingState, Option<&str>)]) -> Finding {
        let event = |(state, person): &(FindingState, Option<&str>)| FindingEvent {
            at: UnixMillis(1),
            kind: FindingEventKind::StateChanged,
            state: *state,
            person: person.map(str::to_owned),
            reason: "because".into(),
        };
        Finding {
            id: FindingId(1),
            environment: "e".into(),
            after: Some(axis()[at - 1].clone()),
            at: axis()[at].clone(),
            state: states.last().unwrap().0,
            found_at: UnixMillis(1),
            series: series.iter().map(|(series, ratio)| change(*series, *ratio)).collect(),
            events: states.iter().map(event).collect(),
        }
    }

    /// What happens to the one finding: the state it gets, if any, and the place it is told at, if anew.
    fn outcome(known: &Finding, seen: &[FoundChange]) -> (Option<FindingState>, Option<u64>) {
        let updates = reconcile(std::slice::from_ref(known), seen, &axis(), NOW);
        let state = updates.iter().find_map(|update| match update {
            FindingUpdate::Event { event, .. } => Some(event.state),
            _ => None,
        });
        let place = updates.iter().find_map(|update| match update {
            FindingUpdate::Seen { at, .. } => Some(at.position),
            _ => None,
        });
        (state, place)
    }

    use FindingState::{Acknowledged, Confirmed, New, Noise, Resolved};

    #[test]
    fn what_nobody_knows_is_new() {
        let found = [seen(40, New, &[(1, 1.05), (2, 1.1), (3, 1.2), (4, 1.3)])];
        let updates = reconcile(&[], &found, &axis(), NOW);
        let [FindingUpdate::New { after: Some(after), at, state: New, series, reason }] = &updates[..] else {
            panic!("{updates:?}")
        };
        assert_eq!((after.position, at.position, series.len()), (39, 40, 4));
        assert!(reason.starts_with("wall_time of sync/upload, 10 kB: 1.050 × (1.045 … 1.055); "), "{reason}");
        assert!(reason.ends_with("; 1 more series"), "{reason}");
    }

    #[test]
    fn the_platform_changes_its_own_mind() {
        let by_itself = |states: &[FindingState]| {
            let states: Vec<_> = states.iter().map(|state| (*state, None)).collect();
            finding(40, &[(1, 1.05)], &states)
        };
        let here = |state| seen(40, state, &[(1, 1.05)]);
        let back = seen(60, Confirmed, &[(1, 1.0 / 1.05)]);
        for (known, seen, expected) in [
            (by_itself(&[New]), vec![here(New)], None),
            (by_itself(&[New]), vec![here(Confirmed)], Some(Confirmed)),
            (by_itself(&[New]), vec![], Some(Noise)),
            (by_itself(&[New, Confirmed]), vec![], Some(Noise)),
            (by_itself(&[New, Confirmed]), vec![here(New)], None),
            (by_itself(&[New, Noise]), vec![], None),
            (by_itself(&[New, Noise]), vec![here(New)], Some(New)),
            (by_itself(&[New, Confirmed]), vec![here(Confirmed), back.clone()], Some(Resolved)),
            (by_itself(&[New, Resolved]), vec![here(Confirmed), back], None),
            (by_itself(&[New, Resolved]), vec![here(Confirmed)], Some(Confirmed)),
        ] {
            assert_eq!(outcome(&known, &seen).0, expected, "{:?} {seen:?}", known.state);
        }
    }

    #[test]
    fn a_level_returns_only_when_every_series_does() {
        let known = finding(40, &[(1, 1.05), (2, 1.2)], &[(Confirmed, None)]);
        let here = seen(40, Confirmed, &[(1, 1.05), (2, 1.2)]);
        let half = seen(60, Confirmed, &[(1, 1.0 / 1.05)]);
        assert_eq!(outcome(&known, &[here.clone(), half.clone()]).0, None);
        let in_two_steps = [seen(70, Confirmed, &[(2, 0.9)]), seen(80, Confirmed, &[(2, 0.93)])];
        let all = [&[here, half], &in_two_steps[..]].concat();
        assert_eq!(outcome(&known, &all).0, Some(Resolved));
    }

    #[test]
    fn what_a_person_said_stays() {
        let back = seen(60, Confirmed, &[(1, 1.0 / 1.05)]);
        for state in [Acknowledged, Noise, Confirmed, Resolved] {
            let known = finding(40, &[(1, 1.05)], &[(New, None), (state, Some("ada"))]);
            for now in
                [vec![], vec![seen(40, Confirmed, &[(1, 1.05)])], vec![seen(40, New, &[(1, 1.05)]), back.clone()]]
            {
                assert_eq!(outcome(&known, &now).0, None, "{state:?} {now:?}");
            }
            assert_eq!(outcome(&known, &[]).1, None, "what was acknowledged is not forgotten");
        }
    }

    #[test]
    fn late_data_move_a_finding_but_not_one_that_a_person_moved() {
        let mut known = finding(40, &[(1, 1.05)], &[(Confirmed, None)]);
        assert_eq!(outcome(&known, &[seen(43, Confirmed, &[(1, 1.04)])]), (None, Some(43)));
        assert_eq!(outcome(&known, &[seen(43, Confirmed, &[(2, 1.04)])]).0, Some(Noise), "another series is another");
        let same = outcome(&known, &[seen(40, Confirmed, &[(1, 1.05)])]);
        assert_eq!(same, (None, None), "nothing is written where nothing changed");
        let event = moved(&known, &axis()[55], "ada", "the flag was turned on here", NOW);
        assert_eq!(event.state, Confirmed);
        known.events.push(event);
        known.at = axis()[55].clone();
        assert_eq!(outcome(&known, &[seen(43, Confirmed, &[(1, 1.04)])]), (None, Some(55)));
        assert_eq!(outcome(&known, &[]).0, Some(Noise), "moving is no word about whether it is there");
    }

    #[test]
    fn neither_a_note_nor_the_words_of_a_move_decide() {
        let mut known = finding(40, &[(1, 1.05)], &[(New, None)]);
        let note = FindingEvent {
            kind: FindingEventKind::Note,
            person: Some("ada".into()),
            reason: "moved to another desk".into(),
            ..known.events[0].clone()
        };
        known.events.push(note);
        assert_eq!(outcome(&known, &[seen(43, Confirmed, &[(1, 1.04)])]), (Some(Confirmed), Some(43)));
    }

    #[test]
    fn each_change_has_one_finding_the_nearest() {
        let mut other = finding(47, &[(1, 1.05)], &[(Confirmed, None)]);
        other.id = FindingId(2);
        let known = [finding(40, &[(1, 1.05)], &[(Confirmed, None)]), other];
        let now = [seen(46, Confirmed, &[(1, 1.05)])];
        let updates = reconcile(&known, &now, &axis(), NOW);
        let told = |id: i64| {
            updates.iter().filter(move |update| match update {
                FindingUpdate::Seen { id: of, .. } | FindingUpdate::Event { id: of, .. } => *of == FindingId(id),
                FindingUpdate::New { .. } => false,
            })
        };
        assert!(matches!(told(2).next(), Some(FindingUpdate::Seen { at, .. }) if at.position == 46));
        assert!(told(1).any(|update| matches!(update, FindingUpdate::Event { event, .. } if event.state == Noise)));
        assert_eq!(updates.len(), 3, "{updates:?}");
    }

    #[test]
    fn what_cannot_be_seen_from_here_stays() {
        let mut elsewhere = finding(40, &[(1, 1.05)], &[(Confirmed, None)]);
        elsewhere.at.id = "f".repeat(40);
        assert_eq!(reconcile(&[elsewhere], &[], &axis(), NOW), []);
        assert_eq!(reconcile(&[finding(2, &[(1, 1.05)], &[(Confirmed, None)])], &[], &axis(), NOW), []);
    }
}
