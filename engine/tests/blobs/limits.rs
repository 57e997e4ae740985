//! What is refused, and how: quotas, malformed requests, slow and large bodies, other people's blobs.

use benchline_engine::config::Config;
use futures_util::future::join_all;

use super::{Blobs, field, repr_digest};
use crate::support::{Http, TestServer, payload, quick, run_test};

fn with_quota(quota: u64) -> Config {
    let mut config = quick();
    config.blobs.quota = quota;
    config.server.user_blob_writes = 64;
    config
}

#[test]
fn fifty_concurrent_puts_never_exceed_the_quota() {
    run_test(async {
        // Small ones are counted when they are whole, large ones when they begin, uploads with pauses likewise.
        for size in [1000, 70_000] {
            let server = TestServer::start(&with_quota(size * 20 + size / 2)).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            let put = async |n: usize| {
                let content = payload(n, size as usize);
                match n % 5 {
                    0 => blobs.begin(&format!("mail/{n}"), &content, 10).await.status,
                    _ => blobs.put(&format!("mail/{n}"), &content).await.status,
                }
            };
            let statuses = join_all((0..50).map(put)).await;
            let stored = statuses.iter().filter(|status| **status == 201).count();
            let refused = statuses.iter().filter(|status| **status == 507).count();
            assert_eq!((stored, refused), (20, 30), "{statuses:?}");
            assert_eq!(blobs.usage().await.used, size * 20);
            let whole = blobs.ids("mail").await.len();
            let begun = statuses.iter().step_by(5).filter(|status| **status == 201).count();
            assert_eq!(whole + begun, 20);
        }
    });
}

#[test]
fn fifty_concurrent_puts_of_one_name_store_it_once() {
    run_test(async {
        let server = TestServer::start(&with_quota(10_000_000)).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let put = async |n: usize| blobs.put("mail/a", &payload(n % 2, 80_000)).await.status;
        let statuses = join_all((0..50).map(put)).await;
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(201), count(204), count(409)), (1, 24, 25), "{statuses:?}");
        assert_eq!(blobs.usage().await.used, 80_000);
        let files = std::process::Command::new("find").arg(server.folder().join("blobs")).args(["-type", "f"]).output();
        assert_eq!(
            String::from_utf8(files.unwrap().stdout).unwrap().lines().count(),
            1,
            "what lost the race is removed"
        );
    });
}

#[test]
fn a_user_may_have_a_separate_quota() {
    run_test(async {
        let server = TestServer::start(&with_quota(100)).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        blobs.put("mail/a", &[1; 101]).await.expect_problem(507, "quota-exceeded");
        server.server().accounts().set_quota(&ana.name, Some(200)).await.unwrap();
        assert_eq!(blobs.put("mail/a", &[1; 101]).await.status, 201);
        assert_eq!((blobs.usage().await.used, blobs.usage().await.quota), (101, 200));
        blobs.begin("mail/b", &[1; 100], 1).await.expect_problem(507, "quota-exceeded");
        server.server().accounts().set_quota(&ana.name, None).await.unwrap();
        blobs.put("mail/b", &[1; 1]).await.expect_problem(507, "quota-exceeded");
        let metrics = blobs.http.request("GET", "/metrics", "", b"").await;
        assert!(String::from_utf8(metrics.body).unwrap().contains("benchline_quota_refusals_total 3\n"));
    });
}

#[test]
fn names_cannot_escape_their_folder() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let long = "x".repeat(256);
        for name in [
            "mail/..",
            "mail/%2e%2e",
            "../mail",
            "%2e%2e/a",
            "mail/..%2f..%2fa",
            "mail/a%2fb",
            "mail/a%00",
            "mail/%ff",
            "mail/a%5cb",
            "mail/.a",
            "mail/-a",
            "ma%20il/a",
            "mail/%C3%A4",
            &format!("mail/{long}"),
            &format!("{long}/a"),
        ] {
            for (method, rest) in
                [("PUT", ""), ("GET", ""), ("HEAD", ""), ("DELETE", ""), ("GET", "/flags"), ("HEAD", "/upload")]
            {
                let answer = blobs.ask(method, &format!("{name}{rest}"), &repr_digest(b"x"), b"x").await;
                assert!(matches!(answer.status, 400 | 404 | 405), "{method} {name}{rest}: {}", answer.status);
            }
        }
        let everything = std::process::Command::new("find").arg(server.folder()).args(["-name", "*.part"]).output();
        assert!(everything.unwrap().stdout.is_empty());
        assert_eq!(blobs.usage().await.used, 0);
    });
}

#[test]
fn blobs_of_another_user_are_invisible() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let (ana, bob) = (server.user("ana").await, server.user("bob").await);
        let (of_ana, of_bob) = (Blobs::of(&ana, &server.address), Blobs::of(&bob, &server.address));
        assert_eq!(of_ana.put("mail/a", b"ana's").await.status, 201);
        of_bob.get("mail/a").await.expect_problem(404, "not-found");
        assert_eq!(of_bob.put("mail/a", b"bob's").await.status, 201);
        assert_eq!(of_ana.get("mail/a").await.body, b"ana's");
        let http = Http::to(&server.address);
        for (method, rest) in [
            ("GET", ""),
            ("GET", "/mail"),
            ("GET", "/mail/a"),
            ("PUT", "/mail/a"),
            ("DELETE", "/mail/a"),
            ("GET", "/mail/a/flags"),
            ("PUT", "/mail/a/flags"),
            ("PATCH", "/mail/a/upload"),
            ("DELETE", "/mail/a/upload"),
        ] {
            let path = format!("/v1/users/ana/blobs{rest}");
            http.of(&bob, method, &path, "", b"x").await.expect_problem(403, "forbidden");
            http.request(method, &path, "", b"x").await.expect_problem(401, "unauthorized");
        }
        http.of(&bob, "GET", "/v1/users/ana/blob-counts/mail", "", b"").await.expect_problem(403, "forbidden");
        assert_eq!(of_ana.get("mail/a").await.body, b"ana's");
    });
}

#[test]
fn requests_are_checked() {
    run_test(async {
        let mut config = quick();
        config.server.blob_bytes = 1000;
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let right = repr_digest(b"abc");
        let undigested = blobs.ask("PUT", "mail/a", "", b"abc").await;
        undigested.expect_problem(400, "malformed");
        assert_eq!(field(&undigested, "want-repr-digest").unwrap(), "sha-256=10");
        for headers in [
            "Repr-Digest: sha-256=abc\r\n".to_owned(),
            format!("{right}Content-Digest: {}", &repr_digest(b"x")["Repr-Digest: ".len()..]),
            format!("{right}Upload-Length: 4\r\n"),
            format!("{right}Upload-Complete: yes\r\n"),
            format!("{right}Upload-Length: -1\r\n"),
        ] {
            blobs.ask("PUT", "mail/a", &headers, b"abc").await.expect_problem(400, "malformed");
        }
        blobs.ask("PUT", "mail/a?flags=lost", &right, b"abc").await.expect_problem(400, "malformed");
        blobs.ask("PUT", "mail/a?x=1", &right, b"abc").await.expect_problem(400, "malformed");
        blobs.ask("PUT", "mail/a", &repr_digest(b"abd"), b"abc").await.expect_problem(422, "digest-mismatch");
        blobs.put("mail/a", &[0; 1001]).await.expect_problem(413, "too-large");
        let path = blobs.path("mail/a");
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{right}",
            ana.token.as_str()
        );
        let chunked = |headers: &str, body: &str| format!("{head}{headers}Transfer-Encoding: chunked\r\n\r\n{body}");
        let unknown = blobs.http.raw(chunked("", "3\r\nabc\r\n0\r\n\r\n").as_bytes()).await;
        unknown.expect_problem(411, "length-required");
        let short = blobs.http.raw(chunked("Upload-Length: 4\r\n", "3\r\nabc\r\n0\r\n\r\n").as_bytes()).await;
        short.expect_problem(400, "malformed");
        let long = blobs.http.raw(chunked("Upload-Length: 2\r\n", "3\r\nabc\r\n0\r\n\r\n").as_bytes()).await;
        long.expect_problem(400, "malformed");
        blobs.get("mail/a").await.expect_problem(404, "not-found");
        assert_eq!(blobs.usage().await.used, 0, "nothing of all that was kept");
        let known = blobs.http.raw(chunked("Upload-Length: 3\r\n", "3\r\nabc\r\n0\r\n\r\n").as_bytes()).await;
        assert_eq!(known.status, 201);
        blobs.ask("POST", "mail/a", "", b"").await.expect_problem(405, "method-not-allowed");
    });
}

#[test]
fn slow_and_broken_bodies_are_rejected_and_store_nothing() {
    run_test(async {
        let mut config = quick();
        config.server.body_seconds = 1;
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        for size in [1000, 100_000] {
            let content = payload(1, size);
            let head = format!(
                "PUT {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {size}\r\n{}\r\n",
                blobs.path("mail/a"),
                ana.token.as_str(),
                repr_digest(&content)
            );
            let stalled = blobs.http.raw(&[head.as_bytes(), &content[..size / 2]].concat()).await;
            stalled.expect_problem(408, "timeout");
            assert_eq!(blobs.usage().await.used, 0);
        }
    });
}

#[test]
fn too_many_uploads_are_rejected_with_retry_after() {
    run_test(async {
        let mut config = quick();
        config.server.user_blob_writes = 0;
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let refused = blobs.put("mail/a", b"x").await;
        refused.expect_problem(429, "too-many-requests");
        assert_eq!(field(&refused, "retry-after").unwrap(), "1");
    });
}
