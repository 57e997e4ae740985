//! How the model's records are written on pages: glyphs with words, units, dates. No decisions.

use crate::{
    history::RunListing,
    model::{
        Check, CheckName, CheckStatus, Grade, Interval, Metric, Quantity, Role, RunState, Summary, Unit, UnixMillis,
    },
};

/// A state told by shape and word; the word is also the CSS class of its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sign {
    /// The shape.
    pub(crate) glyph: &'static str,
    /// The word.
    pub(crate) word: &'static str,
}

impl Sign {
    pub(crate) const SOUND: Sign = Sign { glyph: "●", word: "sound" };
    pub(crate) const NOISY: Sign = Sign { glyph: "◐", word: "noisy" };
    pub(crate) const UNUSABLE: Sign = Sign { glyph: "○", word: "unusable" };
    pub(crate) const FAILED: Sign = Sign { glyph: "✕", word: "failed" };
    pub(crate) const UNSUPPORTED: Sign = Sign { glyph: "–", word: "unsupported" };

    pub(crate) const fn grade(grade: Grade) -> Sign {
        match grade {
            Grade::Sound => Sign::SOUND,
            Grade::Noisy => Sign::NOISY,
            Grade::Unusable => Sign::UNUSABLE,
        }
    }

    pub(crate) const fn check(status: CheckStatus) -> Sign {
        match status {
            CheckStatus::Pass => Sign { glyph: "●", word: "pass" },
            CheckStatus::Warn => Sign { glyph: "◐", word: "warn" },
            CheckStatus::Fail => Sign { glyph: "○", word: "fail" },
        }
    }
}

/// How far a run came, as people say it.
pub(crate) const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "being measured",
        RunState::Interrupted => "interrupted; the same command resumes it",
        RunState::Finished => "finished",
        RunState::Unsupported => "unsupported: no subject that speaks the contract",
        RunState::BuildFailed => "does not build",
    }
}

/// How many trials a run has, of how many. A run alone goes on beyond its plan for a while where intervals are wide.
pub(crate) fn trials(listing: &RunListing) -> String {
    match (listing.trials, listing.planned_trials) {
        (trials, 0) => format!("{trials} trials"),
        (trials, planned) if trials > planned => format!("{trials} trials, {planned} of them planned"),
        (trials, planned) => format!("{trials} of {planned} trials"),
    }
}

/// A metric as people say it: `Peak memory of the client`.
pub(crate) fn metric(metric: Metric) -> String {
    let quantity = match metric.quantity {
        Quantity::WallTime => return "Wall time".to_owned(),
        Quantity::FirstResult => return "Time to the first result".to_owned(),
        Quantity::Rate => return "Things a second".to_owned(),
        Quantity::Throughput => return "Payload a second".to_owned(),
        Quantity::Items => return "Things handled".to_owned(),
        Quantity::Payload => return "Payload handled".to_owned(),
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
        Quantity::Dropped => "Requests that could not be sent",
        Quantity::ReactorBusy => "Busy share of the reactor",
        Quantity::ReactorQueue => "Longest queue of the reactor",
        Quantity::ReactorBlocked => "Time blocked in the reactor",
        Quantity::LatencyP50 => "Latency of requests, median,",
        Quantity::LatencyP90 => "Latency of requests, 90th percentile,",
        Quantity::LatencyP99 => "Latency of requests, 99th percentile,",
        Quantity::LatencyP999 => "Latency of requests, 99.9th percentile,",
        Quantity::LatencyMax => "Latency of requests, maximum,",
        Quantity::LatenessP99 => "Lateness of requests, 99th percentile,",
        Quantity::ReactorP50 => "Reactor latency, median,",
        Quantity::ReactorP90 => "Reactor latency, 90th percentile,",
        Quantity::ReactorP99 => "Reactor latency, 99th percentile,",
        Quantity::ReactorP999 => "Reactor latency, 99.9th percentile,",
        Quantity::ReactorMax => "Reactor latency, maximum,",
        Quantity::RssPeak => "Peak memory",
        Quantity::RssMean => "Mean memory",
        Quantity::RssBefore => "Memory before samples",
        Quantity::RssAfter => "Memory after samples",
        Quantity::CpuTotal => "CPU time from start to exit",
        Quantity::CpuUser => "CPU time in user mode from start to exit",
        Quantity::CpuSystem => "CPU time in the kernel from start to exit",
        Quantity::VoluntarySwitches => "Voluntary switches",
        Quantity::InvoluntarySwitches => "Involuntary switches",
        Quantity::MinorFaults => "Page faults without I/O",
        Quantity::MajorFaults => "Page faults with I/O",
    };
    match metric.role {
        Some(role) => format!("{quantity} of the {}", self::role(role)),
        None => quantity.to_owned(),
    }
}

/// A role as people say it.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Load => "load generator",
    }
}

/// Whether a metric decides about a commit: wall time, and CPU time and peak memory of each role (the gate metrics).
pub(crate) const fn is_gate(metric: Metric) -> bool {
    matches!(metric.quantity, Quantity::WallTime | Quantity::CpuTime | Quantity::RssPeak)
        && !matches!(metric.role, Some(Role::Load))
}

/// Whether a metric is one that people ask for first: what decides about a commit, and what somebody who waits feels.
pub(crate) const fn is_headline(metric: Metric) -> bool {
    use Quantity::{FirstResult, LatencyP50, LatencyP99, Rate, ReactorP99};
    is_gate(metric) || matches!(metric.quantity, FirstResult | Rate | LatencyP50 | LatencyP99 | ReactorP99)
}

/// An estimate to the precision of its interval: `61.4 ms`.
pub(crate) fn estimate(metric: Metric, estimate: f64, interval: Option<Interval>) -> String {
    match interval {
        Some(Interval { low, high, .. }) => metric.unit().format_estimate(estimate, low, high),
        None => metric.unit().format(estimate),
    }
}

/// An estimate with its interval: `61.42 ms (60.51 … 62.33)`.
pub(crate) fn with_interval(metric: Metric, summary: &Summary) -> String {
    match summary.interval {
        Some(Interval { low, high, .. }) => metric.unit().format_with_interval(summary.estimate, low, high),
        None => format!("{}, too few trials for an interval", metric.unit().format(summary.estimate)),
    }
}

/// Half the interval over the estimate: `±1.5%`. Empty without an interval or for an estimate of zero.
pub(crate) fn half_width(estimate: f64, interval: Option<Interval>) -> String {
    let Some(Interval { low, high, .. }) = interval else { return String::new() };
    let share = (high - low) / 2.0 / estimate;
    if !share.is_finite() {
        return String::new();
    }
    if share < 0.000_5 { "±0%".to_owned() } else { format!("±{:.1}%", share * 100.0) }
}

/// A check's figure or limit in the check's own unit.
pub(crate) fn figure(name: CheckName, value: f64) -> String {
    match name {
        CheckName::Verified
        | CheckName::Precise
        | CheckName::WarmedUp
        | CheckName::Outliers
        | CheckName::Undisturbed
        | CheckName::LowOverhead => Unit::Ratio.format(value),
        CheckName::Independent | CheckName::Unimodal => format!("{value:.2}"),
        CheckName::EnoughTrials => Unit::Count.format(value),
        CheckName::ClockResolved => format!("{} ×", Unit::Count.format(value)),
    }
}

/// What a check looks at, in a few words.
pub(crate) const fn check(name: CheckName) -> &'static str {
    match name {
        CheckName::Verified => "results that were the expected ones",
        CheckName::EnoughTrials => "trials for an interval",
        CheckName::Precise => "half the interval over the estimate",
        CheckName::WarmedUp => "trend left after warm-up, beyond chance",
        CheckName::Independent => "how much a trial resembles the one before it",
        CheckName::Unimodal => "gap between two groups of values over the spread within them",
        CheckName::Outliers => "share of samples far outside the others",
        CheckName::ClockResolved => "sample over the clock's step",
        CheckName::Undisturbed => "share of the time lost to others, or how far a fixed workload strayed",
        CheckName::LowOverhead => "CPU time of looking at the processes, over the time measured",
    }
}

/// Names of the checks that do not pass: `precise, quiet`.
pub(crate) fn complaints(checks: &[Check]) -> String {
    let failing = checks.iter().filter(|check| check.status != CheckStatus::Pass);
    failing.map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A point in time for people: `2026-11-21 04:15 UTC`. Always absolute, so that a kept page never lies.
pub(crate) fn date(at: UnixMillis) -> String {
    timestamp(at).map_or_else(|| "an impossible date".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn timestamp(at: UnixMillis) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).ok()
}

/// `1 failure`, `2 failures`.
pub(crate) fn counted(count: u32, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @1795234500
        assert_eq!(date(UnixMillis(1_795_234_500_123)), "2026-11-21 04:15 UTC");
        assert_eq!(date(UnixMillis(i64::MAX)), "an impossible date");
    }

    #[test]
    fn half_widths_are_shares_of_the_estimate() {
        let interval = |low, high| Some(Interval { low, high, level: 0.95 });
        assert_eq!(half_width(100.0, interval(98.0, 101.0)), "±1.5%");
        assert_eq!(half_width(100.0, interval(100.0, 100.0)), "±0%");
        assert_eq!(half_width(0.0, interval(0.0, 0.0)), "");
        assert_eq!(half_width(1.0, None), "");
    }

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            Quantity::ALL.iter().map(|quantity| metric(Metric::of(Role::Server, *quantity))).collect();
        assert_eq!(names.len(), Quantity::ALL.len());
    }
}
