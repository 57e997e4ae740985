//! One fresh set of subject processes: its samples, its totals, and the conditions around it.

use serde::{Deserialize, Serialize};

use super::{Canary, Case, CaseLabel, Metric, Role, Timeline, UnixMillis};

/// A finished trial. Raw: everything shown is derived from this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Version of the operation, as the subject stated it.
    pub operation_version: u32,
    /// Which trial of its case, from 0.
    pub index: u32,
    /// Its place among all trials of the run, from 0.
    pub order: u32,
    /// When it began.
    pub started_at: UnixMillis,
    /// How long it took, set-up included, in nanoseconds.
    pub duration_ns: u64,
    /// How often each sample performed the operation. Sample values are totals over these.
    pub iterations: u64,
    /// How many samples at the start are warm-up: stored, never part of an estimate.
    pub warmup: u32,
    /// When each sample began, in nanoseconds since the trial began.
    pub starts_ns: Vec<u64>,
    /// The samples, a column a metric. Invariant: each column is as long as `starts_ns`.
    pub columns: Vec<SampleColumn>,
    /// What is known once a trial.
    pub totals: Vec<TrialTotal>,
    /// Reactor latencies of the samples that are not warm-up, a histogram a role that was asked for one.
    pub reactor: Vec<ReactorHistogram>,
    /// What each role used over time.
    pub timelines: Vec<Timeline>,
    /// What else was going on.
    pub conditions: Conditions,
    /// The canary around it. `None` where none was measured.
    pub canary: Option<Canary>,
}

/// All samples of one metric in one trial, in the order in which they were taken, warm-up first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleColumn {
    /// Of what.
    pub metric: Metric,
    /// In the metric's unit; totals over [`Trial::iterations`].
    pub values: Vec<u64>,
}

/// One value of a whole trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTotal {
    /// Of what.
    pub metric: Metric,
    /// In the metric's unit.
    pub value: u64,
}

/// Latencies of one role's reactor over a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactorHistogram {
    /// Whose.
    pub role: Role,
    /// `(nanoseconds, how many)`, ascending.
    pub counts: Vec<(u64, u64)>,
}

/// The machine around a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// Share of the trial in which some task waited for a CPU, in millionths (`/proc/pressure/cpu`, `some`).
    /// `None` where the kernel does not tell.
    pub pressure_ppm: Option<u64>,
    /// Share of the machine's CPU time that the hypervisor took, in millionths. `None` where the kernel does not tell.
    pub steal_ppm: Option<u64>,
    /// Share of the machine's CPU time used by processes other than subjects and runner, in millionths.
    pub others_ppm: Option<u64>,
    /// CPU time of the sampling thread over the trial's time, in millionths.
    pub sampler_ppm: u64,
    /// Smallest step of the subject's clock, in nanoseconds.
    pub clock_step_ns: u64,
}

impl Trial {
    /// The samples of `metric` that count, warm-up left out, each divided by the iterations it stands for.
    pub fn samples(&self, metric: Metric) -> Option<Vec<f64>> {
        let column = self.columns.iter().find(|column| column.metric == metric)?;
        let iterations = self.iterations.max(1) as f64;
        Some(column.values.iter().skip(self.warmup as usize).map(|value| *value as f64 / iterations).collect())
    }

    /// The value of a whole trial.
    pub fn total(&self, metric: Metric) -> Option<u64> {
        self.totals.iter().find(|total| total.metric == metric).map(|total| total.value)
    }

    /// Every metric that this trial has a value for, samples' first.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        self.columns.iter().map(|column| column.metric).chain(self.totals.iter().map(|total| total.metric))
    }
}
