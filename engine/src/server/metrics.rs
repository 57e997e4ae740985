//! `/metrics`: what the server counts, as Prometheus reads it. No label may hold anything that came from outside: routes
//! are those of the table, methods the known ones, and no user is ever named.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::state::Server;
use crate::protocol::MessageState;

/// What the server counts since it started.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<Request3, Answered>>,
    received: AtomicU64,
    sent: AtomicU64,
    quota_refusals: AtomicU64,
    messages: [AtomicU64; STATES.len()],
}

/// The states that messages go through.
const STATES: [(MessageState, &str); 4] = [
    (MessageState::Pending, "pending"),
    (MessageState::Reserved, "reserved"),
    (MessageState::Processed, "processed"),
    (MessageState::Failed, "failed"),
];

/// Route, method and status.
type Request3 = (String, &'static str, u16);

/// How many requests, and how long they took until their answers began.
#[derive(Clone, Copy, Default)]
struct Answered {
    count: u64,
    time: Duration,
}

impl Metrics {
    /// Bytes of blobs came.
    pub(super) fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of blobs went.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Incoming messages came into this state.
    pub(super) fn messages(&self, state: MessageState, count: usize) {
        for (counter, _) in self.messages.iter().zip(STATES).filter(|(_, (of, _))| *of == state) {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// A request that came at `begun` was answered.
    pub(super) fn answered(&self, route: String, method: &'static str, status: StatusCode, begun: Instant) {
        if status == StatusCode::INSUFFICIENT_STORAGE {
            self.quota_refusals.fetch_add(1, Ordering::Relaxed);
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = requests.entry((route, method, status.as_u16())).or_default();
        answered.count += 1;
        answered.time += begun.elapsed();
    }

    /// All as text, format 0.0.4.
    fn text(&self, open_databases: usize, connections: usize) -> String {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        let mut of_requests = |name: &str, help, value: &dyn Fn(&Answered) -> String| {
            header(&mut text, name, "counter", help);
            for ((route, method, status), answered) in &requests {
                let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
                // Writing to a string does not fail.
                let _ = writeln!(text, "benchline_{name}{{{labels}}} {}", value(answered));
            }
        };
        of_requests("requests_total", "Requests that were answered.", &|answered| answered.count.to_string());
        let seconds = |answered: &Answered| answered.time.as_secs_f64().to_string();
        of_requests("request_seconds_total", "Time until their answers began.", &seconds);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            ("blob_received_bytes_total", "counter", "Bytes of blobs that came.", load(&self.received)),
            ("blob_sent_bytes_total", "counter", "Bytes of blobs that went.", load(&self.sent)),
            (
                "quota_refusals_total",
                "counter",
                "Blobs and messages that did not fit into a quota.",
                load(&self.quota_refusals),
            ),
            ("open_databases", "gauge", "Databases of users that are open.", open_databases as u64),
            ("connections", "gauge", "Connections that are open.", connections as u64),
        ] {
            header(&mut text, name, kind, help);
            let _ = writeln!(text, "benchline_{name} {value}");
        }
        header(&mut text, "incoming_messages_total", "counter", "Incoming messages that came into a state.");
        for (counter, (_, state)) in self.messages.iter().zip(STATES) {
            let _ = writeln!(text, "benchline_incoming_messages_total{{state=\"{state}\"}} {}", load(counter));
        }
        text
    }
}

fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP benchline_{name} {help}\n# TYPE benchline_{name} {kind}");
}

/// `GET /metrics`.
pub(super) async fn get(State(server): State<Server>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        server.metrics().text(server.stores().open_databases(), server.connections().open()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.received(5);
        for _ in 0..2 {
            metrics.answered("/a/{b}".to_owned(), "PUT", StatusCode::INSUFFICIENT_STORAGE, Instant::now());
        }
        let text = metrics.text(3, 4);
        for line in [
            "# TYPE benchline_requests_total counter",
            "benchline_requests_total{route=\"/a/{b}\",method=\"PUT\",status=\"507\"} 2",
            "benchline_blob_received_bytes_total 5",
            "benchline_blob_sent_bytes_total 0",
            "benchline_quota_refusals_total 2",
            "benchline_open_databases 3",
            "benchline_connections 4",
            "# TYPE benchline_request_seconds_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
