//! A synthetic history for the tests of this room, written as a runner would write it: trials through the history's
//! writer, numbers through the judge. Never part of the program.

mod deciding;

pub(super) use deciding::{begin_comparison, decide};

use std::{path::Path, time::Duration};

use crate::{
    history::{Progress, RunStart, Writer},
    judge,
    model::{
        Annotation, Case, CaseLabel, Conditions, Environment, Failure, FailureKind, LatencyHistogram, LatencyKind,
        Metric, Part, Profile, Quantity, Revision, RevisionKind, Role, RunId, RunState, SampleColumn, SubjectBuild,
        Timeline, TimelinePoint, Trial, TrialTotal, UnixMillis, Value, Values,
    },
};

/// A commit's title, and whatever else people may write, that tries to leave its place.
pub(super) const HOSTILE: &str = "<script>alert('x')</script> & \"quotes\" </title><style>";

/// The machine of every run.
pub(super) const ENVIRONMENT: &str = "0123456789ab";

/// 2026-11-01T00:00:00Z.
const BEGAN: i64 = 1_793_491_200_000;

const MILLISECOND: f64 = 1e6;

/// Fifteen cases of six trials.
const PLANNED: u32 = 90;

/// How much history, and how many trials a case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) revisions: u64,
    pub(super) trials: u32,
    pub(super) samples: usize,
}

impl Size {
    /// Enough for every page, quick to write.
    pub(super) const SMALL: Size = Size { revisions: 4, trials: 6, samples: 4 };
    /// What a site looks like after a month.
    pub(super) const LARGE: Size = Size { revisions: 36, trials: 6, samples: 24 };
}

/// The id of the n-th commit, from 1.
pub(super) fn commit(position: u64) -> String {
    format!("{:08x}{}", 0x9e37_79b9_u32.wrapping_mul(u32::try_from(position).unwrap()), "ab".repeat(16))
}

/// Writes a history: commits from 1, of which the second to last carries a hostile title and a failure, the second has
/// no subject, and the third of a large history does not build.
pub(super) fn write(path: &Path, size: Size) -> Writer {
    let mut writer = Writer::open(path).unwrap();
    for position in 1..=size.revisions {
        let run = open(&mut writer, revision(position, size), position);
        match position {
            2 => end_without_numbers(&mut writer, run, position, RunState::Unsupported, FailureKind::Unsupported),
            11 => end_without_numbers(&mut writer, run, position, RunState::BuildFailed, FailureKind::Build),
            _ => measure(&mut writer, run, position, size),
        }
    }
    writer
}

/// Begins a run of a dirty work tree, as if it were being measured now.
pub(super) fn begin_worktree(writer: &mut Writer, size: Size) -> RunId {
    let base = revision(size.revisions, size);
    let revision = Revision {
        id: "worktree-0123456789ab".into(),
        kind: RevisionKind::Worktree,
        commit: base.id.clone(),
        title: "Work tree".into(),
        ..base
    };
    let run = open(writer, revision, size.revisions + 1);
    tell_progress(writer, run, &cases()[0], 2, 14);
    run
}

/// Measures the work tree a trial at a time, as a runner would, for eyes to watch.
pub(super) fn measure_slowly(writer: &mut Writer, run: RunId, size: Size, pace: Duration) {
    let position = size.revisions + 1;
    let mut order = 0;
    for costed in &cases() {
        let mut trials = Vec::new();
        for index in 0..size.trials {
            tell_progress(writer, run, costed, index, order);
            std::thread::sleep(pace);
            trials.push(a_trial(costed, position, index, order, size.samples, &mut Noise(u64::from(order) + 77)));
            writer.record_trial(run, trials.last().unwrap()).unwrap();
            writer.record_measurements(run, &judge::measurements(&trials, &[]).unwrap()).unwrap();
            order += 1;
        }
    }
    writer.set_progress(None).unwrap();
    writer.finish_run(run, RunState::Finished, UnixMillis(BEGAN + 40 * 86_400_000)).unwrap();
}

fn tell_progress(writer: &mut Writer, run: RunId, costed: &Costed, trial: u32, done: u32) {
    let progress = Progress {
        run,
        case: costed.case.clone(),
        label: costed.label.clone(),
        trial,
        trials: 6,
        done_trials: done,
        planned_trials: PLANNED,
        at: UnixMillis(BEGAN + i64::from(done)),
    };
    writer.set_progress(Some(&progress)).unwrap();
}

fn revision(position: u64, size: Size) -> Revision {
    const TITLES: [&str; 9] = [
        "Pipeline sealing with the upload body",
        "Document the quota rules",
        "Keep the token cache across requests",
        "Read pages of a replica in one query",
        "Fix a race in lease renewal",
        "Raise the default batch to 8 MiB",
        "Bump tokio to 1.54",
        "Split the transfer manager",
        "Stop copying chunks twice",
    ];
    let title = if position + 1 == size.revisions { HOSTILE } else { TITLES[position as usize % TITLES.len()] };
    Revision {
        id: commit(position),
        kind: RevisionKind::Commit,
        commit: commit(position),
        parent: (position > 1).then(|| commit(position - 1)),
        tree: format!("{position:040x}"),
        title: title.into(),
        committed_at: UnixMillis(BEGAN + position as i64 * 18_400_000),
        position,
    }
}

fn open(writer: &mut Writer, revision: Revision, position: u64) -> RunId {
    open_part(writer, revision, position, Part::Single, "fixture")
}

/// The machine, whose kernel is another one from the third revision on.
fn environment(position: u64) -> Environment {
    let kernel = if position < 3 { "6.18.1" } else { "6.18.44" };
    Environment {
        id: ENVIRONMENT.into(),
        cpu: "AMD EPYC 9B14".into(),
        cores: 2,
        memory_gib: 24,
        virtualization: "kvm".into(),
        platform: "linux x86_64".into(),
        microcode: "0x1".into(),
        annotations: vec![Annotation { name: "kernel".into(), value: kernel.into() }],
    }
}

fn open_part(writer: &mut Writer, revision: Revision, position: u64, part: Part, plan: &str) -> RunId {
    let start = RunStart {
        reproduce: match part {
            Part::Single => format!("benchline run {} --profile quick", revision.short()),
            _ => format!("benchline compare HEAD~1 {} --blocks 10+30 --seed 8841", revision.short()),
        },
        revision,
        environment: environment(position),
        profile: Profile::Quick,
        part,
        build: Some(SubjectBuild {
            sha256: format!("{position:064x}"),
            inputs: format!("{position:064x}"),
            toolchain: "rustc 1.95.0".into(),
        }),
        plan: plan.into(),
        planned_trials: PLANNED,
        at: UnixMillis(BEGAN + position as i64 * 18_400_000 + 60_000),
    };
    writer.open_run(&start).unwrap().id
}

fn end_without_numbers(writer: &mut Writer, run: RunId, position: u64, state: RunState, kind: FailureKind) {
    let failure = Failure {
        case: None,
        label: None,
        trial: None,
        kind,
        message: "the subject could not be built: cargo ended with code 101".into(),
        log: "error[E0433]: failed to resolve: use of undeclared crate\n --> subject/src/main.rs:4:5".into(),
        at: UnixMillis(BEGAN + position as i64 * 18_400_000 + 90_000),
    };
    writer.record_failure(run, &failure).unwrap();
    writer.finish_run(run, state, failure.at).unwrap();
}

/// A case with what it costs.
struct Costed {
    case: Case,
    label: CaseLabel,
    wall_ns: f64,
    noise: f64,
    server: bool,
}

fn costed(scenario: &str, parameters: &[(&str, Value)], label: &str, wall_ms: f64, noise: f64) -> Costed {
    let case = Case {
        scenario: scenario.into(),
        version: 1,
        operation: scenario.into(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        configuration: Values::new(),
    };
    let server = scenario.starts_with("sync/") || scenario.starts_with("blobs/");
    Costed { case, label: CaseLabel(label.into()), wall_ns: wall_ms * MILLISECOND, noise, server }
}

fn cases() -> Vec<Costed> {
    let payload = |count, size| [("documents", Value::Count(count)), ("size", Value::Count(size))];
    let mut cases = vec![
        costed("sync/upload", &payload(1000, 10_000), "1000 × 10 kB", 75.8, 0.006),
        costed("sync/upload", &payload(100, 100_000), "100 × 100 kB", 33.0, 0.006),
        costed("sync/upload", &payload(10, 1_000_000), "10 × 1 MB", 24.1, 0.008),
        costed("sync/download", &payload(1000, 10_000), "1000 × 10 kB", 58.0, 0.01),
        costed("sync/download", &payload(100, 100_000), "100 × 100 kB", 28.4, 0.008),
        costed("store/create", &payload(1000, 10_000), "1000 × 10 kB", 41.0, 0.03),
        costed("blobs/resume", &[], "cut at 50%", 18.2, 0.01),
    ];
    for (cipher, factor) in [("aes-256-gcm", 1.0), ("chacha20", 3.1)] {
        for size in [10_000_u64, 100_000, 1_000_000, 10_000_000] {
            let parameters = [("size", Value::Count(size)), ("cipher", Value::Text(cipher.into()))];
            let wall_ms = factor * (0.002 + size as f64 * 1.07e-7);
            let label = format!("{} {cipher}", crate::units::exact_bytes(size));
            cases.push(costed("crypto/seal", &parameters, &label, wall_ms, 0.005));
        }
    }
    cases
}

fn measure(writer: &mut Writer, run: RunId, position: u64, size: Size) {
    let mut order = 0;
    for (index, costed) in cases().iter().enumerate() {
        let skipped = position == 14 && costed.case.scenario == "crypto/seal";
        let fails = position + 1 == size.revisions && costed.case.scenario == "blobs/resume";
        if skipped {
            continue;
        }
        if fails {
            writer.record_failure(run, &hostile_failure(costed, position)).unwrap();
            continue;
        }
        let trials: Vec<Trial> = (0..size.trials)
            .map(|trial| {
                let seed = position * 1_000_003 + index as u64 * 7_919 + u64::from(trial) * 131;
                let trial = a_trial(costed, position, trial, order, size.samples, &mut Noise(seed | 1));
                order += 1;
                trial
            })
            .collect();
        trials.iter().for_each(|trial| writer.record_trial(run, trial).unwrap());
        writer.record_measurements(run, &judge::measurements(&trials, &[]).unwrap()).unwrap();
    }
    writer.finish_run(run, RunState::Finished, UnixMillis(BEGAN + position as i64 * 18_400_000 + 187_000)).unwrap();
}

fn hostile_failure(costed: &Costed, position: u64) -> Failure {
    Failure {
        case: Some(costed.case.clone()),
        label: Some(CaseLabel(HOSTILE.into())),
        trial: Some(0),
        kind: FailureKind::Crashed,
        message: format!("the subject ended with signal 6 before it answered {HOSTILE}"),
        log: format!("thread 'main' panicked at engine/src/client.rs:88:\n{HOSTILE}"),
        at: UnixMillis(BEGAN + position as i64 * 18_400_000 + 120_000),
    }
}

fn a_trial(costed: &Costed, position: u64, index: u32, order: u32, samples: usize, noise: &mut Noise) -> Trial {
    let upload = costed.case.scenario == "sync/upload";
    let step = if upload && position >= 24 { 0.81 } else { 1.0 };
    let memory = if upload && position >= 29 { 1.12 } else { 1.0 };
    let level = costed.wall_ns * step * (1.0 + costed.noise * noise.next());
    let warmup = 2;
    let walls: Vec<u64> = (0..samples + warmup)
        .map(|sample| {
            let warm = if sample < warmup { 1.35 } else { 1.0 };
            (level * warm * (1.0 + costed.noise * 1.5 * noise.next().abs())) as u64
        })
        .collect();
    let cpu = |share: f64| walls.iter().map(|wall| (*wall as f64 * share) as u64).collect();
    let starts: Vec<u64> = walls
        .iter()
        .scan(20_000_000, |at, wall| {
            let start = *at;
            *at += wall + 2_000_000;
            Some(start)
        })
        .collect();
    let duration_ns = starts.last().unwrap() + walls.last().unwrap() + 30_000_000;
    let mut columns = vec![
        SampleColumn { metric: Metric::WALL_TIME, values: walls.clone() },
        SampleColumn { metric: Metric::of(Role::Client, Quantity::CpuTime), values: cpu(0.62) },
        SampleColumn {
            metric: Metric::of(Role::Client, Quantity::BytesWritten),
            values: vec![10_240_000; walls.len()],
        },
    ];
    let peak = (34.1 * memory + 0.05 * noise.next()) * 1_048_576.0;
    let mut totals = vec![TrialTotal { metric: Metric::of(Role::Client, Quantity::RssPeak), value: peak as u64 }];
    let mut timelines = vec![timeline(Role::Client, duration_ns, peak, 0.62)];
    if costed.server {
        columns.push(SampleColumn { metric: Metric::of(Role::Server, Quantity::CpuTime), values: cpu(0.31) });
        totals.push(TrialTotal { metric: Metric::of(Role::Server, Quantity::RssPeak), value: (peak * 0.7) as u64 });
        let p99 = (1.9 + 0.2 * noise.next()) * MILLISECOND;
        totals.push(TrialTotal { metric: Metric::of(Role::Client, Quantity::ReactorP99), value: p99 as u64 });
        timelines.push(timeline(Role::Server, duration_ns, peak * 0.7, 0.31));
    }
    let busy = if position == 20 && costed.case.scenario == "store/create" { 400_000 } else { 1_800 };
    Trial {
        label: costed.label.clone(),
        index,
        order,
        started_at: UnixMillis(BEGAN + position as i64 * 18_400_000 + 60_000 + i64::from(order) * 1000),
        duration_ns,
        warmup: warmup as u32,
        starts_ns: starts,
        columns,
        totals,
        histograms: vec![LatencyHistogram {
            role: Role::Client,
            kind: LatencyKind::Reactor,
            counts: vec![(2_000, 900), (1_900_000, 9)],
        }],
        timelines,
        conditions: Conditions {
            pressure_ppm: Some(busy),
            steal_ppm: Some(300),
            others_ppm: Some(busy),
            sampler_ppm: 1_100,
            clock_step_ns: 30,
        },
        ..Trial::empty(costed.case.clone())
    }
}

fn timeline(role: Role, duration_ns: u64, peak: f64, share: f64) -> Timeline {
    let every = 20_000_000;
    let points = (0..=duration_ns / every).map(|reading| {
        let at_ns = reading * every;
        let wave = 1.0 + 0.25 * (reading as f64 / 3.0).sin();
        let grown = 1.0 - (-(reading as f64) / 8.0).exp();
        TimelinePoint {
            at_ns,
            cpu_ns: (at_ns as f64 * share * (0.9 + 0.1 * wave)) as u64,
            rss: (peak * (0.4 + 0.6 * grown)) as u64,
            bytes_read: (at_ns as f64 * 0.08) as u64,
            bytes_written: (at_ns as f64 * 0.11 * wave) as u64,
            storage_written: reading / 4 * 1_048_576,
            switches: reading * 40,
        }
    });
    Timeline { role, points: points.collect() }
}

/// Numbers that look random and are the same every time (xorshift64), between −1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        for _ in 0..3 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
        }
        (self.0 % 20_001) as f64 / 10_000.0 - 1.0
    }
}
