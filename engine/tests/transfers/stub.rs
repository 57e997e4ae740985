//! A server that answers as a test wants, and remembers what it was asked. For what no good server does.

use std::future::Future;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use benchline_engine::protocol::{Problem, ProblemKind};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request, as far as tests look at it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// What is behind `…/blobs/mail/`, or nothing.
    pub(crate) id: String,
    /// Where the range begins that was asked for, or the offset from which is sent.
    pub(crate) from: u64,
}

pub(crate) struct Stub {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

impl Stub {
    /// Serves `answer`, which is told how often the same was asked before.
    pub(crate) async fn serve<F, A>(answer: F) -> Self
    where
        F: Fn(Asked, usize) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send,
    {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let handler = move |request: Request| {
            let (answer, log) = (answer.clone(), log.clone());
            async move {
                let now = look_at(&request);
                drop(axum::body::to_bytes(request.into_body(), usize::MAX).await);
                let before = {
                    let mut log = log.lock().unwrap();
                    log.push(now.clone());
                    log.iter().filter(|one: &&Asked| one.method == now.method && one.id == now.id).count() - 1
                };
                answer(now, before).await
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(handler);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, asked, serving }
    }

    /// How often a blob was asked for or sent.
    pub(crate) fn count(&self, method: &str, id: &str) -> usize {
        self.asked(method, id).len()
    }

    /// What was asked about a blob.
    pub(crate) fn asked(&self, method: &str, id: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.method == method && asked.id == id).cloned().collect()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn look_at(request: &Request) -> Asked {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
    let range = header("range").map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').to_owned());
    let from = range.or_else(|| header("upload-offset")).map_or(0, |from| from.parse().unwrap());
    let id = request.uri().path().split("/blobs/mail/").nth(1).unwrap_or_default().to_owned();
    Asked { method: request.method().to_string(), id, from }
}

/// A refusal with this status.
pub(crate) fn refusal(status: u16) -> Response {
    let problem = Problem { status, ..Problem::new(ProblemKind::Other, "as the test wants") };
    let body = serde_json::to_vec(&problem).unwrap();
    let response = Response::builder().status(status).header("content-type", "application/problem+json");
    response.body(Body::from(body)).unwrap()
}

/// The bytes from `from` on, as a whole or a partial answer.
pub(crate) fn bytes_from(bytes: &[u8], from: u64) -> Response {
    let rest = bytes[from as usize..].to_vec();
    partial(bytes.len(), from, Body::from(rest))
}

/// A body that is, or says to be, the bytes from `from` on of `length`.
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
