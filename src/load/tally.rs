//! What became of the requests: counts by outcome, bytes, and histograms of times. It must never leave out a request that
//! was sent, or count one twice.

use std::ops::Range;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::error::LoadError;

/// Times outside of these, in nanoseconds, count as these.
const SHORTEST: u64 = 1_000;
const LONGEST: u64 = 600_000_000_000;
/// Significant decimal digits that a time keeps.
const DIGITS: u8 = 3;

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// No connection for another reason: no way, no port, no descriptor left.
    Unreachable,
    /// The connection broke.
    Reset,
    /// The server closed the connection before its answer was whole.
    TooShort,
    /// There was no whole answer in time.
    Timeout,
    /// A whole answer with another status than the right one.
    Status,
    /// A whole answer of the right status, with another body than the right one.
    Content,
    /// What came is not HTTP/1.1.
    Malformed,
    /// The head or the body is longer than the limit.
    TooLong,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 9] = [
        Fault::Refused,
        Fault::Unreachable,
        Fault::Reset,
        Fault::TooShort,
        Fault::Timeout,
        Fault::Status,
        Fault::Content,
        Fault::Malformed,
        Fault::TooLong,
    ];

    /// A word for people and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Unreachable => "unreachable",
            Fault::Reset => "reset",
            Fault::TooShort => "too_short",
            Fault::Timeout => "timeout",
            Fault::Status => "status",
            Fault::Content => "content",
            Fault::Malformed => "malformed",
            Fault::TooLong => "too_long",
        }
    }
}

/// What a run did, warm-up left out. All of `requests` were sent; each either `succeeded` or is one of `faults`.
#[derive(Debug, Clone)]
pub struct LoadReport {
    /// From the end of warm-up until the last answer that counts, or the last failure.
    pub wall: Duration,
    /// Requests that were sent, or for which no connection could be had.
    pub requests: u64,
    /// Requests with the right answer.
    pub succeeded: u64,
    /// How many failed in which way, in the order of [`Fault::ALL`].
    pub faults: [u64; Fault::ALL.len()],
    /// Requests of an open loop that were planned and not sent, because no client was free within the bound. They are part
    /// of no histogram: where there are any, the latencies are too good.
    pub dropped: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// What was written, heads included.
    pub sent: Volume,
    /// What was read, heads and framing included.
    pub received: Volume,
    /// Nanoseconds from when a request was planned (closed loop: sent) until its answer was whole: of right answers, and of
    /// those that the timeout cut short, which would have taken longer. Other failures are no measure of speed.
    pub latency: Histogram<u64>,
    /// The generator's own: nanoseconds from when a request should and could have been sent (its time was there and a
    /// client was free) until it was. In a closed loop none is planned, and none is late.
    pub lateness: Histogram<u64>,
    /// For each client which turns it has done, warm-up left out.
    pub turns: Vec<Range<u64>>,
}

/// Bytes on the wire, above TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Of bodies alone.
    pub bodies: u64,
    /// Of everything.
    pub whole: u64,
}

impl LoadReport {
    pub(super) fn new() -> Result<Self, LoadError> {
        let histogram = || {
            Histogram::new_with_bounds(SHORTEST, LONGEST, DIGITS)
                .map_err(|error| LoadError::Plan(format!("no histogram can be had: {error}")))
        };
        Ok(Self {
            wall: Duration::ZERO,
            requests: 0,
            succeeded: 0,
            faults: [0; Fault::ALL.len()],
            dropped: 0,
            connections: 0,
            sent: Volume::default(),
            received: Volume::default(),
            latency: histogram()?,
            lateness: histogram()?,
            turns: Vec::new(),
        })
    }

    /// How many failed in this way.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.faults.iter().sum()
    }

    /// Notes how one request went.
    pub(super) fn note(&mut self, outcome: Result<(), Fault>, took: Duration) {
        self.requests += 1;
        match outcome {
            Ok(()) => self.succeeded += 1,
            Err(fault) => self.faults[fault as usize] += 1,
        }
        if matches!(outcome, Ok(()) | Err(Fault::Timeout)) {
            self.latency.saturating_record(nanoseconds(took));
        }
    }

    /// Takes in what another worker did.
    pub(super) fn add(&mut self, other: &LoadReport) -> Result<(), LoadError> {
        self.wall = self.wall.max(other.wall);
        self.requests += other.requests;
        self.succeeded += other.succeeded;
        self.faults.iter_mut().zip(other.faults).for_each(|(sum, count)| *sum += count);
        self.dropped += other.dropped;
        self.connections += other.connections;
        self.sent.add(other.sent);
        self.received.add(other.received);
        for (sum, histogram) in [(&mut self.latency, &other.latency), (&mut self.lateness, &other.lateness)] {
            sum.add(histogram).map_err(|error| LoadError::Plan(format!("histograms do not add up: {error}")))?;
        }
        Ok(())
    }
}

impl Volume {
    pub(super) fn add(&mut self, other: Self) {
        self.bodies += other.bodies;
        self.whole += other.whole;
    }
}

/// Whole nanoseconds, as many as fit.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds from one moment to a later one.
pub(super) fn between(from: Instant, until: Instant) -> u64 {
    nanoseconds(until.saturating_duration_since(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_counted_once_and_fast_failures_do_not_flatter() {
        let mut report = LoadReport::new().unwrap();
        let outcomes = Fault::ALL.map(Err).into_iter().chain([Ok(()), Ok(())]);
        outcomes.for_each(|outcome| report.note(outcome, Duration::from_millis(2)));
        let mut sum = LoadReport::new().unwrap();
        sum.add(&report).unwrap();
        sum.add(&report).unwrap();
        assert_eq!((sum.requests, sum.succeeded, sum.failed()), (22, 4, 18));
        assert!(Fault::ALL.iter().all(|fault| sum.fault(*fault) == 2));
        assert_eq!(sum.latency.len(), 6, "right answers and timeouts");
    }
}
