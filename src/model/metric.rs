//! What can be measured: the closed list of quantities, each with its unit, its direction and its grain.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de};

use super::Role;
use crate::units::Unit;

/// A measured quantity of one role. What a person waits for, and how much is done meanwhile, belong to the case as a whole
/// and have no role; see [`Quantity::of_case`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    /// Whose; `None` for the case as a whole.
    pub role: Option<Role>,
    /// Of what.
    pub quantity: Quantity,
}

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// How often a quantity has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grain {
    /// One value a sample.
    Sample,
    /// One value a trial.
    Trial,
}

macro_rules! quantities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $unit:ident, $grain:ident;)*) => {
        /// The closed list of quantities.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quantity { $($(#[$doc])* $variant,)* }

        impl Quantity {
            /// Every quantity, in the order in which pages show them.
            pub const ALL: &'static [Quantity] = &[$(Quantity::$variant,)*];

            /// The word used in metric names.
            pub const fn as_str(self) -> &'static str {
                match self { $(Quantity::$variant => $name,)* }
            }

            /// Unit of the raw values.
            pub const fn unit(self) -> Unit {
                match self { $(Quantity::$variant => Unit::$unit,)* }
            }

            /// Whether each sample or each trial has a value.
            pub const fn grain(self) -> Grain {
                match self { $(Quantity::$variant => Grain::$grain,)* }
            }
        }
    };
}

quantities! {
    /// Monotonic time that the client took.
    WallTime = "wall_time", Nanoseconds, Sample;
    /// Time until the first thing that a person waits for is there (a list before its contents; what is urgent).
    FirstResult = "first_result", Nanoseconds, Sample;
    /// Things handled a second. Derived: [`Quantity::Items`] over wall time.
    Rate = "rate", PerSecond, Sample;
    /// Payload handled a second. Derived: [`Quantity::Payload`] over wall time.
    Throughput = "throughput", BytesPerSecond, Sample;
    /// Things handled. No series of its own: it is what rates are derived from.
    Items = "items", Count, Sample;
    /// Payload bytes handled. No series of its own: it is what throughput is derived from.
    Payload = "payload", Bytes, Sample;
    /// CPU time, user and system, of the whole process.
    CpuTime = "cpu_time", Nanoseconds, Sample;
    /// Bytes that reached read calls (`rchar`): files, pipes and sockets.
    BytesRead = "bytes_read", Bytes, Sample;
    /// Bytes handed to write calls (`wchar`): files, pipes and sockets.
    BytesWritten = "bytes_written", Bytes, Sample;
    /// Bytes that the process caused to be written to storage.
    StorageWritten = "storage_written", Bytes, Sample;
    /// Read calls.
    ReadCalls = "read_calls", Count, Sample;
    /// Write calls.
    WriteCalls = "write_calls", Count, Sample;
    /// Bytes that the subject sent over the network, as it counts them.
    WireSent = "wire_sent", Bytes, Sample;
    /// Bytes that the subject received over the network, as it counts them.
    WireReceived = "wire_received", Bytes, Sample;
    /// HTTP requests, as the subject counts them.
    Requests = "requests", Count, Sample;
    /// Calls of fsync, as the subject counts them.
    Fsyncs = "fsyncs", Count, Sample;
    /// Bytes that the subject asked its allocator for, in a build that counts them.
    AllocatedBytes = "allocated_bytes", Bytes, Sample;
    /// Times that the subject asked its allocator for memory, in a build that counts them.
    Allocations = "allocations", Count, Sample;
    /// Instructions of all threads in user mode, where the machine counts them.
    Instructions = "instructions", Count, Sample;
    /// Requests that got no right answer, or none at all.
    Errors = "errors", Count, Sample;
    /// Requests that were planned and could not be sent.
    Dropped = "dropped", Count, Sample;
    /// Share of the time of the runtime's workers in which they were busy, in millionths, as the runtime counts it.
    ReactorBusy = "reactor_busy", Ratio, Sample;
    /// The most tasks seen waiting in the runtime's queue.
    ReactorQueue = "reactor_queue", Count, Sample;
    /// Time in which the reactor answered nothing, blocks too short to matter left out.
    ReactorBlocked = "reactor_blocked", Nanoseconds, Sample;
    /// Reactor latency, median.
    ReactorP50 = "reactor_p50", Nanoseconds, Trial;
    /// Reactor latency, 90th percentile.
    ReactorP90 = "reactor_p90", Nanoseconds, Trial;
    /// Reactor latency, 99th percentile.
    ReactorP99 = "reactor_p99", Nanoseconds, Trial;
    /// Reactor latency, 99.9th percentile.
    ReactorP999 = "reactor_p999", Nanoseconds, Trial;
    /// Reactor latency, maximum.
    ReactorMax = "reactor_max", Nanoseconds, Trial;
    /// Latency of requests, from when each should have been sent, median.
    LatencyP50 = "latency_p50", Nanoseconds, Trial;
    /// Latency of requests, 90th percentile.
    LatencyP90 = "latency_p90", Nanoseconds, Trial;
    /// Latency of requests, 99th percentile.
    LatencyP99 = "latency_p99", Nanoseconds, Trial;
    /// Latency of requests, 99.9th percentile.
    LatencyP999 = "latency_p999", Nanoseconds, Trial;
    /// Latency of requests, maximum.
    LatencyMax = "latency_max", Nanoseconds, Trial;
    /// How late the load generator itself was with its requests, 99th percentile.
    LatenessP99 = "lateness_p99", Nanoseconds, Trial;
    /// Highest resident memory (VmHWM) while samples were taken.
    RssPeak = "rss_peak", MemoryBytes, Trial;
    /// Mean resident memory while samples were taken.
    RssMean = "rss_mean", MemoryBytes, Trial;
    /// Resident memory when set-up was over.
    RssBefore = "rss_before", MemoryBytes, Trial;
    /// Resident memory after the last sample.
    RssAfter = "rss_after", MemoryBytes, Trial;
    /// CPU time from start to exit.
    CpuTotal = "cpu_total", Nanoseconds, Trial;
    /// CPU time in user mode from start to exit.
    CpuUser = "cpu_user", Nanoseconds, Trial;
    /// CPU time in the kernel from start to exit.
    CpuSystem = "cpu_system", Nanoseconds, Trial;
    /// Voluntary context switches from start to exit.
    VoluntarySwitches = "voluntary_switches", Count, Trial;
    /// Involuntary context switches from start to exit.
    InvoluntarySwitches = "involuntary_switches", Count, Trial;
    /// Page faults without I/O, from start to exit.
    MinorFaults = "minor_faults", Count, Trial;
    /// Page faults with I/O, from start to exit.
    MajorFaults = "major_faults", Count, Trial;
}

impl Quantity {
    /// Whether it belongs to the case as a whole, and not to one role.
    pub const fn of_case(self) -> bool {
        use Quantity::{FirstResult, Items, Payload, Rate, Throughput, WallTime};
        matches!(self, WallTime | FirstResult | Rate | Throughput | Items | Payload)
    }

    /// What one stored number is worth in the quantity's unit. Shares are stored in millionths.
    pub const fn scale(self) -> f64 {
        match self {
            Quantity::ReactorBusy => 1e-6,
            _ => 1.0,
        }
    }

    /// Whether a sample's value grows with the number of its operations, so that it is shown for one of them.
    pub const fn adds_up(self) -> bool {
        !matches!(self, Quantity::ReactorBusy | Quantity::ReactorQueue)
    }
}

impl Metric {
    /// Wall time, the one metric every case has.
    pub const WALL_TIME: Metric = Metric::of_case(Quantity::WallTime);

    /// The gate metrics of every scenario, see [`super::Rules::gates`]: wall time, and CPU time and peak memory of client
    /// and server. What the load generator uses is not the subject's.
    pub const DEFAULT_GATES: [Metric; 5] = [
        Metric::WALL_TIME,
        Metric::of(Role::Client, Quantity::CpuTime),
        Metric::of(Role::Client, Quantity::RssPeak),
        Metric::of(Role::Server, Quantity::CpuTime),
        Metric::of(Role::Server, Quantity::RssPeak),
    ];

    /// Whether it is a gate metric of every scenario: for readers of a run who do not have the scenario's rules.
    pub fn gates_by_default(self) -> bool {
        Metric::DEFAULT_GATES.contains(&self)
    }

    /// A quantity of the case as a whole.
    pub const fn of_case(quantity: Quantity) -> Metric {
        Metric { role: None, quantity }
    }

    /// A quantity of one role.
    pub const fn of(role: Role, quantity: Quantity) -> Metric {
        Metric { role: Some(role), quantity }
    }

    /// Unit of the raw values.
    pub const fn unit(self) -> Unit {
        self.quantity.unit()
    }

    /// Which way is good.
    pub const fn direction(self) -> Direction {
        use Quantity::{Items, Payload, Rate, Throughput};
        match self.quantity {
            Rate | Throughput | Items | Payload => Direction::Higher,
            _ => Direction::Lower,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(role) = self.role {
            write!(f, "{}.", role.as_str())?;
        }
        f.write_str(self.quantity.as_str())
    }
}

/// The text is not the name of a metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no metric `{0}`; a metric is of the case (`wall_time`) or `ROLE.QUANTITY`, such as `client.cpu_time`"
)]
pub struct ParseMetricError(pub String);

impl FromStr for Metric {
    type Err = ParseMetricError;

    fn from_str(text: &str) -> Result<Metric, ParseMetricError> {
        let unknown = || ParseMetricError(text.to_owned());
        let (role, quantity) = match text.split_once('.') {
            None => (None, text),
            Some((role, quantity)) => {
                let role = [Role::Client, Role::Server, Role::Load].into_iter().find(|r| r.as_str() == role);
                (Some(role.ok_or_else(unknown)?), quantity)
            }
        };
        let quantity = Quantity::ALL.iter().copied().find(|q| q.as_str() == quantity).ok_or_else(unknown)?;
        if role.is_none() != quantity.of_case() {
            return Err(unknown());
        }
        Ok(Metric { role, quantity })
    }
}

impl Serialize for Metric {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A metric of the case (`wall_time`), or `ROLE.QUANTITY` (`client.cpu_time`).",
            "type": "string",
            "pattern": "^((client|server|load)\\.)?[a-z0-9_]+$",
        })
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Metric, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_metrics_correspond() {
        for quantity in Quantity::ALL {
            let metric = match quantity.of_case() {
                true => Metric::of_case(*quantity),
                false => Metric::of(Role::Server, *quantity),
            };
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        for wrong in ["", "cpu_time", "client.wall_time", "nobody.cpu_time", "client.", ".cpu_time"] {
            assert!(wrong.parse::<Metric>().is_err(), "{wrong}");
        }
    }
}
