//! The end of a server: what is under way finishes, nothing new begins, and whoever has no patience may say so.

use benchline_engine::document::{Position, TransactionId};
use benchline_engine::protocol::{Commit, FRAMES, PREAMBLE, PushLine, encode_commit, encode_document, encode_end};
use benchline_engine::server::Server;
use bytes::BytesMut;
use nix::sys::signal::Signal;

use super::process::{ProcessOptions, ServerProcess};
use super::talk::{Talk, announcing, head};
use super::{long_timeouts, until, user_in};
use crate::support::{Http, TestServer, payload, quick, run_test};

/// More than the system holds for a client that does not read.
const LARGE: usize = 24 << 20;

const UPLOAD: usize = 300_000;

fn position(generation: i64) -> Position {
    let transaction = TransactionId::from_bytes([u8::from(generation > 0); 16]);
    Position { generation, transaction }
}

/// Two batches as a stream, cut between them.
fn two_batches() -> [Vec<u8>; 2] {
    let batch = |name: &str, from, to| {
        let mut out = BytesMut::new();
        encode_document(&mut out, name, "00000000000000aa:1", b"sealed").unwrap();
        encode_commit(&mut out, &Commit { documents: 1, from: position(from), to: position(to) });
        out
    };
    let mut second = batch("two", 1, 2);
    encode_end(&mut second);
    [[&PREAMBLE[..], &batch("one", 0, 1)].concat(), second.to_vec()]
}

async fn until_refused(address: &str) {
    until("new connections are refused", || async { Talk::try_to(address).await.is_err() }).await;
}

#[test]
fn shutdown_finishes_current_requests_and_accepts_no_new_ones() {
    run_test(async {
        for runtimes in [1, 2] {
            let folder = tempfile::tempdir().unwrap();
            let mut config = quick();
            config.server.runtimes = runtimes.try_into().unwrap();
            let ana = user_in(folder.path(), &config, "ana").await;
            let server = ServerProcess::start(&ProcessOptions::new(folder.path(), &config)).await;
            let address = server.address();

            let large = payload(1, LARGE);
            let mut download = Talk::to(address).await;
            let path = "/v1/users/ana/blobs/mail";
            let put = download.ask("PUT", &format!("{path}/large"), &announcing(&ana, &large), &large).await;
            assert_eq!(put.status, 201);
            download.send(&head("GET", &format!("{path}/large"), &ana.bearer(), 0)).await;
            let began = download.take(1000).await;

            let content = payload(2, UPLOAD);
            let mut upload = Talk::to(address).await;
            upload.send(&head("PUT", &format!("{path}/new"), &announcing(&ana, &content), UPLOAD)).await;
            upload.send(&content[..UPLOAD / 2]).await;

            let [first, second] = two_batches();
            let mut push = Talk::to(address).await;
            let peer = "/v1/users/ana/peers/00000000000000aa/documents";
            let headers = format!("{}Content-Type: {FRAMES}\r\n", ana.bearer());
            push.send(&head("POST", peer, &headers, first.len() + second.len())).await;
            push.send(&first).await;
            push.read_until(b"}}}\n").await;

            let mut idle = Talk::to(address).await;
            assert_eq!(idle.ask("GET", "/healthz", "", b"").await.status, 200);
            let mut asking = Talk::to(address).await;
            asking.send(b"GET /healthz HTTP/1.1\r\nHo").await;
            // The half of a head must have come before the signal does.
            until("all is under way", || async {
                let metrics = Http::to(address).request("GET", "/metrics", "", b"").await;
                String::from_utf8(metrics.body).unwrap().contains("benchline_connections 6")
            })
            .await;

            server.signal(Signal::SIGTERM);
            until_refused(address).await;
            assert!(idle.is_closed().await);
            asking.send(b"st: x\r\n\r\n").await;
            let answer = asking.answer().await;
            assert_eq!(answer.status, 503);
            assert!(String::from_utf8(answer.body).unwrap().contains(r#""state":"stopping""#));
            assert!(answer.head.to_lowercase().contains("retry-after: "));

            upload.send(&content[UPLOAD / 2..]).await;
            let answer = upload.answer().await;
            assert_eq!(answer.status, 201);
            assert!(answer.head.to_lowercase().contains("connection: close"), "{}", answer.head);
            push.send(&second).await;
            let end = push.read_until(b"0\r\n\r\n").await;
            let lines = String::from_utf8(push.take(end).await).unwrap();
            let lines = lines.lines().filter_map(|line| serde_json::from_str::<PushLine>(line).ok());
            assert_eq!(lines.filter(|line| matches!(line, PushLine::Acknowledged(_))).count(), 2);
            let mut rest = [began, download.take(LARGE - 1000).await].concat();
            let end = rest.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            rest.extend(download.take(end).await);
            assert!(rest[end..] == large, "the download is not what was put");
            assert!(server.ended().await.success());

            let server = Server::open(folder.path(), &config).await.unwrap();
            server.close().await;
            let again = ServerProcess::start(&ProcessOptions::new(folder.path(), &config)).await;
            let http = Http::to(again.address());
            assert_eq!(http.of(&ana, "GET", &format!("{path}/new"), "", b"").await.body, content);
        }
    });
}

#[test]
fn a_second_signal_ends_immediately_and_loses_nothing_acknowledged() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let ana = user_in(folder.path(), &quick(), "ana").await;
        let server = ServerProcess::start(&ProcessOptions::new(folder.path(), &quick())).await;
        let content = payload(1, UPLOAD);
        let path = "/v1/users/ana/blobs/mail/a";
        let mut upload = Talk::to(server.address()).await;
        assert_eq!(upload.ask("PUT", path, &announcing(&ana, &content), &content).await.status, 201);
        upload.send(&head("PUT", "/v1/users/ana/blobs/mail/b", &announcing(&ana, &payload(2, UPLOAD)), UPLOAD)).await;
        upload.send(&content[..1000]).await;
        until("the upload is under way", || async {
            let usage = Http::to(server.address()).of(&ana, "GET", "/v1/users/ana/blobs", "", b"").await;
            String::from_utf8(usage.body).unwrap().contains(&format!("\"used\":{}", 2 * UPLOAD))
        })
        .await;
        let address = server.address().to_owned();
        server.signal(Signal::SIGINT);
        until_refused(&address).await;
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ended().await.code(), Some(3));

        let server = ServerProcess::start(&ProcessOptions::new(folder.path(), &quick())).await;
        let http = Http::to(server.address());
        assert_eq!(http.of(&ana, "GET", path, "", b"").await.body, content);
        until("what was under way is cleared away", || async {
            let usage = http.of(&ana, "GET", "/v1/users/ana/blobs", "", b"").await;
            String::from_utf8(usage.body).unwrap().contains(&format!("\"used\":{UPLOAD}"))
        })
        .await;
    });
}

#[test]
fn an_upload_that_exceeds_the_grace_period_is_aborted_and_resumes_later() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = quick();
        config.server.stop_seconds = 0;
        let ana = user_in(folder.path(), &config, "ana").await;
        let server = ServerProcess::start(&ProcessOptions::new(folder.path(), &config)).await;
        let content = payload(1, UPLOAD);
        let headers = format!("{}Upload-Complete: ?1\r\n", announcing(&ana, &content));
        let path = "/v1/users/ana/blobs/mail/a";
        let mut upload = Talk::to(server.address()).await;
        upload.send(&head("PUT", path, &headers, UPLOAD)).await;
        upload.send(&content[..UPLOAD / 2]).await;
        let asked = format!("{path}/upload");
        let http = Http::to(server.address());
        // Asking would end the request, so the account tells that it has begun.
        until("the upload is under way", || async {
            let usage = http.of(&ana, "GET", "/v1/users/ana/blobs", "", b"").await;
            String::from_utf8(usage.body).unwrap().contains(&format!("\"used\":{UPLOAD}"))
        })
        .await;
        server.signal(Signal::SIGTERM);
        let answer = upload.answer().await;
        assert_eq!(answer.status, 503);
        assert!(answer.head.to_lowercase().contains("retry-after: "));
        assert!(server.ended().await.success());

        let server = ServerProcess::start(&ProcessOptions::new(folder.path(), &config)).await;
        let http = Http::to(server.address());
        let stands = http.of(&ana, "HEAD", &asked, "", b"").await;
        let offset = stands.head.lines().find_map(|line| line.strip_prefix("upload-offset: ")).unwrap();
        let offset: usize = offset.parse().unwrap();
        assert!(offset <= UPLOAD / 2);
        let headers =
            format!("Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: ?1\r\n");
        assert_eq!(http.of(&ana, "PATCH", &asked, &headers, &content[offset..]).await.status, 201);
        assert_eq!(http.of(&ana, "GET", path, "", b"").await.body, content);
    });
}

#[test]
fn idle_connections_do_not_delay_shutdown() {
    run_test(async {
        for supervisor in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut config = long_timeouts();
            config.server.processes = (1 + usize::from(supervisor)).try_into().unwrap();
            let options = ProcessOptions { supervisor, ..ProcessOptions::new(folder.path(), &config) };
            let server = ServerProcess::start(&options).await;
            let mut silent = Talk::to(server.address()).await;
            let mut idle = Talk::to(server.address()).await;
            assert_eq!(idle.ask("GET", "/healthz", "", b"").await.status, 200);
            server.signal(Signal::SIGTERM);
            assert!(server.ended().await.success());
            assert!(silent.is_closed().await && idle.is_closed().await);
        }
    });
}

#[test]
fn a_process_shuts_down_gracefully_when_its_parent_dies() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let mut server = ServerProcess::start(&ProcessOptions::new(folder.path(), &quick())).await;
        assert!(server.is_running());
        server.orphan();
        assert!(server.ended().await.success());
    });
}

/// The same within one process, as a program that embeds the server ends it.
#[test]
fn an_embedded_server_ends_with_its_shutdown() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let address = server.address.clone();
        let mut idle = Talk::to(&address).await;
        assert_eq!(idle.ask("GET", "/healthz", "", b"").await.status, 200);
        server.finish().await;
        assert!(idle.is_closed().await);
        assert!(Talk::try_to(&address).await.is_err());
    });
}
