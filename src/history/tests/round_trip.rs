//! Everything comes back as it went in, to another connection and after the writer has gone.

use super::*;
use crate::history::{Progress, RunListing};

#[test]
fn a_trial_comes_back_whole() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    // Recorded in another order than that of the index.
    let trials = [trial(1000, 0, 2), trial(1000, 1, 0), trial(10, 0, 1)];
    for trial in [&trials[1], &trials[2], &trials[0]] {
        writer.record_trial(run, trial).unwrap();
    }
    assert_eq!(writer.trials(run, &case(1000).key()).unwrap(), trials[..2]);
    drop(writer);
    let reader = place.reader();
    assert_eq!(reader.trials(run, &case(1000).key()).unwrap(), trials[..2]);
    assert_eq!(reader.trials(run, &case(10).key()).unwrap(), trials[2..]);
    assert_eq!(reader.trials(run, "sync/upload@1").unwrap(), []);
    assert_eq!(reader.trials(RunId(99), &case(10).key()).unwrap(), []);
}

#[test]
fn an_empty_trial_comes_back_empty() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let empty = Trial {
        starts_ns: vec![],
        columns: vec![],
        totals: vec![],
        histograms: vec![],
        timelines: vec![],
        conditions: Conditions::default(),
        canary: None,
        unavailable: Vec::new(),
        ..trial(1, 0, 0)
    };
    writer.record_trial(run, &empty).unwrap();
    assert_eq!(place.reader().trials(run, &case(1).key()).unwrap(), [empty]);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn a_run_comes_back_with_its_environment() {
    let place = Place::new();
    let mut writer = place.writer();
    let started = start(0xabcdef01);
    let run = writer.open_run(&started).unwrap().id;
    let mut expected = Run {
        id: run,
        revision: started.revision.clone(),
        environment: started.environment.id.clone(),
        profile: Profile::Quick,
        part: Part::Single,
        state: RunState::Running,
        build: started.build.clone(),
        started_at: started.at,
        finished_at: None,
        reproduce: started.reproduce.clone(),
    };
    let reader = place.reader();
    assert_eq!(reader.run(run).unwrap().unwrap().run, expected);
    assert_eq!(reader.environment(run).unwrap(), Some(started.environment.clone()));
    let bare = Environment { annotations: vec![], ..started.environment };
    assert_eq!(reader.environments().unwrap(), [bare]);
    assert_eq!(reader.run(RunId(run.0 + 1)).unwrap(), None);
    assert_eq!(reader.environment(RunId(run.0 + 1)).unwrap(), None);
    for state in RunState::ALL {
        writer.finish_run(run, state, UnixMillis(77)).unwrap();
        expected.state = state;
        expected.finished_at = (state != RunState::Running).then_some(UnixMillis(77));
        assert_eq!(reader.run(run).unwrap().unwrap().run, expected);
    }
}

#[test]
fn measurements_come_back_in_order_and_are_replaced() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let cpu = Metric::of(Role::Client, Quantity::CpuTime);
    let fine = measurement(1000, Metric::WALL_TIME, 1.25e9, Grade::Sound);
    let mut few = measurement(1000, cpu, 0.0, Grade::Unusable);
    few.summary.interval = None;
    few.checks.reverse();
    let small = measurement(10, Metric::WALL_TIME, 3.5, Grade::Noisy);
    writer.record_measurements(run, &[few.clone(), fine.clone(), small.clone()]).unwrap();
    let reader = place.reader();
    assert_eq!(reader.measurements(run).unwrap(), [small.clone(), fine, few.clone()]);
    let counts = |listing: RunListing| (listing.sound, listing.noisy, listing.unusable);
    assert_eq!(counts(reader.run(run).unwrap().unwrap()), (1, 1, 1));

    let again = Measurement { checks: vec![], ..measurement(1000, Metric::WALL_TIME, 2e9, Grade::Noisy) };
    writer.record_measurements(run, std::slice::from_ref(&again)).unwrap();
    assert_eq!(reader.measurements(run).unwrap(), [small, again, few]);
    assert_eq!(counts(reader.run(run).unwrap().unwrap()), (0, 2, 1));
    assert_eq!(reader.scenarios().unwrap(), ["sync/upload"]);
    assert_eq!(reader.metrics("sync/upload").unwrap(), [Metric::WALL_TIME, cpu]);
    assert_eq!(reader.metrics("sync").unwrap(), []);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn what_is_missing_or_no_number_comes_back_so() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let mut nothing = measurement(1, Metric::of(Role::Client, Quantity::Fsyncs), 0.0, Grade::Sound);
    nothing.summary.between = None;
    nothing.checks[0].figure = f64::NAN;
    nothing.checks[0].limit = f64::NEG_INFINITY;
    writer.record_measurements(run, &[nothing]).unwrap();
    let back = place.reader().measurements(run).unwrap().remove(0);
    assert_eq!((back.summary.between, back.summary.within), (None, Some(0.02)));
    assert!(back.checks[0].figure.is_nan() && back.checks[0].limit == f64::NEG_INFINITY);
}

#[test]
fn failures_come_back_in_the_order_in_which_they_happened() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&RunStart { build: None, ..start(1) }).unwrap().id;
    let whole = Failure { case: None, label: None, kind: FailureKind::Build, ..failure(1, None) };
    let unnamed = Failure { label: None, kind: FailureKind::Unsupported, ..failure(5, None) };
    let failures = [failure(9, Some(2)), whole, unnamed, failure(5, Some(0))];
    for failure in &failures {
        writer.record_failure(run, failure).unwrap();
    }
    let reader = place.reader();
    assert_eq!(reader.failures(run).unwrap(), failures);
    let listing = reader.run(run).unwrap().unwrap();
    assert_eq!((listing.failures, listing.run.build), (4, None));
}

#[test]
fn progress_is_seen_while_its_writer_lives() {
    let place = Place::new();
    let mut writer = place.writer();
    let reader = place.reader();
    let run = writer.open_run(&start(1)).unwrap().id;
    let progress = Progress {
        run,
        label: label(&case(5)),
        case: case(5),
        trial: 1,
        trials: 6,
        done_trials: 7,
        planned_trials: 12,
        at: UnixMillis(9),
    };
    assert_eq!(reader.progress().unwrap(), None);
    writer.set_progress(Some(&progress)).unwrap();
    assert_eq!(reader.progress().unwrap(), Some(progress.clone()));
    let next = Progress { trial: 2, done_trials: 8, ..progress.clone() };
    writer.set_progress(Some(&next)).unwrap();
    assert_eq!(reader.progress().unwrap(), Some(next.clone()));
    writer.set_progress(None).unwrap();
    assert_eq!(reader.progress().unwrap(), None);

    writer.set_progress(Some(&next)).unwrap();
    writer.finish_run(run, RunState::Finished, UnixMillis(10)).unwrap();
    assert_eq!(reader.progress().unwrap(), None);

    // A writer that goes without a word leaves no progress behind.
    writer.set_progress(Some(&next)).unwrap();
    drop(writer);
    assert_eq!(reader.progress().unwrap(), None);
    let _writer = place.writer();
    assert_eq!(reader.progress().unwrap(), None);
}

#[test]
fn a_text_of_advice_is_stored_once() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let measurements = [5, 6, 7].map(|documents| measurement(documents, Metric::WALL_TIME, 1.0, Grade::Noisy));
    for _ in 0..2 {
        writer.record_measurements(run, &measurements).unwrap();
    }
    assert_eq!(place.reader().measurements(run).unwrap(), measurements);
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let texts: Vec<String> = connection
        .prepare("SELECT text FROM advice")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(texts, ["Close <that>."]);
}
