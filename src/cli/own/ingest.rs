//! `self/ingest`: trials into a new history, each durable before the next, as while a run is measured. What is kept is as
//! large as a real trial: columns, totals and a timeline of some seconds.

use std::{fs, path::PathBuf};

use benchline_subject::contract::Prepare;

use super::{Work, folder, only_count};
use crate::{
    cli::measuring::{environment_of, now},
    history::{Reader, RunStart, Writer},
    model::{
        Case, CaseLabel, Conditions, Metric, Part, Profile, Quantity, Revision, RevisionKind, Role, RunId,
        SampleColumn, Timeline, TimelinePoint, Trial, TrialTotal, UnixMillis, Values,
    },
};

/// Samples of a trial.
const SAMPLES: u64 = 20;

/// Readings in a trial's timeline: two seconds of them.
const READINGS: u64 = 100;

struct Ingest {
    database: PathBuf,
    trials: u32,
    open: Option<(Writer, RunId)>,
}

pub(super) fn ingest(prepare: &Prepare) -> anyhow::Result<Box<dyn Work>> {
    let trials = u32::try_from(only_count(&prepare.parameters, "trials")?)?;
    Ok(Box::new(Ingest { database: folder(prepare).join("history/benchline.sqlite"), trials, open: None }))
}

impl Work for Ingest {
    fn reset(&mut self) -> anyhow::Result<()> {
        self.open = None;
        if let Some(history) = self.database.parent()
            && history.exists()
        {
            fs::remove_dir_all(history)?;
        }
        let mut writer = Writer::open(&self.database)?;
        let run = writer.open_run(&start(self.trials))?.id;
        self.open = Some((writer, run));
        Ok(())
    }

    fn once(&mut self) -> anyhow::Result<()> {
        let (writer, run) = self.open.as_mut().ok_or_else(|| anyhow::anyhow!("it needs a reset first"))?;
        for index in 0..self.trials {
            writer.record_trial(*run, &trial(index))?;
        }
        Ok(())
    }

    fn items(&self) -> u64 {
        u64::from(self.trials)
    }

    fn proof(&mut self) -> anyhow::Result<String> {
        let Some((_, run)) = &self.open else { return Ok(String::new()) };
        let kept = Reader::open(&self.database)?.trials(*run, &case().key())?;
        let right = (0..).zip(&kept).filter(|(index, kept)| **kept == trial(*index)).count();
        Ok(right.to_string())
    }
}

fn start(trials: u32) -> RunStart {
    let revision = Revision {
        id: "1".repeat(40),
        kind: RevisionKind::Commit,
        commit: "1".repeat(40),
        parent: None,
        tree: "2".repeat(40),
        title: "Nothing".into(),
        committed_at: UnixMillis(0),
        position: 1,
    };
    RunStart {
        revision,
        environment: environment_of(None),
        profile: Profile::Full,
        part: Part::Alone,
        build: None,
        plan: "plan".into(),
        planned_trials: trials,
        reproduce: "benchline run".into(),
        at: now(),
    }
}

fn case() -> Case {
    Case {
        scenario: "self/none".into(),
        version: 1,
        operation: "self/none".into(),
        parameters: Values::new(),
        configuration: Values::new(),
    }
}

/// A trial that follows from its number.
fn trial(index: u32) -> Trial {
    let values = |quantity: u64| (0..SAMPLES).map(|at| 1_000_000 + (at * 7919 + quantity * 104_729) % 50_021).collect();
    let quantities = [Quantity::CpuTime, Quantity::BytesRead, Quantity::BytesWritten, Quantity::ReadCalls];
    let columns = (0..)
        .zip(quantities)
        .map(|(number, quantity)| SampleColumn { metric: Metric::of(Role::Client, quantity), values: values(number) });
    let totals = [Quantity::RssPeak, Quantity::RssMean, Quantity::CpuTotal];
    let point =
        |at: u64| TimelinePoint { at_ns: at * 20_000_000, cpu_ns: at * 9_999_991, rss: 1 << 24, ..Default::default() };
    Trial {
        case: case(),
        label: CaseLabel("nothing".into()),
        operation_version: 1,
        index,
        order: index,
        started_at: UnixMillis(0),
        duration_ns: 2_000_000_000,
        iterations: 1,
        warmup: 2,
        starts_ns: (0..SAMPLES).map(|at| at * 100_000_000).collect(),
        columns: columns.collect(),
        totals: totals.map(|quantity| TrialTotal { metric: Metric::of(Role::Client, quantity), value: 1 << 24 }).into(),
        histograms: Vec::new(),
        timelines: vec![Timeline { role: Role::Client, points: (0..READINGS).map(point).collect() }],
        conditions: Conditions::default(),
        canary: None,
        unavailable: Vec::new(),
    }
}
