//! Counters of the server, in the text format of Prometheus. No label may contain untrusted input: routes are those of the route
//! table, methods are the known ones, and users are never named.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::protocol::MessageState;

/// Counts since the server started.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<RequestLabels, RequestTotals>>,
    received: AtomicU64,
    sent: AtomicU64,
    quota_refusals: AtomicU64,
    messages: [AtomicU64; STATES.len()],
}

/// The states of messages.
const STATES: [(MessageState, &str); 4] = [
    (MessageState::Pending, "pending"),
    (MessageState::Reserved, "reserved"),
    (MessageState::Processed, "processed"),
    (MessageState::Failed, "failed"),
];

/// Route, method and status.
type RequestLabels = (String, &'static str, u16);

/// The number of requests, and the total time until their answers began.
#[derive(Clone, Copy, Default)]
struct RequestTotals {
    count: u64,
    time: Duration,
}

impl Metrics {
    /// Counts bytes of blobs that were received.
    pub(super) fn add_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes of blobs that were sent.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts incoming messages that entered this state.
    pub(super) fn add_messages(&self, state: MessageState, count: usize) {
        for (counter, _) in self.messages.iter().zip(STATES).filter(|(_, (of, _))| *of == state) {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Counts a request that arrived at `begun` and was answered now.
    pub(super) fn add_request(&self, route: String, method: &'static str, status: StatusCode, begun: Instant) {
        if status == StatusCode::INSUFFICIENT_STORAGE {
            self.quota_refusals.fetch_add(1, Ordering::Relaxed);
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let totals = requests.entry((route, method, status.as_u16())).or_default();
        totals.count += 1;
        totals.time += begun.elapsed();
    }

    /// All counters as text, format 0.0.4.
    pub(super) fn text(&self, open_databases: usize, connections: usize) -> String {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        let mut of_requests = |name: &str, help, value: &dyn Fn(&RequestTotals) -> String| {
            header(&mut text, name, "counter", help);
            for ((route, method, status), totals) in &requests {
                let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
                // Writing to a string does not fail.
                let _ = writeln!(text, "benchline_{name}{{{labels}}} {}", value(totals));
            }
        };
        of_requests("requests_total", "Requests answered.", &|totals| totals.count.to_string());
        let seconds = |totals: &RequestTotals| totals.time.as_secs_f64().to_string();
        of_requests("request_seconds_total", "Time until their answers began.", &seconds);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            ("blob_received_bytes_total", "counter", "Bytes of blobs received.", load(&self.received)),
            ("blob_sent_bytes_total", "counter", "Bytes of blobs sent.", load(&self.sent)),
            (
                "quota_refusals_total",
                "counter",
                "Blobs and messages rejected because of a quota.",
                load(&self.quota_refusals),
            ),
            ("open_databases", "gauge", "Open databases of users.", open_databases as u64),
            ("connections", "gauge", "Open connections.", connections as u64),
        ] {
            header(&mut text, name, kind, help);
            let _ = writeln!(text, "benchline_{name} {value}");
        }
        header(&mut text, "incoming_messages_total", "counter", "Incoming messages that entered a state.");
        for (counter, (_, state)) in self.messages.iter().zip(STATES) {
            let _ = writeln!(text, "benchline_incoming_messages_total{{state=\"{state}\"}} {}", load(counter));
        }
        text
    }
}

fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP benchline_{name} {help}\n# TYPE benchline_{name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_format_of_prometheus() {
        let metrics = Metrics::default();
        metrics.add_received(5);
        metrics.add_messages(MessageState::Failed, 2);
        for _ in 0..2 {
            metrics.add_request("/a/{b}".to_owned(), "PUT", StatusCode::INSUFFICIENT_STORAGE, Instant::now());
        }
        let text = metrics.text(3, 4);
        for line in [
            "# TYPE benchline_requests_total counter",
            "benchline_requests_total{route=\"/a/{b}\",method=\"PUT\",status=\"507\"} 2",
            "benchline_blob_received_bytes_total 5",
            "benchline_blob_sent_bytes_total 0",
            "benchline_quota_refusals_total 2",
            "benchline_open_databases 3",
            "benchline_incoming_messages_total{state=\"failed\"} 2",
            "benchline_incoming_messages_total{state=\"pending\"} 0",
            "benchline_connections 4",
            "# TYPE benchline_request_seconds_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
