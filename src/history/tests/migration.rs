//! A history of the first format is brought up to date with all that it holds.

use rusqlite::Connection;

use super::*;
use crate::history::{GroupCounts, HistoryError, schema::VERSION};

/// What the first format kept, and the columns of `runs` that it had.
const TABLES: [&str; 13] = [
    "environments",
    "revisions",
    "runs",
    "annotations",
    "cases",
    "series",
    "trials",
    "sample_columns",
    "totals",
    "reactor_histograms",
    "timelines",
    "measurements",
    "checks",
];

/// A database as the first format made it, with the rows of `newer`.
fn first_format(newer: &Place) -> Place {
    let older = Place::new();
    std::fs::create_dir_all(older.path().parent().unwrap()).unwrap();
    let connection = Connection::open(older.path()).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch(include_str!("../migrations/0001_first.sql")).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.execute("ATTACH ?1 AS newer", [newer.path().to_str().unwrap()]).unwrap();
    for table in TABLES.into_iter().chain(["failures"]) {
        let sql = format!("SELECT group_concat(name) FROM pragma_table_info('{table}')");
        let columns: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        let source = match table {
            "reactor_histograms" => "latency_histograms WHERE kind = 'reactor'",
            table => table,
        };
        let sql = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{source}");
        connection.execute(&sql, []).unwrap();
    }
    connection.execute("UPDATE main.state SET serial = (SELECT serial FROM newer.state)", []).unwrap();
    older
}

/// A trial with what the first format kept of it.
fn old_trial(number: u64, index: u32) -> Trial {
    let mut trial = Trial { canary: None, unavailable: Vec::new(), ..trial(number, index, index) };
    trial.histograms.retain(|histogram| histogram.kind == LatencyKind::Reactor);
    trial
}

/// Three runs with everything that the first format knew.
fn measured() -> (Place, Vec<RunId>) {
    let place = Place::new();
    let mut writer = place.writer();
    let mut runs = Vec::new();
    for number in 1..=3 {
        let run = writer.open_run(&start(number)).unwrap().id;
        for index in 0..2 {
            writer.record_trial(run, &old_trial(number, index)).unwrap();
        }
        let grades = [Grade::Noisy, Grade::Unusable, Grade::Sound];
        let metrics = [
            Metric::WALL_TIME,
            Metric::of(Role::Client, Quantity::CpuTotal),
            Metric::of(Role::Server, Quantity::RssPeak),
        ];
        let numbers: Vec<_> =
            metrics.iter().zip(grades).map(|(m, grade)| measurement(number, *m, 2.5, grade)).collect();
        writer.record_measurements(run, &numbers).unwrap();
        writer.record_failure(run, &failure(number + 10, Some(0))).unwrap();
        let unsupported = Failure { kind: FailureKind::Unsupported, ..failure(number + 20, None) };
        writer.record_failure(run, &unsupported).unwrap();
        writer.record_failure(run, &Failure { case: None, ..failure(1, None) }).unwrap();
        runs.push(run);
    }
    writer.finish_run(runs[0], RunState::Finished, UnixMillis(1)).unwrap();
    (place, runs)
}

#[test]
fn the_first_format_keeps_everything() {
    let (newer, runs) = measured();
    let older = first_format(&newer);
    let error = Reader::open(&older.path()).unwrap_err();
    assert!(matches!(error, HistoryError::OlderVersion { found: 1, known: VERSION, .. }), "{error}");
    let before = newer.reader();
    let mut writer = older.writer();
    assert_eq!(writer.verify().unwrap(), [""; 0]);
    let after = older.reader();
    assert!(after.serial().unwrap() >= before.serial().unwrap());
    for (number, run) in (1..).zip(&runs) {
        assert_eq!(after.run(*run).unwrap(), before.run(*run).unwrap());
        assert_eq!(after.run(*run).unwrap().unwrap().run.part, Part::Single);
        assert_eq!(after.environment(*run).unwrap(), before.environment(*run).unwrap());
        assert_eq!(after.measurements(*run).unwrap(), before.measurements(*run).unwrap());
        assert_eq!(after.failures(*run).unwrap(), before.failures(*run).unwrap());
        let expected = [0, 1].map(|index| old_trial(number, index));
        assert_eq!(after.trials(*run, &case(number).key()).unwrap(), expected);
    }
    assert_eq!(after.runs(10).unwrap(), before.runs(10).unwrap());
    assert_eq!(after.axis("aaaaaaaaaaaa").unwrap(), before.axis("aaaaaaaaaaaa").unwrap());
    let lines = |reader: &Reader| reader.series("sync/upload", Metric::WALL_TIME, "aaaaaaaaaaaa").unwrap();
    assert_eq!(lines(&after), lines(&before));
    let counts = GroupCounts { group: "sync".into(), sound: 0, noisy: 1, unusable: 0, failed: 1, unsupported: 1 };
    assert_eq!(after.grades(&runs).unwrap(), vec![vec![counts]; 3]);

    // It is continued, and learns what the first format did not know.
    assert!(writer.open_run(&start(2)).unwrap().resumed);
    writer.record_trial(runs[1], &trial(2, 2, 2)).unwrap();
    assert_eq!(after.trials(runs[1], &case(2).key()).unwrap()[2], trial(2, 2, 2));
    assert_eq!(after.comparisons(1).unwrap(), []);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn both_ways_lead_to_one_format() {
    let (newer, _) = measured();
    let older = first_format(&newer);
    drop(older.writer());
    let schema = |place: &Place| {
        let connection = Connection::open(place.path()).unwrap();
        let mut statement =
            connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect::<Vec<(String, String, Option<String>)>>()
    };
    assert_eq!(schema(&older), schema(&newer));
}

#[test]
fn a_migration_that_fails_leaves_the_first_format() {
    let (newer, _) = measured();
    let older = first_format(&newer);
    // Something in the way of a table that the second format makes.
    let connection = Connection::open(older.path()).unwrap();
    connection.execute_batch("CREATE TABLE calibrations (of_a_stranger TEXT)").unwrap();
    let error = Writer::open(&older.path()).unwrap_err();
    assert!(matches!(error, HistoryError::Migration { .. }), "{error}");
    assert!(matches!(Reader::open(&older.path()), Err(HistoryError::OlderVersion { found: 1, .. })));
    connection.execute_batch("DROP TABLE calibrations").unwrap();
    let mut writer = older.writer();
    assert_eq!(writer.verify().unwrap(), [""; 0]);
    assert_eq!(older.reader().runs(10).unwrap(), newer.reader().runs(10).unwrap());
}
