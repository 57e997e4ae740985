//! Many blobs in one request: what is checked for one alone is checked for each. Defect of an earlier server: the bulk upload
//! endpoint bypassed quota, locks and existence checks and missed short bodies.

use aws_lc_rs::digest::{SHA256, digest};
use benchline_engine::config::Config;
use benchline_engine::protocol::{
    BUNDLE, BUNDLED_BYTES, BlobDigest, BundleDecoder, BundleItem, Bundled, BundledBlob, encode_item,
};
use bytes::BytesMut;
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;

use super::Blobs;
use crate::support::{Answer, TestServer, payload, quick, run_test};

pub(super) fn item(id: &str, content: &[u8]) -> BundledBlob {
    let hash = digest(&SHA256, content).as_ref().try_into().unwrap();
    let (flags, content) = (Default::default(), content.to_vec().into());
    BundledBlob { id: id.parse().unwrap(), flags, digest: BlobDigest(hash), content }
}

pub(super) fn bundle(blobs: impl IntoIterator<Item = BundledBlob>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    blobs.into_iter().for_each(|blob| encode_item(&mut bytes, &BundleItem::Blob(blob)));
    encode_item(&mut bytes, &BundleItem::End);
    bytes.to_vec()
}

fn items(bytes: &[u8]) -> Vec<BundleItem> {
    let mut decoder = BundleDecoder::default();
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next_item().unwrap()).collect()
}

impl Blobs<'_> {
    async fn bundles(&self, method: &str, body: &[u8]) -> Answer {
        let path = format!("/v1/users/{}/bundles/mail", self.account.name);
        self.http.of(self.account, method, &path, &format!("Content-Type: {BUNDLE}\r\n"), body).await
    }

    /// The status of each blob of a bundle that is sent.
    async fn put_all(&self, blobs: impl IntoIterator<Item = BundledBlob>) -> Vec<u16> {
        let answer = self.bundles("PUT", &bundle(blobs)).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let answers: Vec<Bundled> = serde_json::from_slice(&answer.body).unwrap();
        assert!(answers.iter().all(|one| one.problem.as_ref().map_or(200..300, |_| 400..600).contains(&one.status)));
        answers.into_iter().map(|answer| answer.status).collect()
    }
}

/// Contents in the database, and in files.
fn both_ways() -> [Config; 2] {
    let mut in_files = quick();
    in_files.blobs.small_bytes = 0;
    [quick(), in_files]
}

#[test]
fn each_blob_of_a_bundle_gets_the_status_of_its_own_request() {
    run_test(async {
        for mut config in both_ways() {
            config.blobs.quota = 5000;
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            assert_eq!(blobs.put("mail/taken", &payload(1, 1000)).await.status, 201);
            assert_eq!(blobs.begin("mail/begun", &payload(2, 500), 100).await.status, 201);
            let mut altered = item("altered", b"content");
            altered.content = b"c0ntent".to_vec().into();
            let sent = [
                item("new", &payload(3, 1000)),
                item("new", &payload(3, 1000)),
                item("new", &payload(4, 1000)),
                item("taken", &payload(1, 1000)),
                item("taken", b"other"),
                altered,
                item("large", &payload(5, 3000)),
                item("begun", &payload(6, 700)),
                item("empty", b""),
            ];
            assert_eq!(blobs.put_all(sent).await, [201, 204, 409, 204, 409, 422, 507, 201, 201]);
            assert_eq!(blobs.usage().await.used, 2700, "and the upload that was under way has ended");
            assert_eq!(blobs.ids("mail").await, ["begun", "empty", "new", "taken"]);
            assert_eq!(blobs.get("mail/new").await.body, payload(3, 1000));
            assert_eq!(blobs.get("mail/begun").await.body, payload(6, 700));
            let part = blobs.ask("GET", "mail/new", "Range: bytes=-3\r\n", b"").await;
            assert_eq!((part.status, &part.body[..]), (206, &payload(3, 1000)[997..]));
            assert_eq!(blobs.ask("DELETE", "mail/new", "", b"").await.status, 204);
            assert_eq!((blobs.get("mail/new").await.status, blobs.usage().await.used), (404, 1700));
        }
    });
}

#[test]
fn an_incomplete_or_malformed_bundle_stores_nothing() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let whole = bundle([item("a", &payload(1, 300)), item("b", &payload(2, 300))]);
        for end in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
            blobs.bundles("PUT", &whole[..end]).await.expect_problem(400, "malformed");
        }
        blobs.bundles("PUT", &[&whole[..], b"more"].concat()).await.expect_problem(400, "malformed");
        let large = bundle([item("a", &payload(1, BUNDLED_BYTES + 1))]);
        blobs.bundles("PUT", &large).await.expect_problem(413, "too-large");
        // As many bytes are announced, and fewer come.
        let path = format!("/v1/users/{}/bundles/mail", ana.name);
        let mut stream = blobs.start("PUT", &path, &format!("Content-Type: {BUNDLE}\r\n"), whole.len()).await;
        stream.write_all(&whole[..500]).await.unwrap();
        drop(stream);
        assert_eq!((blobs.ids("mail").await.len(), blobs.usage().await.used), (0, 0));
        assert_eq!(blobs.put_all([item("a", &payload(1, 300))]).await, [201]);
    });
}

#[test]
fn concurrent_bundles_never_exceed_the_quota_nor_store_a_name_twice() {
    run_test(async {
        for mut config in both_ways() {
            config.blobs.quota = 10_000;
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            let send = |n: usize| {
                let own = (0..4).map(move |m| item(&format!("own-{n}-{m}"), &payload(9 * n + m, 500)));
                blobs.put_all(own.chain([item("same", &payload(n, 500))]))
            };
            let answers = join_all((0..10).map(send)).await;
            let stored = answers.iter().flatten().filter(|status| **status == 201).count();
            assert_eq!((stored, blobs.usage().await.used), (20, 10_000));
            assert!(answers.iter().filter(|answer| answer[4] == 201).count() <= 1, "{answers:?}");
        }
    });
}

#[test]
fn a_bundle_needs_a_permit_and_a_token_as_a_blob_does() {
    run_test(async {
        let mut config = quick();
        config.server.user_blob_writes = 1;
        let server = TestServer::start(&config).await;
        let (ana, bo) = (server.user("ana").await, server.user("bo").await);
        let blobs = Blobs::of(&ana, &server.address);
        let path = "/v1/users/ana/bundles/mail";
        let held = blobs.start("PUT", path, &format!("Content-Type: {BUNDLE}\r\n"), 99).await;
        let one = bundle([item("a", b"content")]);
        blobs.bundles("PUT", &one).await.expect_problem(429, "too-many-requests");
        drop(held);
        let other = Blobs::of(&bo, &server.address);
        for method in ["PUT", "POST"] {
            other.http.of(&bo, method, path, "", b"{\"ids\":[]}").await.expect_problem(403, "forbidden");
        }
        blobs.http.of(&ana, "PUT", path, "", &one).await.expect_problem(415, "unsupported-media-type");
    });
}

#[test]
fn a_bundle_has_the_requested_blobs_in_order_and_lists_missing_ones() {
    run_test(async {
        for config in both_ways() {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            let sent = [item("a", &payload(1, 60_000)), item("b", b""), item("c", &payload(3, 5))];
            assert_eq!(blobs.put_all(sent.clone()).await, [201, 201, 201]);
            assert_eq!(blobs.put("mail/large", &payload(4, BUNDLED_BYTES + 1)).await.status, 201);
            let answer = blobs.bundles("POST", br#"{"ids":["c","large","none","a","b"]}"#).await;
            let [a, b, c] = sent.map(BundleItem::Blob);
            let (large, none) =
                (BundleItem::Alone("large".parse().unwrap()), BundleItem::Absent("none".parse().unwrap()));
            assert_eq!(items(&answer.body), [c, large, none, a.clone(), b, BundleItem::End]);
            // The rest is left out when it is full.
            let wanted = format!(r#"{{"ids":[{}]}}"#, vec![r#""a""#; 200].join(","));
            assert_eq!(items(&blobs.bundles("POST", wanted.as_bytes()).await.body).len(), (2 << 20) / 60_000 + 1);
            let wanted = format!(r#"{{"ids":[{}]}}"#, vec![r#""a""#; 257].join(","));
            blobs.bundles("POST", wanted.as_bytes()).await.expect_problem(413, "too-large");
            blobs.bundles("POST", br#"{"ids":["../a"]}"#).await.expect_problem(400, "malformed");
        }
    });
}
