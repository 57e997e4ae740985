//! The defects of an earlier server of this kind, each with a test that fails where it comes back.

use std::time::Duration;

use benchline_engine::server::blobs::Sweep;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Blobs, field, repr_digest};
use crate::support::{TestServer, payload, quick, run_test};

/// Defect: a range's end was exclusive.
#[test]
fn the_end_of_a_range_is_inclusive() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/a", b"0123456789").await.status, 201);
        let part = blobs.ask("GET", "mail/a", "Range: bytes=2-5\r\n", b"").await;
        assert_eq!((part.status, &part.body[..]), (206, &b"2345"[..]));
    });
}

/// Defect: `bytes=N-` answered 500.
#[test]
fn an_open_range_extends_to_the_end() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/a", b"0123456789").await.status, 201);
        let part = blobs.ask("GET", "mail/a", "Range: bytes=7-\r\n", b"").await;
        assert_eq!((part.status, &part.body[..]), (206, &b"789"[..]));
    });
}

/// Defect: in-place writes, so a partial file later answered 409.
#[test]
fn an_aborted_upload_causes_no_conflict_later() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        for size in [1000, 1_000_000] {
            let content = payload(1, size);
            let path = format!("mail/{size}");
            let head = format!(
                "PUT {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {size}\r\n{}\r\n",
                blobs.path(&path),
                ana.token.as_str(),
                repr_digest(&content)
            );
            let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
            stream.write_all(&[head.as_bytes(), &content[..size / 2]].concat()).await.unwrap();
            drop(stream);
            assert_eq!(blobs.put(&path, &content).await.status, 201);
            assert!(blobs.get(&path).await.body == content);
        }
    });
}

/// Defect: the quota could not be configured. Defect: `du` was spawned for each write. The account of what is used is a
/// row, and right after everything that can happen to a blob.
#[test]
fn the_usage_is_always_correct() {
    run_test(async {
        let mut config = quick();
        config.blobs.quota = 5000;
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/a", &payload(1, 1000)).await.status, 201);
        assert_eq!(blobs.begin("mail/b", &payload(2, 2000), 100).await.status, 201);
        blobs.put("mail/c", &payload(3, 2001)).await.expect_problem(507, "quota-exceeded");
        assert_eq!((blobs.usage().await.used, blobs.usage().await.quota), (3000, 5000));
        assert_eq!(blobs.ask("DELETE", "mail/a", "", b"").await.status, 204);
        assert_eq!(blobs.usage().await.used, 2000);
        assert_eq!(blobs.append("mail/b", 100, true, &payload(2, 2000)[100..]).await.status, 201);
        assert_eq!(blobs.usage().await.used, 2000);
        // What an operator puts into the folder is not the user's.
        std::fs::write(server.folder().join("blobs/1/notes"), [0; 9000]).unwrap();
        assert_eq!(blobs.usage().await.used, 2000);
    });
}

/// Defect: a tombstone outlived re-creation and deleted the new blob.
#[test]
fn a_blob_that_is_stored_again_after_deletion_stays() {
    run_test(async {
        let mut server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let (old, new) = (payload(1, 1000), payload(2, 1000));
        let blobs = Blobs::of(&ana, &server.address);
        for _ in 0..3 {
            assert_eq!(blobs.put("mail/a", &old).await.status, 201);
            assert_eq!(blobs.ask("DELETE", "mail/a", "", b"").await.status, 204);
        }
        let stale = blobs.put("mail/a", &new).await;
        assert_eq!(stale.status, 201);
        server.server().sweep(Sweep::Everything).await;
        server = server.restart(|_| ()).await;
        server.server().sweep(Sweep::Everything).await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.get("mail/a").await.body, new);
        // A delete that was meant for the old one does not hit the new one either.
        let meant = format!("If-Match: {}\r\n", repr_digest(&old).trim_end().replace("Repr-Digest: ", ""));
        blobs.ask("DELETE", "mail/a", &meant, b"").await.expect_problem(412, "precondition-failed");
        assert_eq!(blobs.get("mail/a").await.body, new);
    });
}

/// Defect: the blob id alone was the primary key, so namespaces collided.
#[test]
fn one_id_in_two_namespaces_is_two_blobs() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/a", b"one").await.status, 201);
        assert_eq!(blobs.put("drafts/a?flags=failed", b"two").await.status, 201);
        assert_eq!(blobs.begin("other/a", b"three", 1).await.status, 201);
        assert_eq!(
            (blobs.get("mail/a").await.body, blobs.get("drafts/a").await.body),
            (b"one".to_vec(), b"two".to_vec())
        );
        assert_eq!((blobs.ids("mail").await, blobs.ids("mail?flags=failed").await), (vec!["a".to_owned()], vec![]));
        assert_eq!(blobs.ask("DELETE", "mail/a", "", b"").await.status, 204);
        assert_eq!(blobs.get("drafts/a").await.body, b"two");
        assert_eq!(blobs.append("other/a", 1, true, b"hree").await.status, 201);
    });
}

/// Defect: the `pending` flag was set after the write, so a reader could see the blob without it.
#[test]
fn flags_appear_together_with_the_content() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let writing = async {
            for n in 0..30 {
                assert_eq!(blobs.put(&format!("mail/{n}?flags=pending"), &payload(n, 1000)).await.status, 201);
            }
        };
        let reading = async {
            loop {
                let list = blobs.list("mail").await.blobs;
                assert!(list.iter().all(|entry| entry.flags == "pending".parse().unwrap()));
                if list.len() == 30 {
                    break;
                }
            }
        };
        tokio::join!(writing, reading);
    });
}

/// Defect: a global lock for each blob serialised its readers. One that stands still holds up nobody.
#[test]
fn a_stalled_reader_blocks_no_other_request() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let content = payload(1, 30_000_000);
        assert_eq!(blobs.put("mail/a", &content).await.status, 201);
        let mut still = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
            let head = format!(
                "GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
                blobs.path("mail/a"),
                ana.token.as_str()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.read_exact(&mut [0; 100]).await.unwrap();
            still.push(stream);
        }
        let read = join_all((0..3).map(async |_| blobs.get("mail/a").await.body == content)).await;
        assert_eq!(read, [true, true, true]);
        // Nor does it hold up who deletes: it reads on, from what was there when it began.
        assert_eq!(blobs.ask("DELETE", "mail/a", "", b"").await.status, 204);
        let mut stream = still.remove(0);
        let mut rest = vec![0; content.len() / 2];
        tokio::time::timeout(Duration::from_secs(60), stream.read_exact(&mut rest)).await.unwrap().unwrap();
    });
}

/// Defect: the whole blob was buffered. Sixteen times a large blob in and out must not be in memory.
#[test]
fn blobs_are_streamed_without_being_buffered() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let content = payload(1, 64 << 20);
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
            line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() >> 10
        };
        assert_eq!(blobs.put("mail/a", &content).await.status, 201);
        drop(content);
        let before = resident();
        let mut still = Vec::new();
        for _ in 0..16 {
            let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
            let head = format!(
                "GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
                blobs.path("mail/a"),
                ana.token.as_str()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.read_exact(&mut vec![0; 1 << 20]).await.unwrap();
            still.push(stream);
        }
        // Other tests run in the same process; sixteen whole blobs would be 1024 MiB.
        let grown = resident().saturating_sub(before);
        assert!(grown < 512, "{grown} MiB more than before");
    });
}

/// Defect: short bodies were missed, and existing blobs not looked for, where blobs came in bulk. There is one way in,
/// and it counts every byte.
#[test]
fn a_truncated_body_is_detected_with_every_transfer_coding() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        for size in [1000, 100_000] {
            let content = payload(1, size);
            let short = format!("{}Upload-Length: {size}\r\nUpload-Complete: ?1\r\n", repr_digest(&content));
            blobs.ask("PUT", "mail/a", &short, &content[..size - 1]).await.expect_problem(400, "malformed");
            assert_eq!(blobs.begin("mail/a", &content, 1).await.status, 201);
            blobs.append("mail/a", 1, true, &content[1..size - 1]).await.expect_problem(400, "malformed");
            assert_eq!(blobs.ask("DELETE", "mail/a/upload", "", b"").await.status, 204);
            blobs.get("mail/a").await.expect_problem(404, "not-found");
        }
    });
}

/// Defect: content was sent twice in one upload. What is there already is not even read.
#[test]
fn an_existing_blob_is_not_received_again() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let content = payload(1, 1_000_000);
        assert_eq!(blobs.put("mail/a", &content).await.status, 201);
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 1000000\r\n\
             Expect: 100-continue\r\nConnection: close\r\n{}\r\n",
            blobs.path("mail/a"),
            ana.token.as_str(),
            repr_digest(&content)
        );
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 204", "the answer comes before any of the content");
        let metrics = blobs.http.request("GET", "/metrics", "", b"").await;
        let text = String::from_utf8(metrics.body).unwrap();
        assert!(text.contains("benchline_blob_received_bytes_total 1000000\n"), "{text}");
        assert!(field(&blobs.ask("HEAD", "mail/a", "", b"").await, "etag").is_some());
    });
}
