//! From series over an axis of revisions to changes in history: the change points of each series, grouped where several
//! series change at one place. Knows nothing of what was found before: `reconcile` does.

use crate::model::{Case, CaseLabel, FindingState, Interval, Metric, SeriesChange};
use crate::stats::{self, Change, FOLLOWING, LARGEST, LevelScale};

/// One series as the judge sees it: values in first-parent order, missing ones left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Number of the series in the history.
    pub series: i64,
    /// What was measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Which quantity.
    pub metric: Metric,
    /// The values, oldest first. Points that are unusable have no place here.
    pub points: Vec<LinePoint>,
}

/// One value of a [`Line`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinePoint {
    /// Index of its revision on the axis.
    pub place: usize,
    /// The value, in the metric's unit.
    pub value: f64,
}

/// A place at which series change.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundChange {
    /// Index on the axis of the last revision before the change that its clearest series has a value of.
    pub after: Option<usize>,
    /// Index on the axis of the first revision that shows the change.
    pub at: usize,
    /// `Confirmed` as soon as one of the series is, else `New`.
    pub state: FindingState,
    /// The series that change here, the clearest first. Each once.
    pub series: Vec<SeriesChange>,
}

/// A change of one series, with the places between which it lies.
struct Candidate {
    after: usize,
    at: usize,
    /// Where else on the axis it may be.
    earliest: usize,
    latest: usize,
    change: SeriesChange,
}

/// Changes of all lines of one environment, grouped by place, oldest first. `axis_len` is the number of measured
/// revisions; points beyond it, out of order or out of range are passed over.
///
/// The clearest change takes its place; every change of another series that may lie there joins it, the clearer of two
/// places first.
pub fn changes(lines: &[Line], axis_len: usize) -> Vec<FoundChange> {
    let mut candidates: Vec<Candidate> = lines.iter().flat_map(|line| candidates(line, axis_len)).collect();
    candidates.sort_by(|a, b| b.change.gain.total_cmp(&a.change.gain).then(a.at.cmp(&b.at)));
    let mut found: Vec<FoundChange> = Vec::new();
    for candidate in candidates {
        let joins = |group: &&mut FoundChange| {
            (candidate.earliest..=candidate.latest).contains(&group.at)
                && group.series.iter().all(|change| change.series != candidate.change.series)
        };
        match found.iter_mut().find(joins) {
            Some(group) => {
                if candidate.change.confirmed {
                    group.state = FindingState::Confirmed;
                }
                group.series.push(candidate.change);
            }
            None => found.push(FoundChange {
                after: Some(candidate.after),
                at: candidate.at,
                state: if candidate.change.confirmed { FindingState::Confirmed } else { FindingState::New },
                series: vec![candidate.change],
            }),
        }
    }
    found.sort_by_key(|group| group.at);
    found
}

fn candidates(line: &Line, axis_len: usize) -> Vec<Candidate> {
    let points = usable(line, axis_len);
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    // Counts can be zero and have no ratio then.
    let scale = if values.iter().all(|value| *value > 0.0) { LevelScale::Ratio } else { LevelScale::Difference };
    // Values in range are never refused.
    let changes = stats::segments(&values, scale).map_or_else(|_| Vec::new(), |found| found.changes);
    let candidate = |change: Change| Candidate {
        after: points[change.at - 1].place,
        at: points[change.at].place,
        earliest: points[change.at.saturating_sub(change.within)].place,
        latest: points[change.at.saturating_add(change.within).min(points.len() - 1)].place,
        change: series_change(line, scale, &change),
    };
    changes.into_iter().map(candidate).collect()
}

fn usable(line: &Line, axis_len: usize) -> Vec<LinePoint> {
    let mut next = 0;
    let in_order = line.points.iter().filter(|point| {
        let good = (next..axis_len).contains(&point.place) && point.value.abs() <= LARGEST;
        if good {
            next = point.place + 1;
        }
        good
    });
    in_order.copied().collect()
}

fn series_change(line: &Line, scale: LevelScale, change: &Change) -> SeriesChange {
    let count = |points: usize| u32::try_from(points).unwrap_or(u32::MAX);
    SeriesChange {
        series: line.series,
        case: line.case.clone(),
        label: line.label.clone(),
        metric: line.metric,
        ratio: ratio(change.before, change.after),
        interval: interval(scale, change),
        gain: change.gain,
        penalty: change.penalty,
        points_before: count(change.points_before),
        points_after: count(change.points_after),
        confirmed: change.points_after > FOLLOWING,
    }
}

/// Level after over level before. From nothing to something it is the largest number, to nothing the smallest.
fn ratio(before: f64, after: f64) -> f64 {
    let ratio = if before > 0.0 { after / before } else { f64::MAX };
    ratio.clamp(f64::MIN_POSITIVE, f64::MAX)
}

fn interval(scale: LevelScale, change: &Change) -> Option<Interval> {
    let (low, high) = match scale {
        LevelScale::Ratio => (change.interval.low, change.interval.high),
        LevelScale::Difference if change.before > 0.0 => {
            let over = |difference: f64| (change.before + difference) / change.before;
            (over(change.interval.low).max(f64::MIN_POSITIVE), over(change.interval.high))
        }
        LevelScale::Difference => return None,
    };
    (low > 0.0 && high.is_finite()).then_some(Interval { low, high, level: change.interval.level })
}
