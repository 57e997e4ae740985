//! What an operator sees of a server: its health, and a log that tells what was done and never whose or with which token.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::until;
use crate::support::{Answer, Http, TestServer, payload, quick, run_test};

async fn health(address: &str) -> (Answer, Value) {
    let answer = Http::to(address).request("GET", "/healthz", "", b"").await;
    let told = serde_json::from_slice(&answer.body).unwrap();
    (answer, told)
}

#[test]
fn health_reports_whether_the_database_and_the_storage_respond() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let (answer, told) = health(&server.address).await;
        assert_eq!(answer.status, 200);
        assert_eq!(told, serde_json::json!({"state": "ready", "database": true, "storage": true}));

        // Where the folder was, there is something that is none.
        std::fs::write(server.folder().join("blobs"), b"").unwrap();
        until("the storage is missed", || async { health(&server.address).await.0.status == 503 }).await;
        let (answer, told) = health(&server.address).await;
        assert_eq!(told, serde_json::json!({"state": "failing", "database": true, "storage": false}));
        assert!(answer.head.to_lowercase().contains("retry-after: "));
        std::fs::remove_file(server.folder().join("blobs")).unwrap();
        server.server().close().await;
        let told = serde_json::json!({"state": "failing", "database": false, "storage": true});
        until("the database is missed, the storage no more", || async { health(&server.address).await.1 == told })
            .await;
    });
}

/// Tells the test that it is alone.
const ALONE: &str = "BENCHLINE_TEST_LOG";

/// Keeps what is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

#[test]
fn the_log_has_a_line_for_each_request_and_no_names() {
    // In a process of its own: what threads of other tests log first, without a log, is remembered as logged nowhere.
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "daemon::monitoring::the_log_has_a_line_for_each_request_and_no_names";
        let output = alone.args([name, "--exact", "--nocapture"]).env(ALONE, "").output().unwrap();
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // Everything on this thread, whose log it is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.clone());
    runtime.block_on(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        let content = payload(1, 3_000_000);
        let headers = super::talk::announcing(&ana, &content);
        let path = "/v1/users/ana/blobs/private-place/private-name";
        assert_eq!(http.request("PUT", path, &headers, &content).await.status, 201);
        assert_eq!(http.of(&ana, "GET", path, "", b"").await.body, content);
        assert_eq!(http.of(&ana, "GET", path, "Range: bytes=10-19\r\n", b"").await.body, &content[10..20]);
        assert_eq!(http.request("GET", path, "", b"").await.status, 401);
        assert_eq!(http.request("GET", "/private-path?private=query", "", b"").await.status, 404);
        assert_eq!(http.request("BREW", path, "", b"").await.status, 405);
        assert_eq!(http.request("GET", "/healthz", "", b"").await.status, 200);
        server.finish().await;
        let lines = log.0.lock().unwrap().clone();
        let requests: Vec<_> = lines.iter().filter(|(_, line)| line.contains("message=request")).collect();
        let route = "route=\"/v1/users/{user}/blobs/{namespace}/{id}\"";
        for (level, wanted) in [
            (Level::INFO, &["method=\"PUT\"", route, "status=201", "received=3000000", "whole=true"][..]),
            (Level::INFO, &["method=\"GET\"", route, "status=200", "sent=3000000", "whole=true"]),
            (Level::INFO, &["method=\"GET\"", route, "status=206", "sent=10 ", "whole=true"]),
            (Level::INFO, &["method=\"GET\"", route, "status=401"]),
            (Level::INFO, &["method=\"GET\"", "route=\"none\"", "status=404"]),
            (Level::INFO, &["method=\"other\"", route, "status=405"]),
            (Level::DEBUG, &["route=\"/healthz\"", "status=200"]),
        ] {
            let is_it = |(at, line): &&&(Level, String)| *at == level && wanted.iter().all(|part| line.contains(part));
            assert_eq!(requests.iter().filter(is_it).count(), 1, "{wanted:?} in {requests:#?}");
        }
        assert_eq!(requests.len(), 7, "{requests:#?}");
        assert!(requests.iter().all(|(_, line)| line.contains("milliseconds=")));
        let (all, token) = (format!("{lines:?}"), ana.token.as_str());
        for secret in [token, &token[..12], "private", "ana"] {
            assert!(!all.contains(secret), "{secret} is in the log");
        }
    });
}
