//! Uploads with pauses: what was acknowledged is kept whatever breaks, and a blob appears only when it is whole.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{Blobs, field, repr_digest};
use crate::support::{Answer, TestServer, payload, quick, run_test};

#[test]
fn an_upload_resumes_where_it_stopped() {
    run_test(async {
        let mut server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let content = payload(1, 1_000_000);
        let blobs = Blobs::of(&ana, &server.address);
        let begun = blobs.begin("mail/a?flags=pending", &content, 100_000).await;
        assert_eq!((begun.status, field(&begun, "upload-offset").unwrap()), (201, "100000".to_owned()));
        assert_eq!(field(&begun, "location").unwrap(), "/v1/users/ana/blobs/mail/a/upload");
        assert_eq!(field(&begun, "upload-complete").unwrap(), "?0");
        let more = blobs.append("mail/a", 100_000, false, &content[100_000..100_010]).await;
        assert_eq!((more.status, field(&more, "upload-offset").unwrap()), (204, "100010".to_owned()));
        for (offset, last) in [(0, false), (100_011, true)] {
            let wrong = blobs.append("mail/a", offset, last, b"x").await;
            wrong.expect_problem(409, "offset-mismatch");
            assert_eq!(field(&wrong, "upload-offset").unwrap(), "100010");
        }
        blobs.get("mail/a").await.expect_problem(404, "not-found");
        assert!(blobs.ids("mail").await.is_empty());
        assert_eq!(blobs.usage().await.used, 1_000_000, "an upload reserves its length");

        server = server.restart(|_| ()).await;
        let blobs = Blobs::of(&ana, &server.address);
        let head = blobs.ask("HEAD", "mail/a/upload", "", b"").await;
        assert_eq!((head.status, field(&head, "upload-offset").unwrap()), (204, "100010".to_owned()));
        assert_eq!(field(&head, "upload-length").unwrap(), "1000000");
        assert!(repr_digest(&content).contains(&field(&head, "repr-digest").unwrap()));
        let last = blobs.append("mail/a", 100_010, true, &content[100_010..]).await;
        assert_eq!((last.status, field(&last, "upload-complete").unwrap()), (201, "?1".to_owned()));
        assert!(blobs.get("mail/a").await.body == content);
        assert_eq!(blobs.ids("mail?flags=pending").await, ["a"]);
        assert_eq!(blobs.usage().await.used, 1_000_000);
        let done = blobs.ask("HEAD", "mail/a/upload", "", b"").await;
        assert_eq!(
            (field(&done, "upload-complete").unwrap(), field(&done, "upload-offset").unwrap()),
            ("?1".to_owned(), "1000000".to_owned())
        );
    });
}

/// The connection breaks in the middle of a body; what came is not sent again.
#[test]
fn a_broken_connection_loses_nothing() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let content = payload(1, 3_000_000);
        let headers = format!("Upload-Complete: ?1\r\n{}", repr_digest(&content));
        let mut stream = blobs.start("PUT", &blobs.path("mail/a"), &headers, content.len()).await;
        stream.write_all(&content[..2_000_000]).await.unwrap();
        drop(stream);
        // To ask for the offset would end the request before it has read all that came.
        while received(&blobs).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let offset = offset(&blobs).await;
        assert_eq!(offset, 2_000_000);
        assert_eq!(blobs.append("mail/a", offset, true, &content[offset..]).await.status, 201);
        assert!(blobs.get("mail/a").await.body == content);
    });
}

/// A client whose connection is dead without anyone having noticed asks again, and does not wait for the server to.
#[test]
fn asking_for_the_offset_interrupts_the_request_that_still_appends() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let content = payload(1, 200_000);
        assert_eq!(blobs.begin("mail/a", &content, 0).await.status, 201);
        let headers = "Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Type: application/partial-upload\r\n";
        let mut silent = blobs.start("PATCH", &blobs.path("mail/a/upload"), headers, content.len()).await;
        silent.write_all(&content[..50_000]).await.unwrap();
        // As much as was read by then, perhaps nothing.
        let offset = offset(&blobs).await;
        assert!(offset <= 50_000);
        Answer::read(silent).await.expect_problem(503, "busy");
        assert_eq!(blobs.append("mail/a", offset, true, &content[offset..]).await.status, 201);
        assert!(blobs.get("mail/a").await.body == content);
    });
}

/// How far the upload of `mail/a` has come.
async fn offset(blobs: &Blobs<'_>) -> usize {
    let asked = blobs.ask("HEAD", "mail/a/upload", "", b"").await;
    assert_eq!(asked.status, 204);
    field(&asked, "upload-offset").unwrap().parse().unwrap()
}

/// Bytes of blobs that came in requests that are over.
async fn received(blobs: &Blobs<'_>) -> u64 {
    let metrics = String::from_utf8(blobs.http.request("GET", "/metrics", "", b"").await.body).unwrap();
    metrics.lines().find_map(|line| line.strip_prefix("benchline_blob_received_bytes_total ")?.parse().ok()).unwrap()
}

#[test]
fn uploads_are_checked() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let content = payload(1, 1000);
        blobs.ask("HEAD", "mail/a/upload", "", b"").await.head.starts_with("HTTP/1.1 404").then_some(()).unwrap();
        blobs.append("mail/a", 0, false, b"x").await.expect_problem(404, "not-found");
        blobs.ask("DELETE", "mail/a/upload", "", b"").await.expect_problem(404, "not-found");
        let unmeasured = format!("{}Upload-Complete: ?0\r\n", repr_digest(&content));
        blobs.ask("PUT", "mail/a", &unmeasured, b"x").await.expect_problem(411, "length-required");
        assert_eq!(blobs.begin("mail/a", &content, 10).await.status, 201);
        let plain = blobs.ask("PATCH", "mail/a/upload", "Upload-Offset: 10\r\nUpload-Complete: ?0\r\n", b"x").await;
        plain.expect_problem(415, "unsupported-media-type");
        let partial = "Content-Type: application/partial-upload\r\n";
        for headers in
            ["Upload-Offset: 10\r\n", "Upload-Complete: ?0\r\n", "Upload-Offset: x\r\nUpload-Complete: ?0\r\n"]
        {
            let answer = blobs.ask("PATCH", "mail/a/upload", &format!("{partial}{headers}"), b"x").await;
            answer.expect_problem(400, "malformed");
        }
        blobs.append("mail/a", 10, true, &content[10..900]).await.expect_problem(400, "malformed");
        let head = blobs.ask("HEAD", "mail/a/upload", "", b"").await;
        assert_eq!(field(&head, "upload-offset").unwrap(), "900", "what came before a false end is kept");
        blobs.append("mail/a", 900, true, &[0; 101]).await.expect_problem(400, "malformed");
        blobs.append("mail/a", 900, true, &[0; 100]).await.expect_problem(422, "digest-mismatch");
        assert_eq!(blobs.ask("HEAD", "mail/a/upload", "", b"").await.status, 404, "what is wrong cannot become right");
        assert_eq!(blobs.usage().await.used, 0);

        assert_eq!(blobs.begin("mail/a", &content, 10).await.status, 201);
        assert_eq!(blobs.begin("mail/a", &content, 20).await.status, 201, "a new beginning replaces the other");
        assert_eq!(blobs.usage().await.used, 1000);
        assert_eq!(blobs.ask("DELETE", "mail/a/upload", "", b"").await.status, 204);
        assert_eq!(blobs.usage().await.used, 0);

        assert_eq!(blobs.begin("mail/a", &content, 10).await.status, 201);
        assert_eq!(blobs.put("mail/a", &content).await.status, 201, "who brings all of it at once does not wait");
        assert_eq!(blobs.append("mail/a", 10, true, &content[10..]).await.status, 404);
        assert_eq!(blobs.begin("mail/a", &content, 10).await.status, 204, "it is there already");
        assert_eq!(blobs.usage().await.used, 1000);
    });
}

#[test]
fn expired_uploads_free_the_quota() {
    run_test(async {
        let mut config = quick();
        config.server.upload_seconds = 0;
        config.blobs.quota = 1500;
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.begin("mail/a", &payload(1, 1000), 10).await.status, 201);
        assert_eq!(blobs.ask("HEAD", "mail/a/upload", "", b"").await.status, 404);
        assert_eq!(blobs.put("mail/b", &payload(2, 1000)).await.status, 201);
        assert_eq!(blobs.usage().await.used, 1000);
    });
}
