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
/// The clearest change takes its place; a less clear one of another series joins the nearest place where it may lie.
pub fn changes(lines: &[Line], axis_len: usize) -> Vec<FoundChange> {
    let mut candidates: Vec<Candidate> = lines.iter().flat_map(|line| candidates(line, axis_len)).collect();
    candidates.sort_by(|a, b| b.change.gain.total_cmp(&a.change.gain).then(a.at.cmp(&b.at)));
    let mut found: Vec<FoundChange> = Vec::new();
    for candidate in candidates {
        let joins = |group: &&mut FoundChange| {
            (candidate.earliest..=candidate.latest).contains(&group.at)
                && group.series.iter().all(|change| change.series != candidate.change.series)
        };
        // Of two places as near the clearer one, which comes first.
        match found.iter_mut().filter(joins).min_by_key(|group| group.at.abs_diff(candidate.at)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quantity, Role};

    /// A line with a little deterministic noise of about 0.3% whose level is multiplied at each of some places.
    fn line(series: i64, places: impl Iterator<Item = usize>, steps: &[(usize, f64)]) -> Line {
        let value = |place: usize| {
            let level = steps.iter().filter(|(at, _)| *at <= place).map(|(_, factor)| factor).product::<f64>();
            let mixed = (place as u64 * 37 + series.unsigned_abs() * 101 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            level * 1e6 * (1.0 + 0.01 * ((mixed >> 40) as f64 / (1_u64 << 24) as f64 - 0.5))
        };
        Line {
            series,
            case: Case::plain("sync/upload"),
            label: CaseLabel("1000 × 10 kB".into()),
            metric: Metric::of(Role::Client, Quantity::CpuTime),
            points: places.map(|place| LinePoint { place, value: value(place) }).collect(),
        }
    }

    fn places(found: &[FoundChange]) -> Vec<(Option<usize>, usize)> {
        found.iter().map(|change| (change.after, change.at)).collect()
    }

    #[test]
    fn series_that_change_at_one_place_are_one_change() {
        let lines = [
            line(1, 0..60, &[(30, 1.05)]),
            line(2, 0..60, &[(30, 0.9), (50, 1.2)]),
            line(3, 0..60, &[]),
            line(4, 0..60, &[(32, 1.1)]),
        ];
        let found = changes(&lines, 60);
        assert_eq!(places(&found), [(Some(29), 30), (Some(31), 32), (Some(49), 50)]);
        let series = |change: &FoundChange| change.series.iter().map(|change| change.series).collect::<Vec<_>>();
        assert_eq!(found.iter().map(series).collect::<Vec<_>>(), [vec![2, 1], vec![4], vec![2]]);
        assert!(found.iter().all(|change| change.state == FindingState::Confirmed));
        assert!((found[0].series[1].ratio - 1.05).abs() < 0.005, "{:?}", found[0].series[1]);
    }

    #[test]
    fn what_was_not_measured_lies_between() {
        let sparse = line(1, (0..200).step_by(4), &[(101, 1.05)]);
        assert_eq!(places(&changes(&[sparse], 200)), [(Some(100), 104)]);
    }

    #[test]
    fn the_newest_three_points_make_a_new_change() {
        let found = changes(&[line(1, 0..83, &[(80, 1.05)])], 83);
        assert_eq!((found.len(), found[0].state, found[0].series[0].points_after), (1, FindingState::New, 3));
    }

    #[test]
    fn points_that_cannot_be_are_passed_over() {
        let mut odd = line(1, 0..60, &[(30, 1.05)]);
        odd.points.insert(10, LinePoint { place: 2, value: 9.0 });
        odd.points.insert(20, LinePoint { place: 19, value: f64::NAN });
        odd.points.push(LinePoint { place: 60, value: 1.0 });
        assert_eq!(places(&changes(&[odd], 60)), [(Some(29), 30)]);
        assert_eq!(changes(&[], 0), []);
        assert_eq!(changes(&[line(1, 0..2, &[])], 2), []);
    }

    #[test]
    fn counts_that_rise_from_zero_have_a_ratio_that_can_be_kept() {
        let mut counts = line(1, 0..60, &[]);
        for point in &mut counts.points {
            point.value = if point.place < 30 { 0.0 } else { 3.0 };
        }
        let found = changes(&[counts], 60);
        assert_eq!((found[0].at, found[0].series[0].ratio, found[0].series[0].interval), (30, f64::MAX, None));
    }
}
