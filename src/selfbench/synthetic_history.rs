//! A synthetic history: runs and trials as large as real ones, each of which follows from its number. What is kept
//! and shown of them can be foretold.

use std::path::Path;

use super::error::Result;
use crate::{
    campaign::{environment_of, now},
    history::{RunStart, Writer},
    judge::measurements,
    model::{
        Case, CaseLabel, Metric, Part, Profile, Quantity, Revision, RevisionKind, Role, RunState, SampleColumn,
        Timeline, TimelinePoint, Trial, TrialTotal, UnixMillis,
    },
};

/// Samples of a trial.
const SAMPLES: u64 = 20;

/// Trials of each commit.
const TRIALS: u32 = 3;

/// Readings in a trial's timeline: two seconds of them.
const READINGS: u64 = 100;

/// A run of the commit at a position, from 1.
pub fn start(position: u64, trials: u32) -> RunStart {
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
pub fn case() -> Case {
    Case::plain("self/none")
}

/// A trial that follows from its number.
pub fn trial(index: u32) -> Trial {
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

/// A history of many commits, each with one case.
///
/// # Errors
/// Where the history cannot be written.
pub fn fill(path: &Path, commits: u64) -> Result<Writer> {
    let mut writer = Writer::open(path)?;
    let trials: Vec<_> = (0..TRIALS).map(trial).collect();
    let measured = measurements(&trials, &[])?;
    for position in 1..=commits {
        let run = writer.open_run(&start(position, TRIALS))?.id;
        for trial in &trials {
            writer.record_trial(run, trial)?;
        }
        writer.record_measurements(run, &measured)?;
        writer.finish_run(run, RunState::Finished, UnixMillis(0))?;
    }
    Ok(writer)
}
