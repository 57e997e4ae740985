//! `/metrics`: what the server counts, as Prometheus reads it. No label may hold anything that came from outside: routes
//! are those of the table, methods the known ones, and no user is ever named.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::state::Server;

/// What the server counts since it started.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<Request3, u64>>,
    received: AtomicU64,
    sent: AtomicU64,
    quota_refusals: AtomicU64,
}

/// Route, method and status.
type Request3 = (String, &'static str, u16);

impl Metrics {
    /// Bytes of blobs came.
    pub(super) fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of blobs went.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn answered(&self, route: String, method: &'static str, status: StatusCode) {
        if status == StatusCode::INSUFFICIENT_STORAGE {
            self.quota_refusals.fetch_add(1, Ordering::Relaxed);
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route, method, status.as_u16())).or_default() += 1;
    }

    /// All as text, format 0.0.4.
    fn text(&self, open_databases: usize) -> String {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        header(&mut text, "requests_total", "counter", "Requests that were answered.");
        for ((route, method, status), count) in requests {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "benchline_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}"
            );
        }
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            ("blob_received_bytes_total", "counter", "Bytes of blobs that came.", load(&self.received)),
            ("blob_sent_bytes_total", "counter", "Bytes of blobs that went.", load(&self.sent)),
            ("quota_refusals_total", "counter", "Blobs that did not fit into a quota.", load(&self.quota_refusals)),
            ("open_databases", "gauge", "Databases of users that are open.", open_databases as u64),
        ] {
            header(&mut text, name, kind, help);
            let _ = writeln!(text, "benchline_{name} {value}");
        }
        text
    }
}

fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP benchline_{name} {help}\n# TYPE benchline_{name} {kind}");
}

/// `GET /metrics`.
pub(super) async fn get(State(server): State<Server>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], server.metrics().text(server.stores().open_databases()))
}

/// Counts a request when it is answered.
pub(super) async fn count(State(server): State<Server>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    server.metrics().answered(route, method, response.status());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.received(5);
        metrics.answered("/a/{b}".to_owned(), "PUT", StatusCode::INSUFFICIENT_STORAGE);
        metrics.answered("/a/{b}".to_owned(), "PUT", StatusCode::INSUFFICIENT_STORAGE);
        let text = metrics.text(3);
        for line in [
            "# TYPE benchline_requests_total counter",
            "benchline_requests_total{route=\"/a/{b}\",method=\"PUT\",status=\"507\"} 2",
            "benchline_blob_received_bytes_total 5",
            "benchline_blob_sent_bytes_total 0",
            "benchline_quota_refusals_total 2",
            "benchline_open_databases 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
