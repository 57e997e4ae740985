//! What is refused, with what words, and that a refusal changes nothing.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::*;
use crate::database::DatabaseError;
use crate::history::schema::HISTORY;

#[track_caller]
fn refused(path: &Path) -> HistoryError {
    Writer::open(path).expect_err("the history was opened")
}

#[test]
fn a_second_writer_is_refused() {
    let place = Place::new();
    let first = place.writer();
    let error = refused(&place.path());
    assert!(
        matches!(&error, HistoryError::Database(DatabaseError::Busy { path, .. }) if path.ends_with("results/history.db")),
        "{error}"
    );
    // By another name, too.
    let link = place.folder.path().join("link.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    assert!(matches!(refused(&link), HistoryError::Database(DatabaseError::Busy { .. })));
    drop(first);
    Writer::open(&link).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let place = Place::new();
    drop(place.writer());
    Connection::open(place.path()).unwrap().pragma_update(None, "user_version", 9000).unwrap();
    let before = fs::read(place.path()).unwrap();
    let newer = |error| matches!(error, HistoryError::Database(DatabaseError::NewerVersion { found: 9000, .. }));
    assert!(newer(refused(&place.path())));
    assert!(newer(Reader::open(&place.path()).unwrap_err()));
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn an_older_format_is_not_read_until_a_writer_has_migrated_it() {
    let place = Place::new();
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    let older = Connection::open(place.path()).unwrap();
    older.pragma_update(None, "application_id", HISTORY.application_id).unwrap();
    drop(older);
    let error = Reader::open(&place.path()).unwrap_err();
    assert!(matches!(error, HistoryError::Database(DatabaseError::OlderVersion { found: 0, .. })), "{error}");
    drop(place.writer());
    assert_eq!(place.reader().runs(1).unwrap(), []);
}

#[test]
fn a_path_that_cannot_be_written_is_read_only() {
    let place = Place::new();
    let file = place.folder.path().join("file");
    fs::write(&file, "something").unwrap();
    for path in [file.join("history.db"), "/proc/nowhere/history.db".into(), place.folder.path().into(), "/".into()] {
        let error = refused(&path);
        assert!(matches!(error, HistoryError::Database(DatabaseError::ReadOnly { .. })), "{}: {error}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "something");
}

#[test]
fn what_is_no_history_is_refused_and_left_as_it_is() {
    let place = Place::new();
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    let text = "This is a diary. ".repeat(1000);
    fs::write(place.path(), &text).unwrap();
    assert!(matches!(refused(&place.path()), HistoryError::Database(DatabaseError::WrongFile { .. })));
    assert!(matches!(Reader::open(&place.path()), Err(HistoryError::Database(DatabaseError::WrongFile { .. }))));
    assert_eq!(fs::read_to_string(place.path()).unwrap(), text);

    fs::remove_file(place.path()).unwrap();
    Connection::open(place.path()).unwrap().execute_batch("CREATE TABLE diary (day TEXT)").unwrap();
    let before = fs::read(place.path()).unwrap();
    assert!(matches!(refused(&place.path()), HistoryError::Database(DatabaseError::WrongFile { .. })));
    assert!(matches!(Reader::open(&place.path()), Err(HistoryError::Database(DatabaseError::WrongFile { .. }))));
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn what_does_not_exist_is_missing() {
    let place = Place::new();
    assert!(matches!(Reader::open(&place.path()), Err(HistoryError::Database(DatabaseError::Missing { .. }))));
    // As a writer that was killed at once leaves it.
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    fs::write(place.path(), "").unwrap();
    assert!(matches!(Reader::open(&place.path()), Err(HistoryError::Database(DatabaseError::Missing { .. }))));
    drop(place.writer());
    place.reader();
}

#[test]
fn nothing_is_recorded_twice_or_in_part() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    writer.record_trial(run, &trial(1, 0, 0)).unwrap();
    let other = Trial { duration_ns: 1, ..trial(1, 0, 9) };
    let error = writer.record_trial(run, &other).unwrap_err();
    assert!(matches!(error, HistoryError::DuplicateTrial { index: 0, .. }), "{error}");

    let mut short = trial(2, 0, 1);
    short.columns[2].values.pop();
    let mut twice = trial(3, 0, 1);
    twice.columns[2].metric = Metric::WALL_TIME;
    let mut total = trial(4, 0, 1);
    total.totals[1] = total.totals[0];
    let mut role = trial(5, 0, 1);
    role.timelines[0].role = Role::Client;
    let mut reactor = trial(6, 0, 1);
    reactor.histograms[1].role = Role::Server;
    let mut long = trial(7, 0, 1);
    long.timelines[0].points = vec![TimelinePoint::default(); 200_000];
    let canary = |workload: String| trial(8, 0, 1).canary.map(|canary| Canary { workload, ..canary });
    let unnamed = Trial { canary: canary(String::new()), ..trial(8, 0, 1) };
    let wordy = Trial { canary: canary("x".repeat(65)), ..trial(8, 0, 1) };
    for wrong in [short, twice, total, role, reactor, long, unnamed, wordy] {
        let error = writer.record_trial(run, &wrong).unwrap_err();
        assert!(matches!(error, HistoryError::Invalid { .. }), "{error}");
        assert_eq!(writer.trials(run, &wrong.case.key()).unwrap(), []);
    }
    assert_eq!(writer.trials(run, &case(1).key()).unwrap(), [trial(1, 0, 0)]);
    assert_eq!(place.reader().run(run).unwrap().unwrap().trials, 1);

    let mut nan = measurement(1, Metric::WALL_TIME, f64::NAN, Grade::Sound);
    nan.summary.interval = None;
    let both = [measurement(2, Metric::WALL_TIME, 1.0, Grade::Sound), nan];
    assert!(matches!(writer.record_measurements(run, &both), Err(HistoryError::Invalid { .. })));
    assert_eq!(place.reader().measurements(run).unwrap(), []);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn an_unknown_run_is_refused() {
    let place = Place::new();
    let mut writer = place.writer();
    let nobody = RunId(41);
    let progress = crate::history::Progress {
        run: nobody,
        label: label(&case(1)),
        case: case(1),
        trial: 0,
        trials: 1,
        done_trials: 0,
        planned_trials: 1,
        at: UnixMillis(0),
    };
    let outcomes = [
        writer.record_trial(nobody, &trial(1, 0, 0)),
        writer.record_measurements(nobody, &[]),
        writer.record_failure(nobody, &failure(1, None)),
        writer.finish_run(nobody, RunState::Finished, UnixMillis(0)),
        writer.set_progress(Some(&progress)),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(HistoryError::UnknownRun { run: RunId(41) })), "{outcome:?}");
    }
}

#[test]
fn a_name_never_changes_its_meaning() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    writer.record_trial(run, &trial(5, 0, 0)).unwrap();
    let mut text = trial(5, 1, 1);
    text.case.parameters.insert("documents".into(), Value::Text("5".into()));
    assert_eq!(text.case.key(), case(5).key());
    assert!(matches!(writer.record_trial(run, &text), Err(HistoryError::Clash { what: "case", .. })));
    let mut machine = start(2);
    machine.environment.cores = 64;
    assert!(matches!(writer.open_run(&machine), Err(HistoryError::Clash { what: "environment", .. })));
    assert_eq!(place.reader().runs(10).unwrap().len(), 1);
}
