//! A server that answers as a test requires, and records its requests, to simulate faulty servers.

use std::future::Future;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use benchline_engine::protocol::{Problem, ProblemKind};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The recorded part of a request.
#[derive(Debug, Clone)]
pub(crate) struct RecordedRequest {
    pub(crate) method: String,
    /// The path after `…/blobs/mail/`, or empty.
    pub(crate) id: String,
    /// The start of the requested range, or the offset of an upload.
    pub(crate) from: u64,
}

pub(crate) struct Stub {
    pub(crate) address: String,
    requests: watch::Sender<Vec<RecordedRequest>>,
    serving: JoinHandle<()>,
}

impl Stub {
    /// Serves `answer`, which receives the request and the number of equal ones before it.
    pub(crate) async fn serve<F, A>(answer: F) -> Self
    where
        F: Fn(RecordedRequest, usize) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send,
    {
        let requests = watch::Sender::new(Vec::new());
        let log = requests.clone();
        let handler = move |request: Request| {
            let (answer, log) = (answer.clone(), log.clone());
            async move {
                let now = record(&request);
                drop(axum::body::to_bytes(request.into_body(), usize::MAX).await);
                log.send_modify(|log| log.push(now.clone()));
                let same = |one: &&RecordedRequest| one.method == now.method && one.id == now.id;
                let before = log.borrow().iter().filter(same).count() - 1;
                answer(now, before).await
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(handler);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, requests, serving }
    }

    /// The number of requests about a blob.
    pub(crate) fn count(&self, method: &str, id: &str) -> usize {
        self.requests(method, id).len()
    }

    /// The requests about a blob.
    pub(crate) fn requests(&self, method: &str, id: &str) -> Vec<RecordedRequest> {
        let all = self.requests.borrow();
        all.iter().filter(|request| request.method == method && request.id == id).cloned().collect()
    }

    /// Waits until there have been at least `count` requests about a blob.
    pub(crate) async fn wait_for(&self, method: &str, id: &str, count: usize) {
        let enough = |all: &Vec<RecordedRequest>| {
            all.iter().filter(|request| request.method == method && request.id == id).count() >= count
        };
        self.requests.subscribe().wait_for(enough).await.unwrap();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn record(request: &Request) -> RecordedRequest {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
    let range = header("range").map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').to_owned());
    let from = range.or_else(|| header("upload-offset")).map_or(0, |from| from.parse().unwrap());
    let id = request.uri().path().split("/blobs/mail/").nth(1).unwrap_or_default().to_owned();
    RecordedRequest { method: request.method().to_string(), id, from }
}

/// A problem with this status.
pub(crate) fn refusal(status: u16) -> Response {
    let problem = Problem { status, ..Problem::new(ProblemKind::Other, "requested by the test") };
    let body = serde_json::to_vec(&problem).unwrap();
    let response = Response::builder().status(status).header("content-type", "application/problem+json");
    response.body(Body::from(body)).unwrap()
}

/// The bytes from `from` on, as a whole or a partial answer.
pub(crate) fn bytes_from(bytes: &[u8], from: u64) -> Response {
    let rest = bytes[from as usize..].to_vec();
    partial(bytes.len(), from, Body::from(rest))
}

/// A response that has, or claims to have, the bytes from `from` on of `length`.
pub(crate) fn partial(length: usize, from: u64, body: Body) -> Response {
    let mut response = Response::builder().status(if from > 0 { 206 } else { 200 });
    if from > 0 {
        response = response.header("content-range", format!("bytes {from}-{}/{length}", length - 1));
    }
    response.body(body).unwrap()
}

/// An empty list of blobs.
pub(crate) fn empty_list() -> Response {
    Response::new(Body::from(r#"{"blobs":[],"next":null}"#))
}
