//! Which run is continued, how runs are found, and the serial.

use std::collections::BTreeSet;

use super::*;
use crate::history::{HistoryError, RunListing};

fn ids(listings: Vec<RunListing>) -> Vec<i64> {
    listings.into_iter().map(|listing| listing.run.id.0).collect()
}

#[test]
fn a_run_that_was_cut_off_is_continued() {
    let place = Place::new();
    let mut writer = place.writer();
    let first = writer.open_run(&start(1)).unwrap();
    assert_eq!((first.resumed, first.next_order), (false, 0));
    assert!(first.done.is_empty() && first.failed.is_empty());
    writer.record_trial(first.id, &trial(10, 0, 0)).unwrap();
    writer.record_trial(first.id, &trial(1000, 0, 4)).unwrap();
    writer.record_failure(first.id, &failure(10, Some(1))).unwrap();
    writer.record_failure(first.id, &failure(7, None)).unwrap();
    writer.record_failure(first.id, &Failure { case: None, ..failure(7, None) }).unwrap();
    drop(writer);

    let mut writer = place.writer();
    let again = writer.open_run(&start(1)).unwrap();
    assert_eq!((again.id, again.resumed, again.next_order), (first.id, true, 5));
    assert_eq!(again.done, BTreeSet::from([(case(10).key(), 0), (case(1000).key(), 0)]));
    assert_eq!(again.failed, BTreeSet::from([(case(10).key(), Some(1)), (case(7).key(), None)]));

    writer.finish_run(again.id, RunState::Interrupted, UnixMillis(5)).unwrap();
    assert!(writer.open_run(&start(1)).unwrap().resumed);
    let run = place.reader().run(first.id).unwrap().unwrap().run;
    assert_eq!((run.state, run.finished_at), (RunState::Running, None));

    for ended in [RunState::Finished, RunState::Unsupported, RunState::BuildFailed] {
        let open = writer.open_run(&start(1)).unwrap();
        writer.finish_run(open.id, ended, UnixMillis(5)).unwrap();
        let fresh = writer.open_run(&start(1)).unwrap();
        assert!(!fresh.resumed && fresh.id > open.id, "{ended:?}");
    }
}

#[test]
fn a_run_of_anything_else_is_a_new_run() {
    let place = Place::new();
    let mut writer = place.writer();
    let first = writer.open_run(&start(1)).unwrap().id;
    let build = start(1).build.unwrap();
    let others = [
        start(2),
        RunStart { environment: environment("bbbbbbbbbbbb"), ..start(1) },
        RunStart { profile: Profile::Full, ..start(1) },
        RunStart { plan: "another".into(), ..start(1) },
        RunStart { build: None, ..start(1) },
        RunStart { build: Some(SubjectBuild { inputs: "2".repeat(64), ..build.clone() }), ..start(1) },
        RunStart { build: Some(SubjectBuild { sha256: "6".repeat(64), ..build }), ..start(1) },
    ];
    let mut seen = BTreeSet::from([first]);
    for other in &others {
        let open = writer.open_run(other).unwrap();
        assert!(!open.resumed && seen.insert(open.id), "{other:?}");
    }
    for other in &others {
        assert!(writer.open_run(other).unwrap().resumed, "{other:?}");
    }
    // The newest of two that could be continued.
    let twin = RunStart { plan: "twin".into(), ..start(1) };
    let older = writer.open_run(&twin).unwrap().id;
    writer.finish_run(older, RunState::Finished, UnixMillis(1)).unwrap();
    let newer = writer.open_run(&twin).unwrap().id;
    writer.finish_run(older, RunState::Interrupted, UnixMillis(1)).unwrap();
    assert_eq!(writer.open_run(&twin).unwrap().id, newer);
}

#[test]
fn a_continued_run_shows_every_kernel_it_saw() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let mut updated = start(1);
    updated.environment.annotations[1].value = "6.19.0".into();
    assert_eq!(writer.open_run(&updated).unwrap().id, run);
    let expected = [("toolchain", "rustc 1.95.0"), ("kernel", "6.18.1"), ("kernel", "6.19.0")];
    let annotations = place.reader().environment(run).unwrap().unwrap().annotations;
    assert_eq!(annotations, expected.map(|(name, value)| annotation(name, value)));
}

#[test]
fn a_later_look_corrects_a_revision() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let mut whole = start(1);
    whole.revision.position = 4000;
    whole.revision.parent = None;
    writer.open_run(&whole).unwrap();
    assert_eq!(place.reader().run(run).unwrap().unwrap().run.revision, whole.revision);
}

#[test]
fn revisions_are_found_by_prefix_and_as_worktree() {
    let place = Place::new();
    let mut writer = place.writer();
    let mut open = |id: &str, kind, position| {
        let mut start = start(position);
        (start.revision.id, start.revision.kind) = (id.into(), kind);
        let run = writer.open_run(&start).unwrap().id;
        writer.finish_run(run, RunState::Finished, UnixMillis(1)).unwrap();
        run.0
    };
    let twin = "abcdef12".repeat(5);
    let other = format!("abcdef1{}", "3".repeat(33));
    let first = open(&twin, RevisionKind::Commit, 1);
    let second = open(&other, RevisionKind::Commit, 2);
    let third = open(&twin, RevisionKind::Commit, 1);
    let old_tree = open("worktree-0123456789ab", RevisionKind::Worktree, 9);
    let new_tree = open("worktree-fedcba987654", RevisionKind::Worktree, 3);

    let reader = place.reader();
    assert_eq!(ids(reader.runs_of(&twin).unwrap()), [third, first]);
    assert_eq!(ids(reader.runs_of("ABCDEF12").unwrap()), [third, first]);
    assert_eq!(ids(reader.runs_of("abcdef13").unwrap()), [second]);
    assert_eq!(ids(reader.runs_of("worktree").unwrap()), [new_tree]);
    assert_eq!(ids(reader.runs_of("worktree-0123456789ab").unwrap()), [old_tree]);
    assert_eq!(ids(reader.runs_of("1234567").unwrap()), [0; 0]);
    match reader.runs_of("abcdef1").unwrap_err() {
        HistoryError::Ambiguous { prefix, matches } => {
            assert_eq!((prefix.as_str(), matches), ("abcdef1", vec![twin.clone(), other]));
        }
        error => panic!("{error}"),
    }
    for wrong in
        ["", "abcdef", "%bcdef12", "abcdef1_", "abcdef1*", "worktrees", "worktree-", "HEAD~1", "ä".repeat(40).as_str()]
    {
        assert!(matches!(reader.runs_of(wrong), Err(HistoryError::NotARevision { .. })), "{wrong}");
    }
}

#[test]
fn worktree_is_unknown_until_one_was_measured() {
    let place = Place::new();
    place.writer().open_run(&start(1)).unwrap();
    assert_eq!(place.reader().runs_of("worktree").unwrap(), []);
}

#[test]
fn the_serial_grows_with_every_change_and_only_then() {
    let place = Place::new();
    let mut writer = place.writer();
    let reader = place.reader();
    let mut last = reader.serial().unwrap();
    let mut grew = |what: &str, expected: bool| {
        let serial = reader.serial().unwrap();
        assert_eq!(serial > last, expected, "{what}: {last} to {serial}");
        assert!(serial >= last);
        last = serial;
    };
    grew("nothing", false);
    let run = writer.open_run(&start(1)).unwrap().id;
    grew("a run", true);
    writer.record_trial(run, &trial(1, 0, 0)).unwrap();
    grew("a trial", true);
    writer.record_trial(run, &trial(1, 0, 0)).unwrap_err();
    grew("a refused trial", false);
    writer.record_measurements(run, &[measurement(1, Metric::WALL_TIME, 1.0, Grade::Sound)]).unwrap();
    grew("a measurement", true);
    writer.record_failure(run, &failure(1, None)).unwrap();
    grew("a failure", true);
    writer.set_progress(None).unwrap();
    grew("progress", true);
    writer.verify().unwrap();
    reader.runs(10).unwrap();
    grew("looking", false);
    writer.finish_run(run, RunState::Finished, UnixMillis(1)).unwrap();
    grew("the end", true);
    drop(writer);
    grew("the writer's end", false);
    let _writer = place.writer();
    grew("another writer", true);
}

#[test]
fn a_history_that_begins_anew_does_not_repeat_serials() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.open_run(&start(1)).unwrap();
    let before = place.reader().serial().unwrap();
    drop(writer);
    std::fs::remove_dir_all(place.path().parent().unwrap()).unwrap();
    drop(place.writer());
    // The clock has not gone back by hours since; equal milliseconds with fewer changes are the worst case.
    assert!(place.reader().serial().unwrap() + 2 >= before);
}
