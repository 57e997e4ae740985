//! A synthetic history: runs and trials as large as real ones, each of which follows from its number. What is kept
//! and shown of them can be foretold.

use crate::{
    campaign::{environment_of, now},
    history::RunStart,
    model::{
        Case, CaseLabel, Metric, Part, Profile, Quantity, Revision, RevisionKind, Role, SampleColumn, Timeline,
        TimelinePoint, Trial, TrialTotal, UnixMillis,
    },
};

/// Samples of a trial.
const SAMPLES: u64 = 20;

/// Readings in a trial's timeline: two seconds of them.
const READINGS: u64 = 100;

/// A run of the commit at a position, from 1.
pub(super) fn start(position: u64, trials: u32) -> RunStart {
    let id = format!("{position:040x}");
    let revision = Revision {
        id: id.clone(),
        kind: RevisionKind::Commit,
        commit: id,
        parent: None,
        tree: "2".repeat(40),
        title: "Nothing".into(),
        committed_at: UnixMillis(i64::try_from(position).unwrap_or(i64::MAX) * 3_600_000),
        position,
    };
    RunStart {
        revision,
        environment: environment_of(None),
        profile: Profile::Full,
        part: Part::Single,
        build: None,
        plan: "plan".into(),
        planned_trials: trials,
        reproduce: "benchline run".into(),
        at: now(),
    }
}

/// The only case.
pub(super) fn case() -> Case {
    Case::plain("self/none")
}

/// A trial that follows from its number.
pub(super) fn trial(index: u32) -> Trial {
    let values = |quantity: u64| (0..SAMPLES).map(|at| 1_000_000 + (at * 7919 + quantity * 104_729) % 50_021).collect();
    let mut metrics = vec![Metric::WALL_TIME];
    let quantities = [Quantity::CpuTime, Quantity::BytesRead, Quantity::BytesWritten, Quantity::ReadCalls];
    metrics.extend(quantities.map(|quantity| Metric::of(Role::Client, quantity)));
    let columns = (0..).zip(metrics).map(|(number, metric)| SampleColumn { metric, values: values(number) });
    let totals = [Quantity::RssPeak, Quantity::RssMean, Quantity::CpuTotal];
    let point =
        |at: u64| TimelinePoint { at_ns: at * 20_000_000, cpu_ns: at * 9_999_991, rss: 1 << 24, ..Default::default() };
    Trial {
        label: CaseLabel("nothing".into()),
        index,
        order: index,
        duration_ns: 2_000_000_000,
        warmup: 2,
        starts_ns: (0..SAMPLES).map(|at| at * 100_000_000).collect(),
        columns: columns.collect(),
        totals: totals.map(|quantity| TrialTotal { metric: Metric::of(Role::Client, quantity), value: 1 << 24 }).into(),
        timelines: vec![Timeline { role: Role::Client, points: (0..READINGS).map(point).collect() }],
        ..Trial::empty(case())
    }
}
