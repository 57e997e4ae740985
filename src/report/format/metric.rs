//! Metrics and roles in words.

use crate::model::{Metric, Quantity, Role};

/// A metric as people say it: `Peak memory of the client`.
pub fn metric(metric: Metric) -> String {
    match metric.role {
        Some(role) => format!("{} of the {}", quantity(metric.quantity), self::role(role)),
        None => quantity(metric.quantity).to_owned(),
    }
}

const fn quantity(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::WallTime => "Wall time",
        Quantity::FirstResult => "Time to first result",
        Quantity::Rate => "Items per second",
        Quantity::Throughput => "Throughput",
        Quantity::Items => "Items processed",
        Quantity::Payload => "Payload processed",
        Quantity::CpuTime => "CPU time",
        Quantity::BytesRead => "Bytes read",
        Quantity::BytesWritten => "Bytes written",
        Quantity::StorageWritten => "Bytes written to storage",
        Quantity::ReadCalls => "Read calls",
        Quantity::WriteCalls => "Write calls",
        Quantity::WireSent => "Bytes sent",
        Quantity::WireReceived => "Bytes received",
        Quantity::Requests => "Requests",
        Quantity::Fsyncs => "Fsyncs",
        Quantity::AllocatedBytes => "Bytes allocated",
        Quantity::Allocations => "Allocations",
        Quantity::Instructions => "Instructions",
        Quantity::Errors => "Failed requests",
        Quantity::Dropped => "Dropped requests",
        Quantity::ReactorBusy => "Busy share of the reactor",
        Quantity::ReactorQueue => "Longest reactor queue",
        Quantity::ReactorBlocked => "Time the reactor was blocked",
        Quantity::LatencyP50 => "Request latency (median)",
        Quantity::LatencyP90 => "Request latency (90th percentile)",
        Quantity::LatencyP99 => "Request latency (99th percentile)",
        Quantity::LatencyP999 => "Request latency (99.9th percentile)",
        Quantity::LatencyMax => "Request latency (maximum)",
        Quantity::LatenessP99 => "Request lateness (99th percentile)",
        Quantity::ReactorP50 => "Reactor latency (median)",
        Quantity::ReactorP90 => "Reactor latency (90th percentile)",
        Quantity::ReactorP99 => "Reactor latency (99th percentile)",
        Quantity::ReactorP999 => "Reactor latency (99.9th percentile)",
        Quantity::ReactorMax => "Reactor latency (maximum)",
        Quantity::RssPeak => "Peak memory",
        Quantity::RssMean => "Mean memory",
        Quantity::RssBefore => "Memory before samples",
        Quantity::RssAfter => "Memory after samples",
        Quantity::CpuTotal => "CPU time from start to exit",
        Quantity::CpuUser => "User CPU time from start to exit",
        Quantity::CpuSystem => "System CPU time from start to exit",
        Quantity::VoluntarySwitches => "Voluntary context switches",
        Quantity::InvoluntarySwitches => "Involuntary context switches",
        Quantity::MinorFaults => "Minor page faults",
        Quantity::MajorFaults => "Major page faults",
    }
}

/// A role as people say it.
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Load => "load generator",
    }
}

/// Whether people ask for a metric first: the gate metrics by default, and what somebody who waits feels.
pub fn is_headline(metric: Metric) -> bool {
    use Quantity::{FirstResult, LatencyP50, LatencyP99, Rate, ReactorP99};
    metric.gates_by_default() || matches!(metric.quantity, FirstResult | Rate | LatencyP50 | LatencyP99 | ReactorP99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            Quantity::ALL.iter().map(|quantity| metric(Metric::of(Role::Server, *quantity))).collect();
        assert_eq!(names.len(), Quantity::ALL.len());
    }
}
