//! What is put is what is got: whole, in ranges, listed, counted, marked, deleted.

use benchline_engine::config::{Config, ServerBackend};
use benchline_engine::protocol::{BlobCount, FlagSet};

use super::{Blobs, field, repr_digest};
use crate::support::{TestServer, payload, quick, run_test};

/// Both backends behind the same requests.
fn configs(folder: &std::path::Path) -> [Config; 2] {
    let mut elsewhere = quick();
    elsewhere.blobs.server_backend = ServerBackend::ObjectStore(format!("file://{}", folder.display()));
    [quick(), elsewhere]
}

#[test]
fn blobs_of_all_sizes_are_returned_as_stored() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        for config in configs(folder.path()) {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            for size in [0, 1, 65_535, 65_536, 65_537, 262_144, 262_145, 12_000_000] {
                let content = payload(size, size)[..size].to_vec();
                let path = format!("mail/b-{size}");
                let put = blobs.put(&path, &content).await;
                assert_eq!(put.status, 201, "{size}: {}", String::from_utf8_lossy(&put.body));
                let got = blobs.get(&path).await;
                assert!((got.status, &got.body) == (200, &content), "{size}");
                let head = blobs.ask("HEAD", &path, "", b"").await;
                assert_eq!((head.status, head.body.len()), (200, 0));
                assert_eq!(field(&head, "content-length").unwrap(), size.to_string());
                let tag = field(&put, "etag").unwrap();
                assert_eq!((field(&head, "etag").unwrap(), field(&got, "etag").unwrap()), (tag.clone(), tag.clone()));
                assert!(repr_digest(&content).trim_end().ends_with(&field(&got, "repr-digest").unwrap()));
                let known = blobs.ask("GET", &path, &format!("If-None-Match: {tag}\r\n"), b"").await;
                assert_eq!((known.status, known.body.len()), (304, 0));
                let other = blobs.ask("GET", &path, "If-Match: \"other\"\r\n", b"").await;
                other.expect_problem(412, "precondition-failed");
            }
            let total: u64 = [0, 1, 65_535, 65_536, 65_537, 262_144, 262_145, 12_000_000].iter().sum();
            assert_eq!(blobs.usage().await.used, total);
        }
    });
}

#[test]
fn a_blob_never_changes() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        for size in [100, 100_000] {
            let (one, two) = (payload(1, size), payload(2, size));
            let path = format!("mail/{size}");
            assert_eq!(blobs.put(&path, &one).await.status, 201);
            assert_eq!(blobs.put(&path, &one).await.status, 204, "the same again is no error");
            blobs.put(&path, &two).await.expect_problem(409, "blob-conflict");
            blobs.put(&path, &one[..50]).await.expect_problem(409, "blob-conflict");
            let absent = repr_digest(&one) + "If-None-Match: *\r\n";
            blobs.ask("PUT", &path, &absent, &one).await.expect_problem(412, "precondition-failed");
            let present = repr_digest(&one) + "If-Match: *\r\n";
            blobs.ask("PUT", "mail/none", &present, &one).await.expect_problem(412, "precondition-failed");
            assert!(blobs.get(&path).await.body == one);
        }
    });
}

#[test]
fn ranges_are_served_one_at_a_time() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        for config in configs(folder.path()) {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            let content = payload(3, 900_000);
            assert_eq!(blobs.put("mail/a", &content).await.status, 201);
            for (range, start, end) in [
                ("0-499", 0, 500),
                ("899999-", 899_999, 900_000),
                ("-500", 899_500, 900_000),
                ("100-800000", 100, 800_001),
            ] {
                let part = blobs.ask("GET", "mail/a", &format!("Range: bytes={range}\r\n"), b"").await;
                assert!((part.status, &part.body[..]) == (206, &content[start..end]), "{range}");
                assert_eq!(field(&part, "content-range").unwrap(), format!("bytes {start}-{}/900000", end - 1));
            }
            let beyond = blobs.ask("GET", "mail/a", "Range: bytes=900000-\r\n", b"").await;
            beyond.expect_problem(416, "range-not-satisfiable");
            assert_eq!(field(&beyond, "content-range").unwrap(), "bytes */900000");
            let several = blobs.ask("GET", "mail/a", "Range: bytes=0-1,5-6\r\n", b"").await;
            assert_eq!((several.status, several.body.len()), (200, 900_000));
            let tag = field(&several, "etag").unwrap();
            for (condition, status) in [(tag, 206), ("\"other\"".to_owned(), 200)] {
                let headers = format!("Range: bytes=0-1\r\nIf-Range: {condition}\r\n");
                assert_eq!(blobs.ask("GET", "mail/a", &headers, b"").await.status, status);
            }
        }
    });
}

#[test]
fn lists_have_pages_and_filters() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        for n in 0..25 {
            let flags = if n % 5 == 0 { "?flags=pending" } else { "" };
            assert_eq!(blobs.put(&format!("mail/m-{n:02}{flags}"), &payload(n, 100)).await.status, 201);
        }
        assert_eq!(blobs.put("mail/z", b"z").await.status, 201);
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = blobs.list(&format!("mail?limit=7{after}")).await;
            all.extend(page.blobs.iter().map(|entry| entry.id.as_str().to_owned()));
            let Some(next) = page.next else { break };
            assert_eq!(page.blobs.len(), 7);
            after = format!("&after={}", next.as_str());
        }
        let expected: Vec<_> = (0..25).map(|n| format!("m-{n:02}")).chain(["z".to_owned()]).collect();
        assert_eq!(all, expected);
        assert_eq!(blobs.ids("mail?flags=pending").await, ["m-00", "m-05", "m-10", "m-15", "m-20"]);
        assert_eq!(blobs.ids("mail?prefix=m-2&flags=pending").await, ["m-20"]);
        assert_eq!(blobs.ids("mail?prefix=z").await, ["z"]);
        assert_eq!(blobs.ids("mail?since=99999999999").await.len(), 0);
        assert_eq!(blobs.ids("other").await.len(), 0);
        let count = async |rest: &str| {
            let path = format!("/v1/users/ana/blob-counts/{rest}");
            serde_json::from_slice::<BlobCount>(&blobs.http.of(&ana, "GET", &path, "", b"").await.body).unwrap()
        };
        assert_eq!(count("mail").await, BlobCount { blobs: 26, bytes: 2501 });
        assert_eq!(count("mail?flags=pending&prefix=m-1").await, BlobCount { blobs: 2, bytes: 200 });
        for bad in ["limit=0", "limit=1001", "limit=x", "flags=lost", "prefix=../x", "after=a/b", "since=x", "order=1"]
        {
            blobs.get(&format!("mail?{bad}")).await.expect_problem(400, "malformed");
        }
    });
}

#[test]
fn flags_are_replaced_as_a_set() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/a?flags=pending", b"a").await.status, 201);
        let flags = async || {
            let answer = blobs.get("mail/a/flags").await;
            serde_json::from_slice::<FlagSet>(&answer.body).unwrap().flags
        };
        assert_eq!(flags().await, "pending".parse().unwrap());
        let set = br#"{"flags":["processed","failed"]}"#;
        assert_eq!(blobs.ask("PUT", "mail/a/flags", "", set).await.status, 204);
        assert_eq!(flags().await, "failed,processed".parse().unwrap());
        let wrong = blobs.ask("PUT", "mail/a/flags", "If-Match: \"other\"\r\n", set).await;
        wrong.expect_problem(412, "precondition-failed");
        for bad in [&b""[..], b"[]", br#"{"flags":["lost"]}"#, br#"{"flags":[],"x":1}"#] {
            blobs.ask("PUT", "mail/a/flags", "", bad).await.expect_problem(400, "malformed");
        }
        blobs.ask("PUT", "mail/a/flags", "", &[b' '; 5000]).await.expect_problem(413, "too-large");
        blobs.get("mail/b/flags").await.expect_problem(404, "not-found");
        blobs.ask("PUT", "mail/b/flags", "", set).await.expect_problem(404, "not-found");
    });
}

#[test]
fn a_deleted_blob_is_gone_and_frees_the_quota() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let put = blobs.put("mail/a", &payload(1, 70_000)).await;
        let wrong = blobs.ask("DELETE", "mail/a", "If-Match: \"other\"\r\n", b"").await;
        wrong.expect_problem(412, "precondition-failed");
        let right = format!("If-Match: {}\r\n", field(&put, "etag").unwrap());
        assert_eq!(blobs.ask("DELETE", "mail/a", &right, b"").await.status, 204);
        blobs.ask("DELETE", "mail/a", "", b"").await.expect_problem(404, "not-found");
        blobs.get("mail/a").await.expect_problem(404, "not-found");
        assert_eq!((blobs.usage().await.used, blobs.ids("mail").await.len()), (0, 0));
    });
}

#[test]
fn blobs_survive_a_restart() {
    run_test(async {
        let mut server = TestServer::start(&Config::default()).await;
        let ana = server.user("ana").await;
        let content = payload(1, 300_000);
        assert_eq!(Blobs::of(&ana, &server.address).put("mail/a", &content).await.status, 201);
        server = server.restart(|_| ()).await;
        assert!(Blobs::of(&ana, &server.address).get("mail/a").await.body == content);
    });
}

#[test]
fn metrics_count_requests_and_name_no_user() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("secret/a", &[7; 1000]).await.status, 201);
        assert_eq!(blobs.get("secret/a").await.status, 200);
        let text = String::from_utf8(blobs.http.request("GET", "/metrics", "", b"").await.body).unwrap();
        for line in [
            r#"benchline_requests_total{route="/v1/users/{user}/blobs/{namespace}/{id}",method="PUT",status="201"} 1"#,
            "benchline_blob_received_bytes_total 1000",
            "benchline_blob_sent_bytes_total 1000",
            "benchline_open_databases 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("ana") && !text.contains("secret"), "{text}");
    });
}
