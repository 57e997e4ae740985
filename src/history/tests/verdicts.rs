//! Verdicts: kept, replaced, counted, and put on graphs.

use super::{comparison_records::*, *};
use crate::history::VerdictPoint;

const CPU: Metric = Metric::of(Role::Client, Quantity::CpuTime);

/// A comparison of two new runs.
fn comparison(writer: &mut Writer, base: u64, head: u64) -> (ComparisonId, RunId) {
    let runs = pair(writer, base, head);
    (writer.open_comparison(&comparison_start(runs)).unwrap().id, runs.1)
}

#[test]
fn verdicts_come_back_in_order_and_are_replaced() {
    let place = Place::new();
    let mut writer = place.writer();
    let (id, _) = comparison(&mut writer, 1, 2);
    let (other, _) = comparison(&mut writer, 2, 3);
    let worse = verdict(40, Metric::WALL_TIME, VerdictKind::Worse);
    let better = Verdict {
        stage: Some(Stage::First),
        blocks_needed: Some(0),
        p: Some(0.0),
        reason: "é".repeat(2048),
        ..verdict(5, CPU, VerdictKind::Better)
    };
    let nothing = unmeasured(5, Metric::WALL_TIME);
    let older = Verdict { operation_version: 2, ..verdict(5, CPU, VerdictKind::Unusable) };
    writer
        .record_verdicts(id, &[worse.clone(), better.clone(), nothing.clone(), older.clone()], UnixMillis(7))
        .unwrap();
    let reader = place.reader();
    assert_eq!(reader.verdicts(id).unwrap(), [older.clone(), nothing.clone(), better, worse.clone()]);
    assert_eq!(reader.verdicts(other).unwrap(), []);
    let counts = |reader: &Reader| {
        let listing = reader.comparison(id).unwrap().unwrap();
        [listing.worse, listing.better, listing.equivalent, listing.inconclusive, listing.unusable]
    };
    // What does not decide is not counted.
    assert_eq!(counts(&reader), [1, 1, 0, 0, 1]);

    let again = verdict(5, CPU, VerdictKind::Inconclusive);
    writer.record_verdicts(id, std::slice::from_ref(&again), UnixMillis(8)).unwrap();
    assert_eq!(reader.verdicts(id).unwrap(), [older, nothing, again, worse]);
    assert_eq!(counts(&reader), [1, 0, 0, 1, 1]);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn a_verdict_that_makes_no_sense_is_refused_with_all_beside_it() {
    let place = Place::new();
    let mut writer = place.writer();
    let (id, _) = comparison(&mut writer, 1, 2);
    let whole = verdict(5, Metric::WALL_TIME, VerdictKind::Worse);
    let interval = |low, high, level| Some(Interval { low, high, level });
    let wrong = [
        (Verdict { gate: false, ..whole.clone() }, "no gate series has the verdict worse"),
        (Verdict { stage: None, ..whole.clone() }, "30 blocks and no stage"),
        (Verdict { effect: Some(f64::NAN), ..whole.clone() }, "its effect is NaN"),
        (
            Verdict { interval: interval(f64::NEG_INFINITY, 1.0, 0.9), ..whole.clone() },
            "an end of its interval is -inf",
        ),
        (Verdict { interval: interval(1.0, 0.5, 0.9), ..whole.clone() }, "ends at 0.5 before it starts at 1"),
        (Verdict { interval: interval(1.0, 1.5, 1.0), ..whole.clone() }, "the level of its interval is 1"),
        (Verdict { p: Some(1.0001), ..whole.clone() }, "its p is 1.0001"),
        (Verdict { alpha: Some(0.0), ..whole.clone() }, "its level is 0"),
        (Verdict { margin: -0.01, ..whole.clone() }, "its margin is -0.01"),
        (Verdict { margin: f64::NAN, ..whole.clone() }, "its margin is NaN"),
        (Verdict { resolution: Some(f64::INFINITY), ..whole.clone() }, "its resolution is inf"),
        (Verdict { reason: "x".repeat(4097), ..whole.clone() }, "4097 bytes"),
    ];
    for (wrong, why) in wrong {
        let both = [verdict(40, CPU, VerdictKind::Better), wrong];
        invalid(writer.record_verdicts(id, &both, UnixMillis(7)), why);
    }
    assert_eq!(place.reader().verdicts(id).unwrap(), []);
    let nowhere = writer.record_verdicts(ComparisonId(9), &[whole], UnixMillis(7)).unwrap_err();
    assert!(matches!(nowhere, HistoryError::UnknownComparison { comparison: ComparisonId(9) }), "{nowhere}");
}

#[test]
fn verdicts_are_on_graphs_where_their_heads_are() {
    let place = Place::new();
    let mut writer = place.writer();
    let mut heads = Vec::new();
    for (base, head) in [(3, 1), (1, 2), (2, 1)] {
        let (id, run) = comparison(&mut writer, base, head);
        let both =
            [verdict(40, Metric::WALL_TIME, VerdictKind::Worse), verdict(5, Metric::WALL_TIME, VerdictKind::Better)];
        writer.record_verdicts(id, &both, UnixMillis(7)).unwrap();
        writer.record_verdicts(id, &[verdict(5, CPU, VerdictKind::Unusable)], UnixMillis(7)).unwrap();
        let numbers = [5, 40].map(|documents| measurement(documents, Metric::WALL_TIME, 1.0, Grade::Sound));
        writer.record_measurements(run, &numbers).unwrap();
        heads.push((id, run));
    }
    let reader = place.reader();
    let points = reader.verdict_points("sync/upload", Metric::WALL_TIME, "aaaaaaaaaaaa").unwrap();
    let found: Vec<_> =
        points.iter().map(|point| (point.case.clone(), point.comparison, point.run, point.kind)).collect();
    // The first comparison's head was superseded by the third's, which stands before the second's.
    let [_, second, third] = heads[..] else { unreachable!() };
    let expected = [(5, VerdictKind::Better), (40, VerdictKind::Worse)]
        .map(|(documents, kind)| [third, second].map(|(comparison, run)| (case(documents), comparison, run, kind)));
    assert_eq!(found, expected.concat());
    let VerdictPoint { series, purpose, gate, scale, effect, interval, .. } = points[0].clone();
    let whole = verdict(5, Metric::WALL_TIME, VerdictKind::Better);
    assert_eq!((series, purpose), (series_of(&place, 5), Purpose::Gate));
    assert_eq!((gate, scale, effect, interval), (whole.gate, whole.scale, whole.effect, whole.interval));
    assert_eq!(reader.verdict_points("sync/upload", Metric::WALL_TIME, "bbbbbbbbbbbb").unwrap(), []);
    assert_eq!(reader.verdict_points("sync/upload", CPU, "aaaaaaaaaaaa").unwrap().len(), 2);
    assert_eq!(reader.verdict_points("sync", CPU, "aaaaaaaaaaaa").unwrap(), []);
}
