//! Lists, axes and lines against a model that keeps everything in one vector and searches it naively.

use proptest::prelude::*;

use super::*;
use crate::history::row;

/// One run as the model sees it: its revision, environment, and what it measured.
#[derive(Debug, Clone)]
struct Past {
    revision: u64,
    environment: usize,
    part: Part,
    /// For each of three cases, in each of two metrics: a value or none.
    values: [[Option<u16>; 2]; 3],
}

const ENVIRONMENTS: [&str; 2] = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"];
const METRICS: [Metric; 2] = [Metric::WALL_TIME, Metric::of(Role::Server, Quantity::RssPeak)];
const DOCUMENTS: [u64; 3] = [2, 10, 100];
const GRADES: [Grade; 3] = [Grade::Sound, Grade::Noisy, Grade::Unusable];

fn past() -> impl Strategy<Value = Past> {
    let part = prop::sample::select([Part::Single, Part::Head].into_iter().chain(Part::ALL).collect::<Vec<_>>());
    (0..6u64, 0..2usize, part, any::<[[Option<u16>; 2]; 3]>()).prop_map(|(revision, environment, part, values)| Past {
        revision,
        environment,
        part,
        values,
    })
}

/// Positions go against the order of the ids, and two revisions share one.
fn position(revision: u64) -> u64 {
    [50, 40, 30, 30, 20, 10][revision as usize]
}

fn grade(value: u16) -> Grade {
    GRADES[usize::from(value) % 3]
}

fn keep(writer: &mut Writer, past: &Past) -> RunId {
    let mut start = RunStart { part: past.part, ..start(past.revision) };
    start.environment = environment(ENVIRONMENTS[past.environment]);
    start.revision.position = position(past.revision);
    let run = writer.open_run(&start).unwrap().id;
    let mut measurements = Vec::new();
    for (documents, values) in DOCUMENTS.into_iter().zip(past.values) {
        for (metric, value) in METRICS.into_iter().zip(values) {
            measurements.extend(value.map(|value| measurement(documents, metric, f64::from(value), grade(value))));
        }
    }
    writer.record_measurements(run, &measurements).unwrap();
    writer.finish_run(run, RunState::Finished, UnixMillis(1)).unwrap();
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn lists_and_lines_are_those_of_the_model(history in prop::collection::vec(past(), 0..14)) {
        let place = Place::new();
        let mut writer = place.writer();
        let runs: Vec<(RunId, &Past)> = history.iter().map(|past| (keep(&mut writer, past), past)).collect();
        let reader = place.reader();
        let shown = |run: &(RunId, &Past)| matches!(run.1.part, Part::Single | Part::Head);
        let superseded = |run: &(RunId, &Past)| {
            runs.iter().filter(|other| shown(other)).any(|other| {
                other.0 > run.0 && other.1.revision == run.1.revision && other.1.environment == run.1.environment
            })
        };
        let mut newest: Vec<_> = runs.iter().filter(|run| shown(run) && !superseded(run)).copied().collect();

        for (index, environment) in ENVIRONMENTS.into_iter().enumerate() {
            let mut axis: Vec<_> = newest.iter().filter(|run| run.1.environment == index).copied().collect();
            // Revisions of one position stand in the order in which they were committed: the order of their numbers.
            axis.sort_by_key(|run| (position(run.1.revision), run.1.revision));
            let found: Vec<_> = reader.axis(environment).unwrap().iter().map(|listing| listing.run.id).collect();
            prop_assert_eq!(found, axis.iter().map(|run| run.0).collect::<Vec<_>>());

            for (column, metric) in METRICS.into_iter().enumerate() {
                let mut lines = Vec::new();
                for (row, documents) in DOCUMENTS.into_iter().enumerate() {
                    let points: Vec<_> = axis
                        .iter()
                        .filter_map(|(run, past)| past.values[row][column].map(|value| (*run, value)))
                        .map(|(run, value)| (run, f64::from(value), grade(value)))
                        .collect();
                    if !points.is_empty() {
                        lines.push((case(documents), points));
                    }
                }
                let found = reader.series("sync/upload", metric, environment).unwrap();
                for line in &found {
                    prop_assert_eq!(line.metric, metric);
                    prop_assert_eq!(&line.label, &label(&line.case));
                    let interval = line.points[0].interval.unwrap();
                    prop_assert_eq!(interval.high, line.points[0].estimate * 1.1);
                }
                let found: Vec<_> = found
                    .into_iter()
                    .map(|line| (line.case, line.points.iter().map(|p| (p.run, p.estimate, p.grade)).collect::<Vec<_>>()))
                    .collect();
                prop_assert_eq!(found, lines);
            }
            // All lines at once are those of each metric, by case first; a metric that is asked for twice comes once.
            let [first, second] = METRICS.map(|metric| reader.series("sync/upload", metric, environment).unwrap());
            let mut lines = [first, second].concat();
            lines.sort_by_key(|line| (line.case.clone(), line.metric));
            let asked = [METRICS[1], METRICS[0], METRICS[1]];
            prop_assert_eq!(reader.all_series(environment, &asked).unwrap(), lines);
            prop_assert_eq!(reader.all_series(environment, &[]).unwrap(), vec![]);
        }

        for revision in 0..6 {
            let mut expected: Vec<_> = runs
                .iter()
                .filter(|(_, past)| past.revision == revision && past.part != Part::Calibration)
                .map(|(run, past)| (matches!(past.part, Part::Detached | Part::Base), std::cmp::Reverse(*run)))
                .collect();
            expected.sort_unstable();
            let id = super::revision(revision).id;
            let found: Vec<_> = reader.runs_of(&id).unwrap().iter().map(|listing| listing.run.id).collect();
            prop_assert_eq!(found, expected.iter().map(|(_, run)| run.0).collect::<Vec<_>>());
        }

        newest.sort_by_key(|run| std::cmp::Reverse((position(run.1.revision), run.0)));
        newest.truncate(5);
        let listings = reader.runs(5).unwrap();
        prop_assert_eq!(listings.len(), newest.len());
        for (listing, (run, past)) in listings.iter().zip(&newest) {
            let count = |grade| past.values.iter().flatten().flatten().filter(|v| self::grade(**v) == grade).count() as u32;
            prop_assert_eq!(listing.run.id, *run);
            prop_assert_eq!([listing.sound, listing.noisy, listing.unusable], GRADES.map(count));
        }
    }
}

#[test]
fn another_version_of_the_operation_is_another_line() {
    let place = Place::new();
    let mut writer = place.writer();
    for (number, version) in [(1, 3), (2, 3), (3, 4)] {
        let run = writer.open_run(&start(number)).unwrap().id;
        let one = Measurement {
            operation_version: version,
            ..measurement(5, Metric::WALL_TIME, number as f64, Grade::Sound)
        };
        writer.record_measurements(run, &[one]).unwrap();
    }
    let lines = place.reader().series("sync/upload", Metric::WALL_TIME, "aaaaaaaaaaaa").unwrap();
    let found: Vec<_> = lines.iter().map(|line| (line.operation_version, line.points.len())).collect();
    assert_eq!(found, [(3, 2), (4, 1)]);
    assert_eq!(place.reader().series("sync/upload", Metric::WALL_TIME, "cccccccccccc").unwrap(), []);
    assert_eq!(place.reader().series("sync", Metric::WALL_TIME, "aaaaaaaaaaaa").unwrap(), []);
}

#[test]
fn runs_that_could_not_be_measured_are_on_the_axis() {
    let place = Place::new();
    let mut writer = place.writer();
    for (number, state) in [(1, RunState::Finished), (2, RunState::Unsupported), (3, RunState::BuildFailed)] {
        let run = writer.open_run(&RunStart { build: None, ..start(number) }).unwrap().id;
        writer.finish_run(run, state, UnixMillis(1)).unwrap();
    }
    let states: Vec<_> =
        place.reader().axis("aaaaaaaaaaaa").unwrap().into_iter().map(|listing| listing.run.state).collect();
    assert_eq!(states, [RunState::Finished, RunState::Unsupported, RunState::BuildFailed]);
}

#[test]
fn an_axis_costs_one_entry_a_run() {
    let place = Place::new();
    place.writer().open_run(&start(1)).unwrap();
    let plan = |sql: &str| {
        let connection = rusqlite::Connection::open(place.path()).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).collect::<Vec<_>>();
        rows.join("\n")
    };
    let axis = plan(&format!("{} {}", row::LISTING, row::AXIS));
    assert!(axis.contains("USING COVERING INDEX runs_on_axis (environment_id=?)"), "{axis}");
    let latest = plan(&format!("{} {}", row::LISTING, row::LATEST));
    assert!(latest.contains("SCAN runs USING COVERING INDEX runs_on_axis"), "{latest}");
}
