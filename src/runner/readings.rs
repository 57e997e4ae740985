//! The samples of a trial as they come in, from the subjects' own words and from outside, until they are columns.

use std::collections::BTreeMap;

use benchline_subject::contract::{LatencyCount, Observed, Role, Sample};
use hdrhistogram::Histogram;

use super::subject::Subject;
use crate::{
    model::{Metric, Quantity, ReactorHistogram, SampleColumn, TrialTotal},
    probe::process::Counters,
};

/// One iteration as everybody saw it.
pub(super) struct Reading {
    pub(super) sample: Sample,
    /// What each role used, in the order of the subjects.
    pub(super) used: Vec<Counters>,
    /// What roles other than the client counted.
    pub(super) observed: Vec<Option<Observed>>,
}

/// The samples of a trial as they come in.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) starts_ns: Vec<u64>,
    values: BTreeMap<Metric, Vec<u64>>,
    reactor: BTreeMap<Role, BTreeMap<u64, u64>>,
}

impl Readings {
    pub(super) fn add(&mut self, subjects: &[Subject], starts_ns: u64, counts: bool, reading: &Reading) {
        self.starts_ns.push(starts_ns);
        self.push(Metric::WALL_TIME, reading.sample.wall_ns);
        for (index, subject) in subjects.iter().enumerate() {
            let role = subject.role();
            let mut used = reading.used[index];
            let (counters, reactor) = match &reading.observed[index] {
                Some(observed) => (&observed.counters, &observed.reactor),
                None => (&reading.sample.counters, &reading.sample.reactor),
            };
            if role == Role::Client {
                // The client times exactly what it did; from outside, the pipe would be in it.
                used.cpu_ns = reading.sample.cpu_ns;
            }
            self.push(Metric::of(role, Quantity::CpuTime), used.cpu_ns);
            self.push(Metric::of(role, Quantity::BytesRead), used.bytes_read);
            self.push(Metric::of(role, Quantity::BytesWritten), used.bytes_written);
            self.push(Metric::of(role, Quantity::StorageWritten), used.storage_written);
            self.push(Metric::of(role, Quantity::ReadCalls), used.read_calls);
            self.push(Metric::of(role, Quantity::WriteCalls), used.write_calls);
            for quantity in [Quantity::WireSent, Quantity::WireReceived, Quantity::Requests, Quantity::Fsyncs] {
                if let Some(value) = counters.get(quantity.as_str()) {
                    self.push(Metric::of(role, quantity), *value);
                }
            }
            if counts {
                let merged = self.reactor.entry(role).or_default();
                reactor.iter().for_each(|(latency, count)| *merged.entry(*latency).or_default() += count);
            }
        }
    }

    fn push(&mut self, metric: Metric, value: u64) {
        self.values.entry(metric).or_default().push(value);
    }

    /// Columns that have a value for every sample (a counter that came and went is no column), and histograms that hold
    /// anything.
    pub(super) fn columns(&self) -> (Vec<SampleColumn>, Vec<ReactorHistogram>) {
        let whole = self.values.iter().filter(|(_, values)| values.len() == self.starts_ns.len());
        let columns = whole.map(|(metric, values)| SampleColumn { metric: *metric, values: values.clone() }).collect();
        let filled = self.reactor.iter().filter(|(_, counts)| !counts.is_empty());
        let reactor = filled
            .map(|(role, counts)| ReactorHistogram { role: *role, counts: counts.clone().into_iter().collect() })
            .collect();
        (columns, reactor)
    }
}

/// Percentiles of a histogram as metrics of its role.
pub(super) fn percentiles(reactor: &ReactorHistogram) -> Vec<TrialTotal> {
    let histogram = histogram_of(&reactor.counts);
    [
        (Quantity::ReactorP50, 0.5),
        (Quantity::ReactorP90, 0.9),
        (Quantity::ReactorP99, 0.99),
        (Quantity::ReactorP999, 0.999),
        (Quantity::ReactorMax, 1.0),
    ]
    .map(|(quantity, share)| TrialTotal {
        metric: Metric::of(reactor.role, quantity),
        value: histogram.as_ref().map_or(0, |histogram| histogram.value_at_quantile(share)),
    })
    .to_vec()
}

/// 1 ns to a minute at three digits; longer latencies count as a minute.
fn histogram_of(counts: &[LatencyCount]) -> Option<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).ok()?;
    for (latency, count) in counts {
        histogram.saturating_record_n(*latency, *count);
    }
    Some(histogram)
}
