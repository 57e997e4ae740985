//! A process that writes the history is killed at any moment, again and again, and nothing that it kept is lost, doubled
//! or torn. `comparison` does the same to one that compares.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests: what fails here fails the test")]

mod comparison;
mod dump;
mod fixtures;
mod sample;

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use benchline::{
    database::DatabaseError,
    history::{HistoryError, Progress, Reader, RunStart, Writer},
    model::*,
};

/// Where the process to be killed finds its database.
const DATABASE: &str = "BENCHLINE_TEST_HISTORY";

/// What it prints before the case and index of a trial that it has kept.
const KEPT: &str = "kept ";

const CASES: u64 = 3;

#[test]
fn kills_lose_nothing_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let mut random = Random(0x5eed);
    let mut promised = BTreeSet::new();
    for round in 0..20 {
        let mut child = spawn(&path, WRITES);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first rounds fall upon start, creation and migration, the others upon writing.
        for _ in 0..if round < 5 { 0 } else { 1 + random.below(6) } {
            promised.insert(kept(&mut lines));
        }
        thread::sleep(Duration::from_micros(random.below(12_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        promised.extend(lines.filter_map(|line| parse(&line.unwrap())));
        examine(&path, &mut promised);
    }
    assert!(promised.len() >= 15, "the test has tested something");
}

#[test]
fn a_writer_in_another_process_keeps_others_out_until_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let mut child = spawn(&path, WRITES);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    kept(&mut lines);
    let error = Writer::open(&path).expect_err("two processes write at once");
    assert!(matches!(error, HistoryError::Database(DatabaseError::Busy { .. })), "{error}");
    // It sets its progress before each trial and never clears it.
    let reader = Reader::open(&path).unwrap();
    assert!(reader.progress().unwrap().is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(reader.progress().unwrap(), None);
    Writer::open(&path).unwrap();
}

/// The process to be killed. Does nothing when it is run as a test like others.
#[test]
#[ignore = "is started, and killed, by the tests above"]
fn writes_until_it_is_killed() {
    let Some(path) = env::var_os(DATABASE) else { return };
    let mut writer = Writer::open(Path::new(&path)).unwrap();
    let run = writer.open_run(&start()).unwrap();
    let planned = (0..).flat_map(|index| (1..=CASES).map(move |number| (number, index)));
    let missing = planned.filter(|(number, index)| !run.done.contains(&(case(*number).key(), *index)));
    for (order, (number, index)) in (run.next_order..).zip(missing) {
        writer.set_progress(Some(&progress(run.id, number, index))).unwrap();
        writer.record_trial(run.id, &trial(number, index, order)).unwrap();
        println!("\n{KEPT}{number} {index}");
    }
}

/// Opens the history as the next process would and compares it with what was promised, to which it adds the trials that
/// were kept at the last moment, before their keeping could be told.
fn examine(path: &Path, promised: &mut BTreeSet<(u64, u32)>) {
    if let Ok(reader) = Reader::open(path) {
        assert_eq!(reader.progress().unwrap(), None, "nothing is being measured");
    }
    let mut writer = Writer::open(path).unwrap();
    assert_eq!(writer.verify().unwrap(), [""; 0]);
    let run = writer.open_run(&start()).unwrap();
    let mut found = BTreeSet::new();
    let mut orders = BTreeSet::new();
    for number in 1..=CASES {
        for kept in writer.trials(run.id, &case(number).key()).unwrap() {
            assert!(found.insert((number, kept.index)), "trial {} of case {number} is doubled", kept.index);
            assert!(orders.insert(kept.order), "two trials are number {} of the run", kept.order);
            assert_eq!(kept, trial(number, kept.index, kept.order));
        }
    }
    let done: BTreeSet<_> = found.iter().map(|(number, index)| (case(*number).key(), *index)).collect();
    assert_eq!(run.done, done);
    assert!(promised.is_subset(&found), "lost: {:?}", promised.difference(&found));
    assert!(found.len() <= promised.len() + 1, "more than the trial in progress was not told");
    *promised = found;
    drop(writer);
    assert_eq!(Reader::open(path).unwrap().runs(10).unwrap().len(), 1, "the run is continued, never begun again");
}

/// The test of this program that writes until it is killed.
const WRITES: &str = "history::writes_until_it_is_killed";

fn spawn(path: &Path, test: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(DATABASE, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The next trial that the process says it has kept.
#[track_caller]
fn kept(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> (u64, u32) {
    lines.find_map(|line| parse(&line.unwrap())).expect("the process keeps on writing")
}

/// What a line promises. One that a kill cut short promises an earlier trial of the case, or nothing: both are true.
fn parse(line: &str) -> Option<(u64, u32)> {
    let (case, index) = line.strip_prefix(KEPT)?.split_once(' ')?;
    Some((case.parse().ok()?, index.parse().ok()?))
}

fn start() -> RunStart {
    RunStart {
        revision: Revision {
            id: "1".repeat(40),
            kind: RevisionKind::Commit,
            commit: "1".repeat(40),
            parent: None,
            tree: "2".repeat(40),
            title: "First".into(),
            committed_at: UnixMillis(0),
            position: 1,
        },
        environment: Environment {
            id: "0123456789ab".into(),
            cpu: "cpu".into(),
            cores: 2,
            memory_gib: 24,
            virtualization: "none".into(),
            platform: "linux x86_64".into(),
            microcode: "0x1".into(),
            annotations: vec![],
        },
        profile: Profile::Gate,
        part: Part::Single,
        build: None,
        plan: "plan".into(),
        planned_trials: 1000,
        reproduce: "benchline run".into(),
        at: UnixMillis(0),
    }
}

fn case(number: u64) -> Case {
    Case {
        scenario: "kill/me".into(),
        version: 1,
        operation: "kill/me".into(),
        parameters: Values::from([("number".into(), Value::Count(number))]),
        configuration: Values::new(),
    }
}

fn progress(run: RunId, number: u64, index: u32) -> Progress {
    Progress {
        run,
        case: case(number),
        label: CaseLabel(String::new()),
        trial: index,
        trials: 100,
        done_trials: 0,
        planned_trials: 1000,
        at: UnixMillis(0),
    }
}

/// A trial that follows from its arguments, with enough in it that writing it takes several pages.
fn trial(number: u64, index: u32, order: u32) -> Trial {
    let mut random = Random(number << 32 | u64::from(index));
    let mut values = || (0..150).map(|_| random.next()).collect::<Vec<u64>>();
    let quantities = [Quantity::CpuTime, Quantity::BytesRead, Quantity::Fsyncs];
    let point = |at| TimelinePoint { at_ns: at, cpu_ns: at * at, rss: at ^ number, ..TimelinePoint::default() };
    Trial {
        index,
        order,
        started_at: UnixMillis(i64::from(index)),
        duration_ns: 1,
        starts_ns: values(),
        columns: quantities
            .map(|quantity| SampleColumn { metric: Metric::of(Role::Client, quantity), values: values() })
            .into(),
        totals: vec![TrialTotal { metric: Metric::of(Role::Client, Quantity::RssPeak), value: u64::from(index) }],
        histograms: vec![LatencyHistogram {
            role: Role::Client,
            kind: LatencyKind::Reactor,
            counts: vec![(number, 1)],
        }],
        timelines: vec![Timeline { role: Role::Server, points: (0..100).map(point).collect() }],
        ..Trial::empty(case(number))
    }
}

/// Numbers that look random and are the same every time (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
