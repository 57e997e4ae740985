//! An in-memory server for incoming messages that follows the protocol and can be stopped at any request, before or after it
//! acts on it. Its leases expire when a test expires them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use benchline_engine::crypto::PublicKey;
use benchline_engine::protocol::{
    BlobDigest, Lease, LeaseList, MessageState, Outcome, Problem, ProblemKind, RegisteredKey, SetState,
};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// The requests of a client that processes a message, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Reserve,
    Fetch,
    Report,
    Delete,
    /// Any other request.
    Other,
}

/// Where the server stops, once: before it acts on a request of this kind (`false`), or before it answers it (`true`).
pub(crate) type Stop = (Step, bool);

#[derive(Default)]
struct StubState {
    messages: BTreeMap<String, Message>,
    key: Option<(Vec<u8>, u32)>,
    fence: u64,
    stop: Option<Stop>,
    renewals: usize,
}

struct Message {
    bytes: Vec<u8>,
    state: MessageState,
    fence: u64,
    tries: u32,
}

#[derive(Clone, Default)]
struct Shared {
    state: Arc<Mutex<StubState>>,
    stopped: Arc<Notify>,
    resume: Arc<Notify>,
    /// Incremented after every request.
    requests: watch::Sender<u64>,
}

pub(crate) struct MailStub {
    pub(crate) address: String,
    shared: Shared,
    serving: JoinHandle<()>,
}

impl MailStub {
    pub(crate) async fn start() -> Self {
        let shared = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(serve).with_state(shared.clone());
        Self { address, shared, serving: tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }) }
    }

    /// Adds a message.
    pub(crate) fn deliver(&self, id: &str, bytes: Vec<u8>) {
        let message = Message { bytes, state: MessageState::Pending, fence: 0, tries: 0 };
        self.shared.state.lock().unwrap().messages.insert(id.to_owned(), message);
    }

    /// Expires all leases.
    pub(crate) fn expire(&self) {
        for message in self.shared.state.lock().unwrap().messages.values_mut() {
            if message.state == MessageState::Reserved {
                message.state = MessageState::Pending;
            }
        }
    }

    /// The state of a message; `None` once it is deleted.
    pub(crate) fn state(&self, id: &str) -> Option<MessageState> {
        self.shared.state.lock().unwrap().messages.get(id).map(|message| message.state)
    }

    pub(crate) fn renewals(&self) -> usize {
        self.shared.state.lock().unwrap().renewals
    }

    pub(crate) fn registered(&self) -> Option<PublicKey> {
        let state = self.shared.state.lock().unwrap();
        state.key.as_ref().map(|(key, _)| PublicKey::from_bytes(key).unwrap())
    }

    pub(crate) fn register(&self, key: &PublicKey) {
        self.shared.state.lock().unwrap().key = Some((key.to_bytes(), 1));
    }

    pub(crate) fn stop_at(&self, stop: Stop) {
        self.shared.state.lock().unwrap().stop = Some(stop);
    }

    /// Waits until the server has stopped.
    pub(crate) async fn stopped(&self) {
        self.shared.stopped.notified().await;
    }

    /// Resumes one stopped request. A request whose client is gone was dropped with it.
    pub(crate) fn resume(&self) {
        self.shared.resume.notify_one();
    }

    /// Waits until `condition` holds after some request.
    pub(crate) async fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        self.shared.requests.subscribe().wait_for(|_| condition(self)).await.unwrap();
    }
}

impl Drop for MailStub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let path: Vec<&str> = head.uri.path().split('/').skip(4).collect();
    let step = match (&head.method, &path[..]) {
        (&Method::POST, ["incoming", "leases"]) => Step::Reserve,
        (&Method::GET, ["incoming", _]) => Step::Fetch,
        (&Method::PUT, ["incoming", _, "state"]) => Step::Report,
        (&Method::DELETE, ["incoming", _]) => Step::Delete,
        _ => Step::Other,
    };
    stop_if(&shared, (step, false)).await;
    let number = |name: &str| {
        let pair = head.uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix(name));
        pair.and_then(|value| value.strip_prefix('=')).map(|value| value.parse::<u64>().unwrap())
    };
    let answer = {
        let mut state = shared.state.lock().unwrap();
        match &path[..] {
            ["openpgp-key"] => state.key(&head, &body),
            ["incoming", "leases"] => state.reserve(number("limit").unwrap()),
            ["incoming", id, ..] => state.on_lease(step, id, number("fence").unwrap(), &body),
            _ => refusal(ProblemKind::NotFound),
        }
    };
    shared.requests.send_modify(|requests| *requests += 1);
    stop_if(&shared, (step, true)).await;
    answer
}

async fn stop_if(shared: &Shared, here: Stop) {
    let stops = shared.state.lock().unwrap().stop.take_if(|stop| *stop == here).is_some();
    if stops {
        shared.stopped.notify_one();
        shared.resume.notified().await;
    }
}

impl StubState {
    fn reserve(&mut self, limit: u64) -> Response {
        let mut leases = Vec::new();
        for (id, message) in &mut self.messages {
            if message.state == MessageState::Pending && (leases.len() as u64) < limit {
                self.fence += 1;
                (message.state, message.fence, message.tries) = (MessageState::Reserved, self.fence, message.tries + 1);
                leases.push(message.lease(id));
            }
        }
        Json(LeaseList { leases }).into_response()
    }

    fn on_lease(&mut self, step: Step, id: &str, fence: u64, body: &[u8]) -> Response {
        let Some(message) = self.messages.get_mut(id) else { return refusal(ProblemKind::NotFound) };
        if message.fence != fence {
            return refusal(ProblemKind::LeaseLost);
        }
        match step {
            Step::Fetch => Response::new(Body::from(message.bytes.clone())),
            Step::Report => {
                message.state = match serde_json::from_slice::<SetState>(body).unwrap().state {
                    Outcome::Processed => MessageState::Processed,
                    Outcome::Failed => MessageState::Failed,
                    Outcome::Pending => MessageState::Pending,
                };
                StatusCode::NO_CONTENT.into_response()
            }
            Step::Delete if message.state != MessageState::Processed => refusal(ProblemKind::NotProcessed),
            Step::Delete => {
                self.messages.remove(id);
                StatusCode::NO_CONTENT.into_response()
            }
            _ => {
                self.renewals += 1;
                Json(message.lease(id)).into_response()
            }
        }
    }

    fn key(&mut self, head: &axum::http::request::Parts, body: &[u8]) -> Response {
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
        let etag = |version: u32| format!("\"{version}\"");
        if head.method == Method::GET {
            return match &self.key {
                Some((key, version)) => ([("etag", etag(*version))], key.clone()).into_response(),
                None => refusal(ProblemKind::NotFound),
            };
        }
        let version = self.key.as_ref().map(|(_, version)| *version);
        let holds = match version {
            None => header("if-none-match") == Some("*"),
            Some(version) => header("if-match") == Some(&etag(version)),
        };
        if !holds {
            return refusal(ProblemKind::PreconditionFailed);
        }
        let fingerprint = PublicKey::from_bytes(body).unwrap().fingerprint().to_string();
        self.key = Some((body.to_vec(), version.unwrap_or(0) + 1));
        Json(RegisteredKey { fingerprint }).into_response()
    }
}

impl Message {
    fn lease(&self, id: &str) -> Lease {
        let sum: [u8; 32] = digest(&SHA256, &self.bytes).as_ref().try_into().unwrap();
        Lease {
            id: id.parse().unwrap(),
            fence: self.fence,
            expires: 0,
            length: self.bytes.len() as u64,
            digest: BlobDigest(sum),
            tries: self.tries,
        }
    }
}

fn refusal(kind: ProblemKind) -> Response {
    let problem = Problem::new(kind, "requested by the test");
    let status = StatusCode::from_u16(problem.status).unwrap();
    (status, [("content-type", "application/problem+json")], serde_json::to_vec(&problem).unwrap()).into_response()
}
