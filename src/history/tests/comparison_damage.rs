//! Damage in what was decided is found, and reported in plain English.

use std::fs;

use rusqlite::Connection;

use super::{comparison_records::*, *};

/// A history with one of everything.
fn whole() -> Place {
    let place = Place::new();
    let mut writer = place.writer();
    let runs = pair(&mut writer, 1, 2);
    let elsewhere = RunStart { environment: environment("bbbbbbbbbbbb"), ..start(9) };
    let elsewhere = writer.open_run(&elsewhere).unwrap().id;
    for run in [runs.1, elsewhere] {
        writer.record_measurements(run, &[measurement(5, Metric::WALL_TIME, 1.0, Grade::Sound)]).unwrap();
    }
    let comparison = writer.open_comparison(&comparison_start(runs)).unwrap().id;
    for index in 0..2 {
        keep_block(&mut writer, comparison, runs, &block(5, Stage::First, index, index));
    }
    let canary = Some(Canary { workload: "mix@1".into(), before: reading(1), after: reading(2) });
    writer.record_trial(runs.1, &Trial { canary, ..trial(6, 0, 9) }).unwrap();
    let verdict = verdict(5, Metric::WALL_TIME, VerdictKind::Worse);
    writer.record_verdicts(comparison, &[verdict], UnixMillis(1)).unwrap();
    let series = change(series_of(&place, 5), 5, Metric::WALL_TIME);
    let event = event(1, FindingState::New, None);
    writer.new_finding("aaaaaaaaaaaa", None, &revision(2), &[series], &event).unwrap();
    let calibration = writer.open_calibration(&calibration_start()).unwrap().id;
    let variant = writer.open_run(&part(1, Part::Calibration, "base")).unwrap().id;
    writer.calibration_variant(calibration, VariantKind::Base, variant).unwrap();
    writer.record_rates(calibration, &[rate(VariantKind::Same, Some(5))]).unwrap();
    assert_eq!(writer.verify().unwrap(), [""; 0]);
    place
}

/// A copy of the history, changed by `sql` behind its back.
fn damaged(whole: &Place, sql: &str) -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    fs::copy(whole.path(), place.path()).unwrap();
    let connection = Connection::open(place.path()).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    connection.execute_batch(sql).unwrap();
    place
}

fn reading(wall_ns: u64) -> CanaryReading {
    CanaryReading { wall_ns, cpu_ns: u64::MAX }
}

#[test]
fn verify_reports_what_is_wrong() {
    let whole = whole();
    for (sql, expected) in [
        ("UPDATE comparisons SET purpose = 'fun'", "comparison 1: `fun` is not a valid purpose"),
        ("UPDATE comparisons SET state = 'solid'", "comparison 1: `solid` is not a valid state"),
        ("UPDATE comparisons SET budget = 1.0", "comparison 1: its error budget is 1"),
        ("UPDATE comparisons SET first_alpha = 0.0", "comparison 1: the level of its first stage is 0"),
        ("UPDATE comparisons SET first_blocks = -1", "comparison 1: "),
        ("UPDATE comparisons SET worse = 2", "the counts of comparison 1 are not those of its verdicts"),
        ("UPDATE verdicts SET gate = 0", "the counts of comparison 1 are not those of its verdicts"),
        ("DELETE FROM comparisons", "verdicts points at a row of comparisons that does not exist"),
        ("UPDATE runs SET part = 'single' WHERE id = 1", "the runs of comparison 1 are not a base and a head"),
        ("UPDATE runs SET part = 'some' WHERE id = 1", "`some` is not a valid part"),
        ("UPDATE runs SET environment_id = 'bbbbbbbbbbbb' WHERE id = 2", "not a base and a head of one environment"),
        ("UPDATE runs SET environment_id = 'bbbbbbbbbbbb' WHERE id = 2", "comparison 1 has a verdict on series 1"),
        ("UPDATE blocks SET stage = 3 WHERE block_index = 1", "comparison 1: 3 is not a valid stage"),
        ("UPDATE trials SET run_id = 3 WHERE id = 1", "block 0 of comparison 1 has trials of other runs"),
        ("UPDATE trials SET case_id = 2 WHERE id = 4", "block 1 of comparison 1 has trials of other runs"),
        ("UPDATE trials SET trial_index = 9 WHERE id = 4", "block 1 of comparison 1 has trials of other runs"),
        ("UPDATE comparisons SET head_run_id = 3", "block 1 of comparison 1 has trials of other runs"),
        ("DELETE FROM trials WHERE id = 4", "blocks points at a row of trials that does not exist"),
        ("UPDATE verdicts SET kind = 'sad'", "comparison 1: `sad` is not a valid kind"),
        ("UPDATE verdicts SET scale = 'log'", "`log` is not a valid scale"),
        ("UPDATE verdicts SET level = 1.0", "comparison 1: wall_time of sync/upload@1"),
        ("UPDATE verdicts SET p = 1.5", "its p is 1.5"),
        ("UPDATE verdicts SET effect = 9e999", "its effect is inf"),
        ("UPDATE verdicts SET level = NULL", "CHECK constraint failed in verdicts"),
        ("UPDATE verdicts SET reason = hex(zeroblob(3000))", "its reason has 6000 bytes"),
        ("UPDATE canaries SET workload = ''", "trial 5: the name of its canary has 0 bytes"),
        ("DELETE FROM finding_events", "finding 1 has no events"),
        ("UPDATE findings SET state = 'noise'", "the state of finding 1 is not that of its last event"),
        ("UPDATE findings SET found_at = 2", "finding 1 was found at another time"),
        ("UPDATE findings SET state = 'lost'", "finding 1: `lost` is not a valid state"),
        ("UPDATE findings SET at_revision_id = 99", "findings 1 points at a row of revisions that does not exist"),
        (
            "UPDATE findings SET environment_id = 'bbbbbbbbbbbb'",
            "finding 1 has series 1, which is of another environment",
        ),
        ("UPDATE finding_series SET ratio = -1.0", "finding 1: its ratio is -1"),
        ("UPDATE finding_series SET level = 0.0", "finding 1: the level of its interval is 0"),
        ("UPDATE finding_events SET person = ''", "finding 1: the person's name has 0 characters"),
        ("UPDATE calibrations SET second_alpha = 2.0", "calibration 1: the level of its second stage is 2"),
        ("UPDATE calibration_variants SET variant = 'leg'", "calibration 1: `leg 0` is not a valid variant"),
        ("UPDATE calibration_variants SET amount = 1", "calibration 1: `base 1` is not a valid variant"),
        (
            "UPDATE calibration_rates SET variant = 'slowdown', amount = -1",
            "calibration 1: `slowdown -1` is not a valid variant",
        ),
        ("UPDATE calibration_rates SET flagged = 500", "calibration 1: of 400 pairs, 500 were flagged"),
        ("UPDATE calibration_rates SET metric = NULL", "CHECK constraint failed in calibration_rates"),
        ("UPDATE runs SET part = 'single' WHERE id = 4", "run 4 cannot be a variant of calibration 1"),
        ("UPDATE group_counts SET noisy = 1 WHERE run_id = 2", "run 2: its counts by group are not those of its rows"),
        ("DELETE FROM group_counts", "run 2: its counts by group are not those of its rows"),
    ] {
        let place = damaged(&whole, sql);
        let problems = place.writer().verify().unwrap();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{sql}: {problems:#?}");
    }
}

#[test]
fn reading_damage_is_an_error() {
    let sql = "UPDATE comparisons SET purpose = 'fun'; UPDATE verdicts SET kind = 'sad'; UPDATE blocks SET stage = 3;
               UPDATE findings SET at_revision_id = 99; UPDATE calibration_rates SET variant = 'leg'; UPDATE canaries SET workload = 7";
    let place = damaged(&whole(), sql);
    let (reader, comparison) = (place.reader(), ComparisonId(1));
    let damage = [
        reader.comparisons(1).map(drop),
        reader.comparison(comparison).map(drop),
        reader.comparisons_of(&revision(2).id).map(drop),
        reader.verdicts(comparison).map(drop),
        reader.verdict_points("sync/upload", Metric::WALL_TIME, "aaaaaaaaaaaa").map(drop),
        reader.blocks(comparison, &case(5).key()).map(drop),
        reader.findings(None, &FindingState::ALL).map(drop),
        reader.calibrations(None).map(drop),
    ];
    for (place, outcome) in damage.into_iter().enumerate() {
        assert!(matches!(outcome, Err(HistoryError::Damaged { .. })), "{place}: {outcome:?}");
    }
}
