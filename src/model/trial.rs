//! One fresh set of subject processes: its samples, its totals, and the conditions around it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Canary, Case, CaseLabel, Metric, Quantity, Role, Timeline, UnixMillis};

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
    /// Latencies of the samples that are not warm-up: at most one histogram of each kind a role.
    pub histograms: Vec<LatencyHistogram>,
    /// What each role used over time.
    pub timelines: Vec<Timeline>,
    /// What else was going on.
    pub conditions: Conditions,
    /// The canary around it. `None` where none was measured.
    pub canary: Option<Canary>,
    /// What it could not have, and another machine, build or subject would.
    #[serde(default)]
    pub unavailable: Vec<Unavailable>,
}

/// A metric that was wanted and could not be had. Missing is missing, never zero, and never without a reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unavailable {
    /// What is missing.
    pub metric: Metric,
    /// Why, in plain English: a clause without a full stop.
    pub reason: String,
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

/// Latencies that one role saw over a trial. Histograms of trials are merged by adding their counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyHistogram {
    /// Whose.
    pub role: Role,
    /// Of what.
    pub kind: LatencyKind,
    /// `(nanoseconds, how many)`, ascending.
    pub counts: Vec<(u64, u64)>,
}

/// What a latency was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencyKind {
    /// A no-op, from its planned time until the runtime polled it.
    Reactor,
    /// The answer to a request, from when it should have been sent.
    Request,
    /// Sending a request, from when it should have been sent: what the load generator itself adds.
    Lateness,
}

impl LatencyKind {
    /// Every kind.
    pub const ALL: [LatencyKind; 3] = [LatencyKind::Reactor, LatencyKind::Request, LatencyKind::Lateness];

    /// The word used in the database and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            LatencyKind::Reactor => "reactor",
            LatencyKind::Request => "request",
            LatencyKind::Lateness => "lateness",
        }
    }
}

/// The machine around a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// Share of the trial in which some task waited for a CPU, in millionths (`/proc/pressure/cpu`, `some`).
    /// `None` where the kernel does not report it.
    pub pressure_ppm: Option<u64>,
    /// Share of the machine's CPU time that the hypervisor took, in millionths. `None` where the kernel does not report it.
    pub steal_ppm: Option<u64>,
    /// Share of the machine's CPU time used by processes other than subjects and runner, in millionths.
    pub others_ppm: Option<u64>,
    /// CPU time of the sampling thread over the trial's time, in millionths.
    pub sampler_ppm: u64,
    /// Smallest step of the subject's clock, in nanoseconds.
    pub clock_step_ns: u64,
}

impl Trial {
    /// The first trial of a case, of one iteration a sample, without any sample yet. To be filled in.
    pub fn empty(case: Case) -> Trial {
        Trial {
            case,
            label: CaseLabel(String::new()),
            operation_version: 1,
            index: 0,
            order: 0,
            started_at: UnixMillis(0),
            duration_ns: 0,
            iterations: 1,
            warmup: 0,
            starts_ns: Vec::new(),
            columns: Vec::new(),
            totals: Vec::new(),
            histograms: Vec::new(),
            timelines: Vec::new(),
            conditions: Conditions::default(),
            canary: None,
            unavailable: Vec::new(),
        }
    }

    /// Every sample of `metric`, warm-up first, in its unit and for one operation. Rates are derived from what was done and
    /// the wall time that it took.
    pub fn values(&self, metric: Metric) -> Option<Vec<f64>> {
        let done = match metric.quantity {
            Quantity::Rate => Quantity::Items,
            Quantity::Throughput => Quantity::Payload,
            quantity => {
                let iterations = if quantity.adds_up() { self.iterations.max(1) as f64 } else { 1.0 };
                let each = |value: &u64| *value as f64 / iterations * quantity.scale();
                return Some(self.column(metric)?.iter().map(each).collect());
            }
        };
        let (done, wall) = (self.column(Metric::of_case(done))?, self.column(Metric::WALL_TIME)?);
        Some(done.iter().zip(wall).map(|(done, wall)| *done as f64 * 1e9 / (*wall).max(1) as f64).collect())
    }

    /// The samples of `metric` that count: as [`Trial::values`], warm-up left out.
    pub fn samples(&self, metric: Metric) -> Option<Vec<f64>> {
        self.values(metric).map(|values| values.into_iter().skip(self.warmup as usize).collect())
    }

    fn column(&self, metric: Metric) -> Option<&[u64]> {
        self.columns.iter().find(|column| column.metric == metric).map(|column| column.values.as_slice())
    }

    /// The value of a whole trial.
    pub fn total(&self, metric: Metric) -> Option<u64> {
        self.totals.iter().find(|total| total.metric == metric).map(|total| total.value)
    }

    /// Every metric that this trial has a value for, samples' first.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        let samples = self.columns.iter().map(|column| match column.metric.quantity {
            Quantity::Items => Metric::of_case(Quantity::Rate),
            Quantity::Payload => Metric::of_case(Quantity::Throughput),
            _ => column.metric,
        });
        samples.chain(self.totals.iter().map(|total| total.metric))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_what_was_done_and_the_time_it_took() {
        let column =
            |quantity, values: [u64; 3]| SampleColumn { metric: Metric::of_case(quantity), values: values.into() };
        let busy = Metric::of(Role::Client, Quantity::ReactorBusy);
        let trial = Trial {
            iterations: 2,
            warmup: 1,
            starts_ns: vec![0, 1, 2],
            columns: vec![
                column(Quantity::WallTime, [9, 500_000_000, 2_000_000_000]),
                column(Quantity::Items, [20, 20, 20]),
                SampleColumn { metric: busy, values: vec![0, 250_000, 1_000_000] },
            ],
            ..Trial::empty(Case::plain("a/b"))
        };
        assert_eq!(trial.samples(Metric::WALL_TIME), Some(vec![250_000_000.0, 1_000_000_000.0]));
        assert_eq!(trial.samples(Metric::of_case(Quantity::Rate)), Some(vec![40.0, 10.0]));
        assert_eq!(trial.samples(Metric::of_case(Quantity::Throughput)), None);
        assert_eq!(trial.samples(busy), Some(vec![0.25, 1.0]));
        let metrics: Vec<Metric> = trial.metrics().collect();
        assert_eq!(metrics, [Metric::WALL_TIME, Metric::of_case(Quantity::Rate), busy]);
    }
}
