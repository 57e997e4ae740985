//! The samples of a trial as they come in, reported by the subjects and read from outside, until they are columns.

use std::collections::BTreeMap;

use benchline_contract::{LatencyCount, Observed, Role, Sample};
use hdrhistogram::Histogram;

use super::subject::Subject;
use crate::{
    model::{LatencyHistogram, LatencyKind, Metric, Quantity, SampleColumn, TrialTotal},
    probe::process::Counters,
};

/// What a role counts itself, where it does.
const COUNTED: [Quantity; 12] = [
    Quantity::WireSent,
    Quantity::WireReceived,
    Quantity::Requests,
    Quantity::Fsyncs,
    Quantity::AllocatedBytes,
    Quantity::Allocations,
    Quantity::Errors,
    Quantity::Dropped,
    Quantity::ReactorBusy,
    Quantity::ReactorQueue,
    Quantity::ReactorBlocked,
    Quantity::FirstResult,
];

/// One iteration: what each role reported, and what was read of it from outside.
pub(super) struct Reading {
    pub(super) sample: Sample,
    /// What each role used, in the order of the subjects.
    pub(super) used: Vec<Counters>,
    /// Instructions of each role, where they were counted, in the same order.
    pub(super) instructions: Vec<Option<u64>>,
    /// What roles that do not iterate counted.
    pub(super) observed: Vec<Option<Observed>>,
}

/// The samples of a trial as they come in.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) starts_ns: Vec<u64>,
    values: BTreeMap<Metric, Vec<u64>>,
    histograms: BTreeMap<(Role, LatencyKind), BTreeMap<u64, u64>>,
    reported_peaks: BTreeMap<Role, u64>,
}

impl Readings {
    /// Adds a sample of `iterations` operations. The latencies of warm-up samples are left out.
    pub(super) fn add(
        &mut self,
        subjects: &[Subject],
        starts_ns: u64,
        iterations: u64,
        counts: bool,
        reading: &Reading,
    ) {
        self.starts_ns.push(starts_ns);
        self.push(Metric::WALL_TIME, reading.sample.wall_ns);
        self.push(Metric::of_case(Quantity::Items), reading.sample.items * iterations);
        self.push(Metric::of_case(Quantity::Payload), reading.sample.bytes * iterations);
        for (index, subject) in subjects.iter().enumerate() {
            let role = subject.role();
            let mut used = reading.used[index];
            let sample = &reading.sample;
            let (counters, reactor) = match &reading.observed[index] {
                Some(observed) => (&observed.counters, &observed.reactor),
                None => {
                    // The role that iterates times exactly its own work; readings from outside would include the pipe.
                    used.cpu_ns = sample.cpu_ns;
                    if counts {
                        self.merge(role, LatencyKind::Request, &sample.latency);
                        self.merge(role, LatencyKind::Lateness, &sample.lateness);
                    }
                    (&sample.counters, &sample.reactor)
                }
            };
            self.push(Metric::of(role, Quantity::CpuTime), used.cpu_ns);
            self.push(Metric::of(role, Quantity::BytesRead), used.bytes_read);
            self.push(Metric::of(role, Quantity::BytesWritten), used.bytes_written);
            self.push(Metric::of(role, Quantity::StorageWritten), used.storage_written);
            self.push(Metric::of(role, Quantity::ReadCalls), used.read_calls);
            self.push(Metric::of(role, Quantity::WriteCalls), used.write_calls);
            if let Some(instructions) = reading.instructions[index] {
                self.push(Metric::of(role, Quantity::Instructions), instructions);
            }
            for quantity in COUNTED {
                if let Some(value) = counters.get(quantity.as_str()) {
                    let whose = if quantity.of_case() { None } else { Some(role) };
                    self.push(Metric { role: whose, quantity }, *value);
                }
            }
            if counts {
                self.merge(role, LatencyKind::Reactor, reactor);
                let reported = self.reported_peaks.entry(role).or_default();
                *reported = counters.get(Quantity::RssPeak.as_str()).copied().unwrap_or(0).max(*reported);
            }
        }
    }

    /// The highest resident memory that a role reported of processes that ended before they were seen from outside; 0
    /// where it reported none.
    pub(super) fn reported_peak(&self, role: Role) -> u64 {
        self.reported_peaks.get(&role).copied().unwrap_or(0)
    }

    fn merge(&mut self, role: Role, kind: LatencyKind, counts: &[LatencyCount]) {
        let merged = self.histograms.entry((role, kind)).or_default();
        counts.iter().for_each(|(latency, count)| *merged.entry(*latency).or_default() += count);
    }

    fn push(&mut self, metric: Metric, value: u64) {
        self.values.entry(metric).or_default().push(value);
    }

    /// Columns that have a value for every sample (a counter that came and went is no column), and histograms that hold
    /// anything.
    pub(super) fn columns(&self) -> (Vec<SampleColumn>, Vec<LatencyHistogram>) {
        let whole = self.values.iter().filter(|(_, values)| values.len() == self.starts_ns.len());
        let columns = whole.map(|(metric, values)| SampleColumn { metric: *metric, values: values.clone() }).collect();
        let filled = self.histograms.iter().filter(|(_, counts)| !counts.is_empty());
        let histograms = filled
            .map(|((role, kind), counts)| LatencyHistogram {
                role: *role,
                kind: *kind,
                counts: counts.clone().into_iter().collect(),
            })
            .collect();
        (columns, histograms)
    }
}

/// Percentiles of a histogram as metrics of its role.
pub(super) fn percentiles(of: &LatencyHistogram) -> Vec<TrialTotal> {
    let quantities: &[(Quantity, f64)] = match of.kind {
        LatencyKind::Reactor => &[
            (Quantity::ReactorP50, 0.5),
            (Quantity::ReactorP90, 0.9),
            (Quantity::ReactorP99, 0.99),
            (Quantity::ReactorP999, 0.999),
            (Quantity::ReactorMax, 1.0),
        ],
        LatencyKind::Request => &[
            (Quantity::LatencyP50, 0.5),
            (Quantity::LatencyP90, 0.9),
            (Quantity::LatencyP99, 0.99),
            (Quantity::LatencyP999, 0.999),
            (Quantity::LatencyMax, 1.0),
        ],
        LatencyKind::Lateness => &[(Quantity::LatenessP99, 0.99)],
    };
    let Some(histogram) = histogram_of(&of.counts) else { return Vec::new() };
    let total = |(quantity, share): &(Quantity, f64)| TrialTotal {
        metric: Metric::of(of.role, *quantity),
        value: histogram.value_at_quantile(*share),
    };
    quantities.iter().map(total).collect()
}

/// 1 ns to a minute at three digits; longer latencies count as a minute.
fn histogram_of(counts: &[LatencyCount]) -> Option<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).ok()?;
    for (latency, count) in counts {
        histogram.saturating_record_n(*latency, *count);
    }
    Some(histogram)
}
