//! Comparisons: begun, continued, refused, listed; their blocks.

use super::{comparison_records::*, *};
use crate::history::{ComparisonListing, OpenComparison};

#[test]
fn a_comparison_comes_back_with_both_runs() {
    let place = Place::new();
    let mut writer = place.writer();
    let runs = pair(&mut writer, 1, 2);
    let opened = writer.open_comparison(&comparison_start(runs)).unwrap();
    assert_eq!(opened, OpenComparison { id: opened.id, resumed: false, seed: u64::MAX - 1, blocks: vec![] });
    let reader = place.reader();
    let mut expected = ComparisonListing {
        comparison: Comparison {
            id: opened.id,
            base: runs.0,
            head: runs.1,
            purpose: Purpose::Gate,
            identical: false,
            design: design(),
            seed: u64::MAX - 1,
            state: RunState::Running,
            started_at: UnixMillis(1_700_000_300_000),
            finished_at: None,
        },
        base: reader.run(runs.0).unwrap().unwrap(),
        head: reader.run(runs.1).unwrap().unwrap(),
        worse: 0,
        better: 0,
        equivalent: 0,
        inconclusive: 0,
        unusable: 0,
    };
    assert_eq!(reader.comparison(opened.id).unwrap(), Some(expected.clone()));
    assert_eq!(reader.comparison(ComparisonId(opened.id.0 + 1)).unwrap(), None);
    for state in RunState::ALL {
        writer.finish_comparison(opened.id, state, UnixMillis(88)).unwrap();
        expected.comparison.state = state;
        expected.comparison.finished_at = (state != RunState::Running).then_some(UnixMillis(88));
        assert_eq!(reader.comparison(opened.id).unwrap(), Some(expected.clone()));
    }
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn comparisons_are_found_by_their_head() {
    let place = Place::new();
    let mut writer = place.writer();
    let open = |writer: &mut Writer, base, head, purpose| {
        let runs = pair(writer, base, head);
        let start = ComparisonStart { purpose, identical: base == head, ..comparison_start(runs) };
        let comparison = writer.open_comparison(&start).unwrap().id;
        for run in [runs.0, runs.1] {
            writer.finish_run(run, RunState::Finished, UnixMillis(1)).unwrap();
        }
        writer.finish_comparison(comparison, RunState::Finished, UnixMillis(1)).unwrap();
        (comparison, runs)
    };
    let (first, runs) = open(&mut writer, 1, 2, Purpose::Gate);
    let (second, _) = open(&mut writer, 2, 3, Purpose::Gate);
    let (third, _) = open(&mut writer, 1, 3, Purpose::Anchor);
    let (fourth, _) = open(&mut writer, 2, 3, Purpose::Requested);
    let reader = place.reader();
    let ids =
        |listings: Vec<ComparisonListing>| listings.iter().map(|listing| listing.comparison.id).collect::<Vec<_>>();
    assert_eq!(ids(reader.comparisons(10).unwrap()), [fourth, third, second, first]);
    assert_eq!(ids(reader.comparisons(2).unwrap()), [fourth, third]);
    assert_eq!(ids(reader.comparisons_of(&revision(3).id).unwrap()), [fourth, third, second]);
    assert_eq!(ids(reader.comparisons_of(&revision(1).id).unwrap()), []);
    assert_eq!(ids(reader.comparisons_of("0123456").unwrap()), []);
    assert!(matches!(reader.comparisons_of("HEAD"), Err(HistoryError::NotARevision { .. })));
    assert_eq!(reader.comparison_of_run(runs.1).unwrap(), Some(first));
    assert_eq!(reader.comparison_of_run(runs.0).unwrap(), None);
}

#[test]
fn a_comparison_that_was_cut_off_is_continued_as_it_began() {
    let place = Place::new();
    let mut writer = place.writer();
    let runs = pair(&mut writer, 1, 2);
    let comparison = writer.open_comparison(&comparison_start(runs)).unwrap().id;
    // Recorded in another order than that in which they come back.
    let blocks = [
        block(5, Stage::First, 0, 3),
        block(5, Stage::First, 1, 0),
        block(5, Stage::Second, 0, 7),
        block(40, Stage::First, 0, 0),
    ];
    for index in [3, 2, 0, 1] {
        keep_block(&mut writer, comparison, runs, &blocks[index]);
    }
    drop(writer);

    let mut writer = place.writer();
    let again = ComparisonStart { purpose: Purpose::Requested, seed: 5, at: UnixMillis(9), ..comparison_start(runs) };
    assert_eq!(pair(&mut writer, 1, 2), runs);
    let opened = writer.open_comparison(&again).unwrap();
    assert_eq!(opened, OpenComparison { id: comparison, resumed: true, seed: u64::MAX - 1, blocks: blocks.to_vec() });
    writer.finish_comparison(comparison, RunState::Interrupted, UnixMillis(5)).unwrap();
    assert!(writer.open_comparison(&again).unwrap().resumed);
    let reader = place.reader();
    let kept = reader.comparison(comparison).unwrap().unwrap().comparison;
    assert_eq!((kept.purpose, kept.state, kept.finished_at), (Purpose::Gate, RunState::Running, None));
    assert_eq!(kept.started_at, UnixMillis(1_700_000_300_000));

    assert_eq!(reader.blocks(comparison, &case(5).key()).unwrap(), blocks[..3]);
    assert_eq!(reader.blocks(comparison, &case(40).key()).unwrap(), blocks[3..]);
    assert_eq!(reader.blocks(comparison, "sync/upload@1").unwrap(), []);
    assert_eq!(reader.blocks(ComparisonId(99), &case(5).key()).unwrap(), []);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn a_comparison_keeps_the_sizes_of_its_beginning() {
    let place = Place::new();
    let mut writer = place.writer();
    let runs = pair(&mut writer, 1, 2);
    let comparison = writer.open_comparison(&comparison_start(runs)).unwrap().id;
    for other in [
        Design { first_blocks: 11, ..design() },
        Design { second_blocks: 0, ..design() },
        Design { first_alpha: 0.2, ..design() },
        Design { second_alpha: f64::from_bits(design().second_alpha.to_bits() + 1), ..design() },
        Design { budget: 0.02, ..design() },
        Design { gate_series: 251, ..design() },
    ] {
        let error = writer.open_comparison(&ComparisonStart { design: other, ..comparison_start(runs) }).unwrap_err();
        assert!(matches!(&error, HistoryError::OtherDesign { comparison: at, .. } if *at == comparison), "{error}");
        assert!(error.to_string().contains("10+30 blocks at levels 0.1 and 0.0033"), "{error}");
    }
    invalid(
        writer.open_comparison(&ComparisonStart { identical: true, ..comparison_start(runs) }),
        "began with subjects",
    );
    for state in [RunState::Finished, RunState::Unsupported, RunState::BuildFailed] {
        writer.finish_comparison(comparison, state, UnixMillis(5)).unwrap();
        invalid(writer.open_comparison(&comparison_start(runs)), "is over");
        assert_eq!(place.reader().comparison(comparison).unwrap().unwrap().comparison.state, state);
    }
}

#[test]
fn runs_that_cannot_be_compared_are_refused() {
    let place = Place::new();
    let mut writer = place.writer();
    let (base, head) = pair(&mut writer, 1, 2);
    writer.open_comparison(&comparison_start((base, head))).unwrap();
    let alone = writer.open_run(&start(3)).unwrap().id;
    let calibration = writer.open_run(&part(3, Part::Calibration, "base")).unwrap().id;
    let elsewhere = RunStart { environment: environment("bbbbbbbbbbbb"), ..part(3, Part::Head, "base 1") };
    let elsewhere = writer.open_run(&elsewhere).unwrap().id;
    let (other_base, other_head) = pair(&mut writer, 4, 5);
    let mut open = |base, head| writer.open_comparison(&comparison_start((base, head)));
    invalid(open(head, base), "with the part `head` and is used here as the base");
    invalid(open(base, base), "as the head");
    invalid(open(other_base, alone), "with the part `single` and is used here as the head");
    invalid(open(calibration, other_head), "with the part `calibration`");
    invalid(open(other_base, elsewhere), "two machines");
    invalid(open(base, other_head), "in one comparison only");
    invalid(open(other_base, head), "in one comparison only");
    assert!(matches!(open(RunId(99), head), Err(HistoryError::UnknownRun { run: RunId(99) })));
    assert!(matches!(open(base, RunId(99)), Err(HistoryError::UnknownRun { run: RunId(99) })));
    for wrong in [0.0, 1.0, -0.1, 2.0, f64::NAN, f64::INFINITY] {
        for design in [
            Design { first_alpha: wrong, ..design() },
            Design { second_alpha: wrong, ..design() },
            Design { budget: wrong, ..design() },
        ] {
            let start = ComparisonStart { design, ..comparison_start((other_base, other_head)) };
            invalid(writer.open_comparison(&start), "not between 0 and 1");
        }
    }
    assert_eq!(place.reader().comparisons(10).unwrap().len(), 1);
    // One base may be measured anew for each of its children, as soon as the plan tells them apart.
    let (twin, _) = pair(&mut writer, 1, 6);
    assert_ne!(twin, base);
}

#[test]
fn a_block_has_two_trials_that_no_other_block_has() {
    let place = Place::new();
    let mut writer = place.writer();
    let runs = pair(&mut writer, 1, 2);
    let comparison = writer.open_comparison(&comparison_start(runs)).unwrap().id;
    let kept = block(5, Stage::First, 0, 0);
    invalid(writer.record_block(comparison, &kept), "its base, run 1, has no trial 0");
    writer.record_trial(runs.0, &trial(5, 0, 0)).unwrap();
    invalid(writer.record_block(comparison, &kept), "its head, run 2, has no trial 0");
    writer.record_trial(runs.1, &trial(5, 0, 0)).unwrap();
    writer.record_trial(runs.1, &trial(6, 0, 1)).unwrap();
    writer.record_block(comparison, &kept).unwrap();

    for run in [runs.0, runs.1] {
        writer.record_trial(run, &trial(5, 1, 2)).unwrap();
    }
    for twice in
        [kept.clone(), block(5, Stage::First, 0, 1), block(5, Stage::First, 1, 0), block(5, Stage::Second, 0, 0)]
    {
        let error = writer.record_block(comparison, &twice).unwrap_err();
        assert!(matches!(error, HistoryError::DuplicateBlock { .. }), "{error}");
    }
    invalid(writer.record_block(comparison, &block(6, Stage::First, 0, 0)), "its base, run 1, has no trial 0");
    let nowhere = writer.record_block(ComparisonId(9), &kept).unwrap_err();
    assert!(matches!(nowhere, HistoryError::UnknownComparison { comparison: ComparisonId(9) }), "{nowhere}");
    let nowhere = writer.finish_comparison(ComparisonId(9), RunState::Finished, UnixMillis(0)).unwrap_err();
    assert!(matches!(nowhere, HistoryError::UnknownComparison { .. }), "{nowhere}");
    assert_eq!(place.reader().blocks(comparison, &case(5).key()).unwrap(), [kept]);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}
