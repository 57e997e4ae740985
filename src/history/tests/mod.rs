//! What the history promises, seen through its public calls, and a look below them where damage has to be done.

mod calibrations;
mod comparison_damage;
mod comparison_records;
mod comparisons;
mod findings;
mod graph;
mod groups;
mod refusals;
mod round_trip;
mod run_damage;
mod runs;
mod side_by_side;
mod verdicts;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{CalibrationStart, ComparisonStart, HistoryError, Reader, RunStart, Writer};
use crate::model::*;

/// An empty history in a folder that goes when this is dropped.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("results").join("history.db")
    }

    #[track_caller]
    fn writer(&self) -> Writer {
        Writer::open(&self.path()).unwrap()
    }

    #[track_caller]
    fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }
}

/// A commit whose digits repeat `number`.
fn revision(number: u64) -> Revision {
    Revision {
        id: format!("{number:08x}").repeat(5),
        kind: RevisionKind::Commit,
        commit: format!("{number:08x}").repeat(5),
        parent: number.checked_sub(1).map(|parent| format!("{parent:08x}").repeat(5)),
        tree: "7".repeat(40),
        title: format!("Change number {number} <b>boldly</b>"),
        committed_at: UnixMillis(1_700_000_000_000 + number as i64),
        position: number,
    }
}

fn environment(id: &str) -> Environment {
    Environment {
        id: id.into(),
        cpu: "AMD EPYC".into(),
        cores: 2,
        memory_gib: 24,
        virtualization: "kvm".into(),
        platform: "linux x86_64".into(),
        microcode: String::new(),
        annotations: vec![annotation("toolchain", "rustc 1.95.0"), annotation("kernel", "6.18.1")],
    }
}

fn annotation(name: &str, value: &str) -> Annotation {
    Annotation { name: name.into(), value: value.into() }
}

fn start(number: u64) -> RunStart {
    RunStart {
        revision: revision(number),
        environment: environment("aaaaaaaaaaaa"),
        profile: Profile::Quick,
        part: Part::Single,
        build: Some(SubjectBuild { sha256: "5".repeat(64), inputs: "1".repeat(64), toolchain: "rustc 1.95.0".into() }),
        plan: "plan".into(),
        planned_trials: 12,
        reproduce: format!("benchline run {}", revision(number).short()),
        at: UnixMillis(1_700_000_100_000),
    }
}

/// `sync/upload` with so many documents.
fn case(documents: u64) -> Case {
    Case {
        scenario: "sync/upload".into(),
        version: 1,
        operation: "sync/upload".into(),
        parameters: Values::from([
            ("documents".into(), Value::Count(documents)),
            ("mix".into(), Value::Text("mail".into())),
            ("padded".into(), Value::Flag(true)),
        ]),
        configuration: Values::from([("http.nodelay".into(), Value::Flag(false))]),
    }
}

fn label(case: &Case) -> CaseLabel {
    CaseLabel(format!("{:?} documents", case.parameters["documents"]))
}

/// A trial with everything in it, extremes included.
fn trial(documents: u64, index: u32, order: u32) -> Trial {
    let column = |metric, values: [u64; 4]| SampleColumn { metric, values: values.to_vec() };
    let total = |metric, value| TrialTotal { metric, value };
    let point = |at: u64| TimelinePoint {
        at_ns: at * 10_000_000,
        cpu_ns: at * 9_000_000,
        rss: u64::MAX - at,
        bytes_read: 1 << at,
        bytes_written: 3 * at,
        storage_written: 4096 * at,
        switches: at,
    };
    Trial {
        label: label(&case(documents)),
        case: case(documents),
        operation_version: 3,
        index,
        order,
        started_at: UnixMillis(-1),
        duration_ns: u64::MAX,
        iterations: 1 << 63,
        warmup: 1,
        starts_ns: vec![5, 1_000_000, 2_000_000, 3_000_001],
        // Not in alphabetical order, and not in the list's.
        columns: vec![
            column(Metric::of(Role::Server, Quantity::CpuTime), [0, u64::MAX, 0, 1 << 63]),
            column(Metric::WALL_TIME, [1_000_000, 999_999, 1_000_001, u64::from(index)]),
            column(Metric::of(Role::Client, Quantity::Fsyncs), [0; 4]),
        ],
        totals: vec![
            total(Metric::of(Role::Load, Quantity::RssPeak), u64::MAX),
            total(Metric::of(Role::Client, Quantity::CpuTotal), 0),
        ],
        histograms: vec![
            histogram(Role::Server, LatencyKind::Reactor, vec![(1_000, 1), (2_000, u64::MAX)]),
            histogram(Role::Client, LatencyKind::Reactor, vec![]),
            histogram(Role::Client, LatencyKind::Request, vec![(7, 7)]),
        ],
        timelines: vec![
            Timeline { role: Role::Load, points: vec![] },
            Timeline { role: Role::Client, points: (0..50).map(point).collect() },
        ],
        conditions: Conditions {
            pressure_ppm: Some(1_000_000),
            steal_ppm: None,
            others_ppm: Some(0),
            sampler_ppm: 17,
            clock_step_ns: u64::MAX,
        },
        unavailable: vec![Unavailable {
            metric: Metric::of(Role::Client, Quantity::Instructions),
            reason: "this machine's \"counters\" are hidden".into(),
        }],
        canary: Some(Canary {
            workload: "mix@1".into(),
            before: CanaryReading { wall_ns: u64::MAX, cpu_ns: 0 },
            after: CanaryReading { wall_ns: 1_000_001, cpu_ns: u64::from(index) },
        }),
    }
}

fn histogram(role: Role, kind: LatencyKind, counts: Vec<(u64, u64)>) -> LatencyHistogram {
    LatencyHistogram { role, kind, counts }
}

fn measurement(documents: u64, metric: Metric, estimate: f64, grade: Grade) -> Measurement {
    let status = match grade {
        Grade::Sound => CheckStatus::Pass,
        Grade::Noisy => CheckStatus::Warn,
        Grade::Unusable => CheckStatus::Fail,
    };
    let check = |name, status, advice: &str| Check { name, status, figure: 0.5, limit: 0.02, advice: advice.into() };
    Measurement {
        label: label(&case(documents)),
        case: case(documents),
        operation_version: 3,
        metric,
        summary: Summary {
            estimate,
            interval: Some(Interval { low: estimate * 0.9, high: estimate * 1.1, level: 0.96875 }),
            trials: 6,
            samples: 18,
            minimum: estimate * 0.8,
            lower_quartile: estimate * 0.95,
            upper_quartile: estimate * 1.05,
            p99: estimate * 3.0,
            between: Some(0.01),
            within: Some(0.02),
        },
        checks: vec![
            check(CheckName::Verified, CheckStatus::Pass, ""),
            check(CheckName::Undisturbed, status, "Close <that>."),
        ],
        grade,
    }
}

fn failure(documents: u64, trial: Option<u32>) -> Failure {
    Failure {
        label: Some(label(&case(documents))),
        case: Some(case(documents)),
        trial,
        kind: FailureKind::TimedOut,
        message: "iterate took longer than 30 s".into(),
        log: "thread 'main' panicked\n\u{1b}[31m".into(),
        at: UnixMillis(1_700_000_200_000),
    }
}
