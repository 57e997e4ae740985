//! Headers first, contents on demand: the list is complete before any content, nothing is lost, and in the end a device that
//! fetched contents one by one equals a device that fetched everything.

use benchline_engine::client::SyncError;
use benchline_engine::document::Revision;
use benchline_engine::store::StoreError;

use crate::support::{BreakingConnection, Device, Http, TestServer, id, quick, run_test};

/// Fetches all absent contents, a few documents at a time, and returns their number.
async fn fetch_all(device: &Device) -> u64 {
    let mut fetched = 0;
    loop {
        let absent = device.replica.absent(None, 64).await.unwrap();
        if absent.is_empty() {
            return fetched;
        }
        fetched += device.client.fetch_contents(&device.replica, &absent).await.unwrap().documents_received;
    }
}

async fn delete(device: &Device, name: &str) {
    let current = device.replica.versions(&id(name)).await.unwrap()[0].revision.clone();
    device.replica.delete(&id(name), &current).await.unwrap();
}

#[test]
fn headers_arrive_first_and_contents_complete_them() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.fill(300, 10_000).await;
        one.create("gone", b"1").await;
        delete(&one, "gone").await;
        one.create("empty", b"").await;
        one.sync().await;

        let light = ana.device(&config, &server.address).await;
        let headers = light.client.sync_metadata(&light.replica).await.unwrap();
        assert_eq!((headers.documents_received, headers.requests), (302, 3));
        assert!(headers.bytes_received < 302 * 120, "{headers:?}");
        let list = light.replica.list("", None, 999).await.unwrap();
        assert_eq!(list.len(), 301);
        assert!(list.iter().all(|entry| entry.absent));
        let first = light.replica.get(&id("doc-0")).await.unwrap_err();
        assert!(matches!(first, StoreError::Absent { .. }), "{first}");
        assert_eq!(light.replica.versions(&id("doc-0")).await.unwrap()[0].size, Some(10_000));
        assert_eq!(light.replica.get(&id("gone")).await.unwrap().unwrap().content, None, "a tombstone has no content");

        let one_body =
            light.client.fetch_contents(&light.replica, &[id("doc-7"), id("gone"), id("none")]).await.unwrap();
        assert_eq!((one_body.documents_received, one_body.requests), (1, 1));
        assert!(one_body.bytes_received < 12_000);
        light.replica.get(&id("doc-7")).await.unwrap().unwrap();
        assert_eq!(light.client.fetch_contents(&light.replica, &[id("doc-7")]).await.unwrap().requests, 0);
        let nothing = light.sync().await;
        assert_eq!((nothing.requests, nothing.documents_sent), (1, 0), "what was fetched is not sent back");

        assert_eq!(fetch_all(&light).await, 300);
        let full = ana.device(&config, &server.address).await;
        full.sync().await;
        assert_eq!(light.everything().await, full.everything().await);
        assert_eq!(light.sync().await.requests, 1);
    });
}

#[test]
fn versions_without_content_are_edited_and_resolved_like_others() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        let light = ana.device(&config, &server.address).await;
        one.replica.create_index("x", "/x").await.unwrap();
        light.replica.create_index("x", "/x").await.unwrap();
        for name in ["replaced", "deleted", "conflicted", "equal"] {
            one.create(name, br#"{"x":1}"#).await;
        }
        one.sync().await;
        two.sync().await;
        light.client.sync_metadata(&light.replica).await.unwrap();
        let everything = benchline_engine::store::Wanted::Prefix(String::new());
        assert!(light.replica.find("x", &everything, None, 9).await.unwrap().is_empty());
        // Nobody has to fetch what is to be replaced.
        let seen = light.replica.versions(&id("replaced")).await.unwrap()[0].revision.clone();
        light.replica.put(&id("replaced"), Some(&seen), br#"{"x":"new"}"#.to_vec()).await.unwrap();
        delete(&light, "deleted").await;
        for (device, text) in [(&one, &b"one"[..]), (&two, b"two")] {
            device.update("conflicted", text).await;
            device.update("equal", b"equal").await;
        }
        one.sync().await;
        two.client.sync_metadata(&two.replica).await.unwrap();
        assert_eq!(two.replica.conflicted().await.unwrap(), [id("conflicted"), id("equal")], "who knows what is equal");
        assert_eq!(light.client.sync_metadata(&light.replica).await.unwrap().documents_sent, 2);
        two.client.fetch_contents(&two.replica, &[id("equal")]).await.unwrap();
        assert_eq!(two.replica.conflicted().await.unwrap(), [id("conflicted")], "now it is known");

        let all = light.replica.versions(&id("conflicted")).await.unwrap();
        assert!(all.len() == 2 && all.iter().all(|version| version.absent));
        let revisions: Vec<Revision> = all.into_iter().map(|version| version.revision).collect();
        light.replica.resolve(&id("conflicted"), &revisions, Some(b"both".to_vec())).await.unwrap();
        for device in [&two, &light, &one, &two, &light] {
            device.sync().await;
            fetch_all(device).await;
        }
        assert_eq!(light.everything().await, one.everything().await);
        assert_eq!(light.everything().await, two.everything().await);
        assert!(light.replica.conflicted().await.unwrap().is_empty());
        assert_eq!(light.replica.find("x", &everything, None, 9).await.unwrap().len(), 1);
    });
}

#[test]
fn an_interrupted_fetch_continues_with_absent_contents() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.fill(500, 10_000).await;
        one.sync().await;
        let mut light = ana.device(&config, &server.address).await;
        light.client.sync_metadata(&light.replica).await.unwrap();
        let ids = light.replica.absent(None, 999).await.unwrap();
        let connection = BreakingConnection::after_answer(&server.address, 2_500_000).await;
        let broken = ana.client(&config, &connection.address).fetch_contents(&light.replica, &ids).await;
        assert!(matches!(broken, Err(SyncError::Connection(_))));
        // The device is killed, too, and starts again.
        let path = light.folder.path().join("replica.db");
        light.replica = benchline_engine::store::Replica::open(&path, &ana.keys.database, &config.store).await.unwrap();
        let left = light.replica.absent(None, 999).await.unwrap().len();
        assert!(left > 100 && left < 400, "{left}");
        assert_eq!(fetch_all(&light).await as usize, left);
        assert_eq!(light.everything().await, one.everything().await);
        assert_eq!(light.sync().await.requests, 1);
    });
}

#[test]
fn replaced_contents_arrive_in_their_newer_version() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, light) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        one.create("a", b"old").await;
        one.sync().await;
        light.client.sync_metadata(&light.replica).await.unwrap();
        one.update("a", b"new").await;
        one.sync().await;
        light.client.fetch_contents(&light.replica, &[id("a")]).await.unwrap();
        assert_eq!(light.replica.get(&id("a")).await.unwrap().unwrap().content.unwrap(), b"new");
        let again = light.sync().await;
        assert_eq!((again.documents_sent, again.conflicts), (0, 0));
        assert_eq!(light.everything().await, one.everything().await);
        // An edit in the meantime is a conflict, as ever.
        light.update("a", b"mine").await;
        one.update("a", b"theirs").await;
        one.sync().await;
        light.client.sync_metadata(&light.replica).await.unwrap();
        fetch_all(&light).await;
        one.sync().await;
        assert_eq!(light.everything().await, one.everything().await);
        assert_eq!(light.replica.conflicted().await.unwrap(), [id("a")]);
    });
}

#[test]
fn requests_for_contents_are_checked() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let (ana, eve) = (server.user("ana").await, server.user("eve").await);
        let http = Http::to(&server.address);
        let start = format!("generation=0&transaction={}", "0".repeat(32));
        let path = format!("/v1/users/ana/contents?{start}");
        let json = "Content-Type: application/json\r\n";
        let answer = http.of(&ana, "POST", &path, json, br#"{"documents":["a"]}"#).await;
        assert_eq!(answer.status, 200, "of nothing, nothing");
        let many = format!(r#"{{"documents":[{}]}}"#, vec![r#""a""#; 1001].join(","));
        http.of(&ana, "POST", &path, json, many.as_bytes()).await.expect_problem(413, "too-large");
        http.of(&ana, "POST", &path, json, &vec![b' '; 1 << 20]).await.expect_problem(413, "too-large");
        for wrong in [&br#"{"documents":["../a"]}"#[..], b"{}", br#"{"documents":[],"x":1}"#, b"\xff"] {
            http.of(&ana, "POST", &path, json, wrong).await.expect_problem(400, "malformed");
        }
        http.of(&eve, "POST", &path, json, br#"{"documents":["a"]}"#).await.expect_problem(403, "forbidden");
        let elsewhere = format!("/v1/users/ana/contents?generation=7&transaction={}", "1".repeat(32));
        http.of(&ana, "POST", &elsewhere, json, br#"{"documents":[]}"#).await.expect_problem(409, "history-mismatch");
        let pull = |contents| format!("/v1/users/ana/peers/00000000000000aa/documents?{start}&contents={contents}");
        http.of(&ana, "GET", &pull("perhaps"), "", b"").await.expect_problem(400, "malformed");
        assert_eq!(http.of(&ana, "GET", &pull("no"), "", b"").await.status, 200);
    });
}
