//! Findings: kept with all that happened to them, and found again.

use super::{comparison_records::*, *};

/// A history with a run that has measured wall time with 5 and with 40 documents.
fn measured() -> (Place, Writer, [i64; 2]) {
    let place = Place::new();
    let mut writer = place.writer();
    for (number, id) in [(1, "aaaaaaaaaaaa"), (2, "bbbbbbbbbbbb")] {
        let run = writer.open_run(&RunStart { environment: environment(id), ..start(number) }).unwrap().id;
        let numbers = [5, 40].map(|documents| measurement(documents, Metric::WALL_TIME, 1.0, Grade::Sound));
        writer.record_measurements(run, &numbers).unwrap();
    }
    let series = [5, 40].map(|documents| series_of(&place, documents));
    (place, writer, series)
}

#[test]
fn a_finding_comes_back_with_all_that_happened() {
    let (place, mut writer, [small, large]) = measured();
    let mut series = vec![
        change(large, 40, Metric::WALL_TIME),
        SeriesChange { interval: None, ..change(small, 5, Metric::WALL_TIME) },
    ];
    let found = event(1000, FindingState::New, None);
    // The revision before need not be one that was measured.
    let id = writer.new_finding("aaaaaaaaaaaa", Some(&revision(7)), &revision(9), &series, &found).unwrap();
    let mut expected = Finding {
        id,
        environment: "aaaaaaaaaaaa".into(),
        after: Some(revision(7)),
        at: revision(9),
        state: FindingState::New,
        found_at: UnixMillis(1000),
        series: series.clone(),
        events: vec![found],
    };
    let reader = place.reader();
    assert_eq!(reader.finding(id).unwrap(), Some(expected.clone()));
    assert_eq!(reader.finding(FindingId(id.0 + 1)).unwrap(), None);

    series.remove(0);
    series[0].confirmed = true;
    writer.set_finding(id, None, &revision(8), &series).unwrap();
    expected = Finding { after: None, at: revision(8), series, ..expected };
    assert_eq!(reader.finding(id).unwrap(), Some(expected.clone()));

    // Clocks go back, and people say the same twice: what was told last counts.
    for (at, state, person) in [
        (2000, FindingState::Confirmed, None),
        (1500, FindingState::Acknowledged, Some("Ada <ada@example.org>")),
        (1500, FindingState::Acknowledged, Some("Ada <ada@example.org>")),
        (900, FindingState::Noise, None),
        (3000, FindingState::Resolved, None),
    ] {
        let event = event(at, state, person);
        writer.finding_event(id, &event).unwrap();
        expected.state = state;
        expected.events.push(event);
        assert_eq!(reader.finding(id).unwrap(), Some(expected.clone()));
    }
    writer.set_finding(id, None, &revision(8), &[]).unwrap();
    expected.series.clear();
    assert_eq!(reader.finding(id).unwrap(), Some(expected));
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn findings_are_found_by_environment_and_state() {
    let (place, mut writer, _) = measured();
    let mut found = Vec::new();
    for (number, (environment, position, state)) in [
        ("aaaaaaaaaaaa", 5, FindingState::New),
        ("bbbbbbbbbbbb", 9, FindingState::New),
        ("aaaaaaaaaaaa", 9, FindingState::Resolved),
        ("aaaaaaaaaaaa", 5, FindingState::Confirmed),
        ("aaaaaaaaaaaa", 7, FindingState::New),
    ]
    .into_iter()
    .enumerate()
    {
        let at = revision(position);
        let id = writer.new_finding(environment, None, &at, &[], &event(number as i64, state, None)).unwrap();
        found.push((id, environment, position, state));
    }
    let reader = place.reader();
    let some = [FindingState::Confirmed, FindingState::New, FindingState::New];
    for environment in [None, Some("aaaaaaaaaaaa"), Some("bbbbbbbbbbbb"), Some("cccccccccccc")] {
        for states in [&FindingState::ALL[..], &some, &[FindingState::Noise], &[]] {
            let mut expected: Vec<_> = found
                .iter()
                .filter(|(_, place, _, state)| environment.is_none_or(|id| id == *place) && states.contains(state))
                .map(|(id, _, position, _)| (std::cmp::Reverse(*position), std::cmp::Reverse(*id)))
                .collect();
            expected.sort_unstable();
            let ids: Vec<_> = reader.findings(environment, states).unwrap().iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected.iter().map(|(_, id)| id.0).collect::<Vec<_>>(), "{environment:?} {states:?}");
        }
    }
}

#[test]
fn a_finding_that_makes_no_sense_is_refused_and_leaves_nothing() {
    let (place, mut writer, [small, large]) = measured();
    let told = event(1, FindingState::New, None);
    let whole = change(small, 5, Metric::WALL_TIME);
    let id = writer.new_finding("aaaaaaaaaaaa", None, &revision(1), std::slice::from_ref(&whole), &told).unwrap();
    let elsewhere = place.reader().series("sync/upload", Metric::WALL_TIME, "bbbbbbbbbbbb").unwrap()[0].id;
    for (wrong, why) in [
        (SeriesChange { series: 999, ..whole.clone() }, "there is no such series"),
        (SeriesChange { series: large, ..whole.clone() }, "documents=40"),
        (SeriesChange { series: elsewhere, ..whole.clone() }, "on bbbbbbbbbbbb"),
        (SeriesChange { metric: Metric::of(Role::Client, Quantity::CpuTime), ..whole.clone() }, "that is wall_time"),
        (SeriesChange { ratio: 0.0, ..whole.clone() }, "its ratio is 0"),
        (SeriesChange { ratio: f64::INFINITY, ..whole.clone() }, "its ratio is inf"),
        (SeriesChange { gain: f64::NAN, ..whole.clone() }, "what it gains is NaN"),
        (SeriesChange { penalty: -1.0, ..whole.clone() }, "its penalty is -1"),
        (whole.clone(), "listed twice"),
    ] {
        let both = [whole.clone(), wrong];
        invalid(writer.new_finding("aaaaaaaaaaaa", None, &revision(2), &both, &told), why);
        invalid(writer.set_finding(id, None, &revision(2), &both), why);
    }
    invalid(writer.new_finding("cccccccccccc", None, &revision(2), &[], &told), "no environment `cccccccccccc`");
    for (wrong, why) in [
        (event(1, FindingState::Noise, Some("")), "1 to 200"),
        (event(1, FindingState::Noise, Some(&"x".repeat(201))), "201 characters"),
        (FindingEvent { reason: "x".repeat(4097), ..told.clone() }, "4097 bytes"),
    ] {
        invalid(writer.new_finding("aaaaaaaaaaaa", None, &revision(2), &[], &wrong), why);
        invalid(writer.finding_event(id, &wrong), why);
    }
    for outcome in
        [writer.finding_event(FindingId(99), &told), writer.set_finding(FindingId(99), None, &revision(1), &[])]
    {
        assert!(matches!(outcome, Err(HistoryError::UnknownFinding { finding: FindingId(99) })), "{outcome:?}");
    }
    let all = place.reader().findings(None, &FindingState::ALL).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].at.position, &all[0].series, &all[0].events), (1, &vec![whole], &vec![told]));
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}
