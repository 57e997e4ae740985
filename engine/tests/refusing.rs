//! What strangers and broken clients may try, and the exact refusal that each attempt must get.

use std::time::Duration;

use benchline_engine::client::{SyncClient, SyncError};
use benchline_engine::config::Config;
use benchline_engine::document::{Position, TransactionId};
use benchline_engine::protocol::{
    BATCH_BYTES, Commit, FRAMES, MAX_RECOVERY, PREAMBLE, SyncInfo, encode_commit, encode_document, encode_end,
};
use bytes::BytesMut;

use crate::support::{Account, Answer, Http, TestServer, id, quick, run_test};

const REPLICA: &str = "00000000000000aa";
const REVISION: &str = "00000000000000aa:1";
const START: &str = "generation=0&transaction=00000000000000000000000000000000";

fn documents(user: &str) -> String {
    format!("/v1/users/{user}/peers/{REPLICA}/documents")
}

fn batch(documents: &[(&str, usize)], from: Position, to: Position) -> Vec<u8> {
    let mut out = BytesMut::from(&PREAMBLE[..]);
    for (id, size) in documents {
        encode_document(&mut out, id, REVISION, &vec![7; *size]).unwrap();
    }
    encode_commit(&mut out, &Commit { documents: documents.len(), from, to });
    encode_end(&mut out);
    out.to_vec()
}

fn position(generation: i64) -> Position {
    Position { generation, transaction: TransactionId::from_bytes([1; 16]) }
}

async fn push(http: &Http, account: &Account, body: &[u8]) -> Answer {
    http.of(account, "POST", &documents("ana"), &format!("Content-Type: {FRAMES}\r\n"), body).await
}

#[test]
fn tokens_determine_access() {
    run_test(async {
        for session_cache in [true, false] {
            let config = Config { session_cache, ..quick() };
            let server = TestServer::start(&config).await;
            let (ana, bob) = (server.user("ana").await, server.user("bob").await);
            let http = Http::to(&server.address);
            let own = format!("/v1/users/ana/peers/{REPLICA}?{START}");

            assert_eq!(http.of(&ana, "GET", &own, "", b"").await.status, 200);
            http.of(&bob, "GET", &own, "", b"").await.expect_problem(403, "forbidden");
            for (method, path) in [
                ("PUT", own.clone()),
                ("GET", format!("{}?{START}", documents("ana"))),
                ("POST", documents("ana")),
                ("GET", "/v1/users/ana/recovery".to_owned()),
                ("PUT", "/v1/users/ana/recovery".to_owned()),
            ] {
                http.of(&bob, method, &path, "", b"x").await.expect_problem(403, "forbidden");
                let anonymous = http.request(method, &path, "", b"x").await;
                anonymous.expect_problem(401, "unauthorized");
                assert!(anonymous.head.to_lowercase().contains("www-authenticate: bearer"));
            }
            for header in ["Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "bls_0"] {
                let answer = http.request("GET", &own, &format!("Authorization: {header}\r\n"), b"").await;
                answer.expect_problem(401, "unauthorized");
            }
            // Nobody learns which users exist.
            http.of(&ana, "GET", &own.replace("ana", "nobody"), "", b"").await.expect_problem(403, "forbidden");

            let accounts = server.server().accounts();
            let expired = accounts.create_token(&ana.name, Duration::ZERO).await.unwrap();
            let header = format!("Authorization: Bearer {}\r\n", expired.as_str());
            http.request("GET", &own, &header, b"").await.expect_problem(401, "unauthorized");

            assert!(accounts.revoke(ana.token.as_str()).await.unwrap());
            http.of(&ana, "GET", &own, "", b"").await.expect_problem(401, "unauthorized");
            assert!(!accounts.revoke(ana.token.as_str()).await.unwrap());
            assert_eq!(accounts.revoke_all(&bob.name).await.unwrap(), 1);
            http.of(&bob, "GET", "/v1/users/bob/recovery", "", b"").await.expect_problem(401, "unauthorized");
        }
    });
}

/// Another process revokes in the same file: the cache must not outlive a second. The wait is the promise, not a measure.
#[test]
fn a_revocation_by_another_process_takes_effect_within_a_second() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        let path = "/v1/users/ana/recovery";
        assert_eq!(http.of(&ana, "GET", path, "", b"").await.status, 404);
        let elsewhere = benchline_engine::server::Server::open(server.folder(), &config).await.unwrap();
        assert!(elsewhere.accounts().revoke(ana.token.as_str()).await.unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
        http.of(&ana, "GET", path, "", b"").await.expect_problem(401, "unauthorized");
    });
}

#[test]
fn paths_and_queries_are_checked() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        assert_eq!(http.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.status, 200);
        for (path, status, name) in [
            ("/v1/users/..%2f..%2fetc/recovery", 400, "malformed"),
            ("/v1/users/%2e%2e/recovery", 400, "malformed"),
            ("/v1/users/%ff/recovery", 400, "malformed"),
            ("/v1/users/ana%00/recovery", 400, "malformed"),
            ("/v1/users/ANA/recovery", 400, "malformed"),
            ("/v1/users/ana/../bob/recovery", 404, "not-found"),
            ("/v1/users/ana/recovery", 404, "not-found"),
            ("/v1/users/ana", 404, "not-found"),
            ("/etc/passwd", 404, "not-found"),
            ("/v1/users/ana/peers/zz", 400, "malformed"),
            ("/v1/users/ana/peers/00000000000000aa", 400, "malformed"),
            (
                "/v1/users/ana/peers/00000000000000aa?generation=-1&transaction=00000000000000000000000000000000",
                400,
                "malformed",
            ),
            ("/v1/users/ana/peers/00000000000000aa?generation=1&transaction=zz", 400, "malformed"),
            (
                "/v1/users/ana/peers/00000000000000aa?generation=99999999999999999999&transaction=00000000000000000000000000000000",
                400,
                "malformed",
            ),
            (
                "/v1/users/ana/peers/00000000000000aa?generation=1&transaction=00000000000000000000000000000001",
                409,
                "history-mismatch",
            ),
            (
                "/v1/users/ana/peers/00000000000000aa/documents?generation=1&transaction=00000000000000000000000000000001",
                409,
                "history-mismatch",
            ),
        ] {
            let answer = http.of(&ana, "GET", path, "", b"").await;
            assert_eq!(answer.status, status, "{path}");
            answer.expect_problem(status, name);
        }
        http.of(&ana, "DELETE", "/v1/users/ana/recovery", "", b"").await.expect_problem(405, "method-not-allowed");
        let long = format!("X-Long: {}\r\n", "x".repeat(300_000));
        assert_eq!(http.of(&ana, "GET", "/healthz", &long, b"").await.status, 431);
        assert_eq!(http.of(&ana, "GET", "/healthz", &"X-Many: x\r\n".repeat(200), b"").await.status, 431);
        assert_eq!(http.raw(b"\x00\x01\x02 nonsense\r\n\r\n").await.status, 400);
    });
}

#[test]
fn streams_are_checked() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);

        let plain = http.of(&ana, "POST", &documents("ana"), "Content-Type: text/plain\r\n", b"x").await;
        plain.expect_problem(415, "unsupported-media-type");
        let query = documents("ana") + "?acknowledge=never";
        let header = format!("Content-Type: {FRAMES}\r\n");
        http.of(&ana, "POST", &query, &header, b"x").await.expect_problem(400, "malformed");

        let good = batch(&[("a", 10)], Position::START, position(1));
        for body in [&b""[..], b"x", b"BLst\x01", b"BLst\x01\x09", &good[..20], &good[..good.len() - 2]] {
            push(&http, &ana, body).await.expect_problem(400, "malformed");
        }
        let info = http.of(&ana, "GET", &format!("/v1/users/ana/peers/{REPLICA}?{START}"), "", b"").await;
        let info: SyncInfo = serde_json::from_slice(&info.body).unwrap();
        assert_eq!((info.position, info.noted), (Position::START, Position::START), "nothing was kept");
    });
}

#[test]
fn a_batch_is_stored_completely_or_not_at_all() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        let traversal = |id: &str| {
            let mut body = batch(&[("good", 10), ("xxxxx", 10)], Position::START, position(2));
            let at = body.windows(5).position(|window| window == b"xxxxx").unwrap();
            body[at..at + 5].copy_from_slice(id.as_bytes());
            body
        };
        for id in ["../ab", "a/../", "a\\..b", "a\0bcd", "%2e%2"] {
            push(&http, &ana, &traversal(id)).await.expect_problem(400, "malformed");
        }
        let two_halves = [("a", BATCH_BYTES / 2), ("b", BATCH_BYTES / 2)];
        push(&http, &ana, &batch(&two_halves, Position::START, position(2))).await.expect_problem(413, "too-large");
        let many: Vec<_> = (0..16_385).map(|_| ("a", 1)).collect();
        push(&http, &ana, &batch(&many, Position::START, position(2))).await.expect_problem(413, "too-large");
        let mut huge = b"BLst\x01\x01\x01\x00\x12".to_vec();
        huge.extend_from_slice(&u32::MAX.to_be_bytes());
        push(&http, &ana, &huge).await.expect_problem(413, "too-large");
        push(&http, &ana, &batch(&[("a", 10)], position(5), position(6))).await.expect_problem(409, "replica-mismatch");

        let device = ana.device(&quick(), &server.address).await;
        let report = device.sync().await;
        assert_eq!((report.requests, report.documents_received), (1, 0), "nothing of all that was kept");
    });
}

#[test]
fn a_problem_after_the_first_batch_is_a_line_of_the_answer() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        let mut body = batch(&[("a", 10)], Position::START, position(1));
        body.pop();
        body.extend_from_slice(b"\x09nonsense");
        let answer = push(&http, &ana, &body).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200);
        assert!(text.contains(r#"{"acknowledged":{"noted":{"generation":1"#), "{text}");
        assert!(text.contains(r#"{"problem":{"type":"urn:problem-type:benchline:malformed""#), "{text}");
    });
}

#[test]
fn a_repeated_batch_is_not_stored_twice() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        let body = batch(&[("a", 10)], Position::START, position(1));
        assert_eq!(push(&http, &ana, &body).await.status, 200);
        push(&http, &ana, &body).await.expect_problem(409, "replica-mismatch");
    });
}

#[test]
fn a_recovery_document_is_never_overwritten_unseen() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let http = Http::to(&server.address);
        let path = "/v1/users/ana/recovery";
        let create = "If-None-Match: *\r\n";
        http.of(&ana, "GET", path, "", b"").await.expect_problem(404, "not-found");
        http.of(&ana, "PUT", path, "", b"one").await.expect_problem(428, "precondition-required");
        http.of(&ana, "PUT", path, "If-None-Match: \"a\"\r\n", b"one")
            .await
            .expect_problem(428, "precondition-required");
        http.of(&ana, "PUT", path, "If-Match: *\r\n", b"one").await.expect_problem(412, "precondition-failed");
        http.of(&ana, "PUT", path, create, b"").await.expect_problem(400, "malformed");
        let large = vec![0; MAX_RECOVERY + 1];
        http.of(&ana, "PUT", path, create, &large).await.expect_problem(413, "too-large");
        assert_eq!(http.of(&ana, "PUT", path, create, b"one").await.status, 201);
        http.of(&ana, "PUT", path, create, b"two").await.expect_problem(412, "precondition-failed");
        let stored = http.of(&ana, "GET", path, "", b"").await;
        assert_eq!((stored.status, &stored.body[..]), (200, &b"one"[..]));
        let etag = stored.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        assert_eq!(http.of(&ana, "GET", path, &format!("If-None-Match: {etag}\r\n"), b"").await.status, 304);
        let matching = format!("If-Match: {etag}\r\n");
        assert_eq!(http.of(&ana, "PUT", path, &matching, b"two").await.status, 204);
        http.of(&ana, "PUT", path, &matching, b"three").await.expect_problem(412, "precondition-failed");
        assert_eq!(http.of(&ana, "GET", path, "", b"").await.body, b"two");
    });
}

#[test]
fn the_client_reports_what_was_rejected() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let device = ana.device(&config, &server.address).await;
        device.create("a", b"x").await;
        let wrong = SyncClient::new(&config, &server.address, &ana.name, "wrong", &ana.keys).unwrap();
        assert!(matches!(wrong.sync(&device.replica).await, Err(SyncError::Unauthorized)));
        let bob = server.user("bob").await;
        let other = SyncClient::new(&config, &server.address, &ana.name, bob.token.as_str(), &ana.keys).unwrap();
        let refused = other.sync(&device.replica).await.unwrap_err();
        assert!(matches!(&refused, SyncError::Rejected(problem) if problem.status == 403), "{refused}");
        let nobody = ana.client(&config, "http://127.0.0.1:9");
        assert!(matches!(nobody.sync(&device.replica).await, Err(SyncError::Connection(_))));
        assert!(SyncClient::new(&config, &server.address, &ana.name, "new\nline", &ana.keys).is_err());
        assert_eq!(device.sync().await.documents_sent, 1);
        assert!(device.replica.get(&id("a")).await.unwrap().is_some());
    });
}

#[test]
fn more_users_than_open_databases_are_served() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let mut users = Vec::new();
        for n in 0..130 {
            users.push(server.user(&format!("user-{n}")).await);
        }
        let http = Http::to(&server.address);
        for round in 0..2 {
            for user in &users {
                let path = format!("/v1/users/{}/recovery", user.name);
                let answer = http.of(user, "PUT", &path, "If-None-Match: *\r\n", user.name.as_str().as_bytes()).await;
                assert_eq!(answer.status, if round == 0 { 201 } else { 412 });
            }
        }
        let threads = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(threads < 1000, "{threads} files are open");
    });
}
