//! Damage is found, reported in plain English, and never causes a panic.

use std::fs;

use rusqlite::Connection;

use super::*;

/// A history of one run with a trial, a measurement and a failure, changed by `sql` behind its back.
fn damaged(sql: &str) -> (Place, RunId) {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    writer.record_trial(run, &trial(5, 0, 0)).unwrap();
    writer.record_measurements(run, &[measurement(5, Metric::WALL_TIME, 1.0, Grade::Sound)]).unwrap();
    writer.record_failure(run, &failure(5, None)).unwrap();
    assert_eq!(writer.verify().unwrap(), [""; 0]);
    drop(writer);
    let connection = Connection::open(place.path()).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(sql).unwrap();
    (place, run)
}

#[test]
fn verify_reports_what_is_wrong() {
    for (sql, expected) in [
        ("UPDATE sample_columns SET packed = x'01'", "a sample column of trial 1 cannot be unpacked"),
        ("UPDATE sample_columns SET packed = x''", "it is empty"),
        ("UPDATE sample_columns SET packed = x'07'", "it has format 7"),
        ("UPDATE sample_columns SET packed = substr(packed, 1, length(packed) - 1)", "compressed content is damaged"),
        ("UPDATE trials SET starts = zeroblob(100)", "the starts of trial 1 cannot be unpacked"),
        ("UPDATE trials SET samples = 3", "states 3 samples and has 4 starts"),
        (
            "UPDATE sample_columns SET packed = (SELECT packed FROM timelines WHERE role = 'client')",
            "7 columns instead of 1",
        ),
        ("UPDATE timelines SET packed = zeroblob(1000000)", "a timeline of trial 1"),
        ("UPDATE latency_histograms SET packed = (SELECT starts FROM trials)", "1 columns instead of 2"),
        ("UPDATE trial_totals SET metric = 'client.joy' WHERE ordinal = 0", "`client.joy` is not a valid metric"),
        ("UPDATE measurements SET grade = 'grand'", "`grand` is not a valid grade"),
        ("UPDATE failures SET kind = 'kind'", "`kind` is not a valid kind"),
        ("UPDATE runs SET state = 'solid'", "`solid` is not a valid state"),
        ("UPDATE runs SET planned_trials = -1", "out of range"),
        ("UPDATE runs SET trials = 2", "the counts of run 1 are not those of its rows"),
        ("UPDATE runs SET noisy = 2", "the counts of run 1 are not those of its rows"),
        ("UPDATE cases SET parameters = '{\"documents\":{\"count\":-1}}'", "parameters of a case"),
        ("DELETE FROM cases", "points at a row of cases that does not exist"),
    ] {
        let (place, _) = damaged(sql);
        let problems = place.writer().verify().unwrap();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{sql}: {problems:#?}");
    }
}

#[test]
fn reading_damage_is_an_error() {
    let (place, run) = damaged("UPDATE sample_columns SET packed = x'01'; UPDATE measurements SET grade = 'grand'");
    let reader = place.reader();
    assert!(matches!(reader.trials(run, &case(5).key()), Err(HistoryError::Damaged { .. })));
    assert!(matches!(reader.measurements(run), Err(HistoryError::Damaged { .. })));
    assert!(matches!(
        reader.series("sync/upload", Metric::WALL_TIME, "aaaaaaaaaaaa"),
        Err(HistoryError::Damaged { .. })
    ));
    assert_eq!(reader.failures(run).unwrap().len(), 1);
}

#[test]
fn a_torn_file_is_an_error_and_not_a_panic() {
    // Without the free pages that migrations leave: what stands on them is nobody's.
    let (place, run) = damaged("VACUUM");
    let whole = fs::read(place.path()).unwrap();
    for page in 0..whole.len() / 4096 {
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0xa5);
        fs::write(place.path(), &torn).unwrap();
        let problems = Writer::open(&place.path()).and_then(|mut writer| writer.verify());
        assert!(!matches!(&problems, Ok(none) if none.is_empty()), "page {page} is not missed");
        if let Ok(reader) = Reader::open(&place.path()) {
            let _ = reader.trials(run, &case(5).key());
            let _ = reader.measurements(run);
            let _ = reader.runs(10);
        }
    }
}
