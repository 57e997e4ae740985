//! What is noted of every request: a count for `/metrics`, and a line of the log when its answer has gone out. Neither may
//! hold a token, an id, or anything else that came from outside: routes are those of the table, methods the known ones.

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

/// What machines ask all the time, and no operator wants to read.
const ROUTINE: [&str; 2] = ["/healthz", "/metrics"];

/// Counts a request when it is answered, and has it logged when the answer is out.
pub(super) async fn note(State(server): State<Server>, request: Request, next: Next) -> Response {
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
    let count = |response: &Response| server.metrics().answered(route.clone(), method, response.status(), begun);
    if !tracing::enabled!(Level::INFO) {
        let response = next.run(request).await;
        count(&response);
        return response;
    }
    let received = Arc::new(AtomicU64::new(0));
    let request = request.map(|body| Body::new(Incoming { body, received: received.clone() }));
    let response = next.run(request).await;
    count(&response);
    let (status, length) = (response.status(), content_length(response.headers()));
    let line = Line { route, method, status, begun, received, sent: 0, length, over: false };
    response.map(|body| Body::new(Outgoing { body, line }))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A line of the log, written when it is dropped.
struct Line {
    route: String,
    method: &'static str,
    status: StatusCode,
    begun: Instant,
    received: Arc<AtomicU64>,
    sent: u64,
    /// What the body was announced to have.
    length: Option<u64>,
    over: bool,
}

impl Drop for Line {
    fn drop(&mut self) {
        let whole = self.over || self.length.is_some_and(|length| self.sent >= length);
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

/// The body of a request, counted.
struct Incoming {
    body: Body,
    received: Arc<AtomicU64>,
}

impl HttpBody for Incoming {
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

/// The body of an answer, counted, with the line that is written when it is gone.
struct Outgoing {
    body: Body,
    line: Line,
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        this.line.sent += bytes_of(&frame);
        this.line.over = frame.is_none() || this.body.is_end_stream();
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
