//! Counts every request for `/metrics`, and logs it once its answer is sent. Neither may contain a token, an id, or other
//! untrusted input: routes are those of the route table, methods are the known ones.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tracing::Level;

use super::state::Server;

/// Routes that monitoring systems request continually, and that are logged at a lower level.
const ROUTINE: [&str; 2] = ["/healthz", "/metrics"];

/// Counts a request when it is answered, and logs it once the answer is sent.
pub(super) async fn log_request(State(server): State<Server>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
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
    let count = |response: &Response| server.metrics().add_request(route.clone(), method, response.status(), begun);
    if !tracing::enabled!(Level::INFO) {
        let response = next.run(request).await;
        count(&response);
        return response;
    }
    let received = Arc::new(AtomicU64::new(0));
    let request = request.map(|body| Body::new(RequestBody { body, received: received.clone() }));
    let response = next.run(request).await;
    count(&response);
    let (status, length) = (response.status(), content_length(response.headers()));
    response.map(|body| {
        let ended = body.is_end_stream();
        let entry = LogEntry { route, method, status, begun, received, sent: 0, length, ended };
        Body::new(ResponseBody { body, entry })
    })
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A log entry, written when it is dropped.
struct LogEntry {
    route: String,
    method: &'static str,
    status: StatusCode,
    begun: Instant,
    received: Arc<AtomicU64>,
    sent: u64,
    /// The announced length of the body.
    length: Option<u64>,
    ended: bool,
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        let whole = self.ended || self.length.is_some_and(|length| self.sent >= length);
        let (route, method, status) = (self.route.as_str(), self.method, self.status.as_u16());
        let milliseconds = self.begun.elapsed().as_secs_f64() * 1e3;
        let (received, sent) = (self.received.load(Ordering::Relaxed), self.sent);
        if ROUTINE.contains(&route) {
            tracing::debug!(method, route, status, milliseconds, received, sent, whole, "request");
        } else {
            tracing::info!(method, route, status, milliseconds, received, sent, whole, "request");
        }
    }
}

/// The body of a request, which counts its bytes.
struct RequestBody {
    body: Body,
    received: Arc<AtomicU64>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        this.received.fetch_add(bytes_of(&frame), Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which counts its bytes, with the log entry that is written once it is sent.
struct ResponseBody {
    body: Body,
    entry: LogEntry,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        this.entry.sent += bytes_of(&frame);
        this.entry.ended = frame.is_none() || this.body.is_end_stream();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn bytes_of(frame: &Option<Result<Frame<Bytes>, axum::Error>>) -> u64 {
    let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
    data.map_or(0, |data| data.len() as u64)
}
