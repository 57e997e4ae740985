//! Small blobs are transferred in bundles, and a fault in one of them does not affect the others.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::response::Response;
use benchline_engine::config::ClientBackend;
use benchline_engine::protocol::{BlobDigest, BundleItem, BundledBlob, encode_item};
use benchline_engine::store::{BlobState, Priority};
use bytes::BytesMut;

use super::device::{BlobDevice, NAMESPACE, USER, blob, keys, sealed};
use super::stub::{RecordedRequest, Stub, bytes_from, refusal};
use crate::support::{Http, TestServer, payload, quick, run_test};

/// A list of these blobs.
fn list(ids: &[&str]) -> Response {
    let digest = "00".repeat(32);
    let entry = |id: &&str| format!(r#"{{"id":"{id}","length":1,"digest":"{digest}","flags":[],"created":1}}"#);
    let entries: Vec<_> = ids.iter().map(entry).collect();
    Response::new(Body::from(format!(r#"{{"blobs":[{}],"next":null}}"#, entries.join(","))))
}

fn item(id: &str, content: Vec<u8>) -> BundleItem {
    let hash = BlobDigest(digest(&SHA256, &content).as_ref().try_into().unwrap());
    BundleItem::Blob(BundledBlob {
        id: id.parse().unwrap(),
        flags: Default::default(),
        digest: hash,
        content: content.into(),
    })
}

#[test]
fn hundreds_of_small_blobs_take_a_few_requests() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let new = async |backend| {
            let mut config = quick();
            config.blobs.client_backend = backend;
            BlobDevice::of(&config, &server.address, "ana", ana.token.as_str(), &ana.keys).await
        };
        let (one, two) = (new(ClientBackend::Sqlcipher).await, new(ClientBackend::Files).await);
        // They are stored before anything is sent, so that the bundles do not depend on timing.
        let folder = one.close().await;
        let config = quick();
        let away = BlobDevice::in_folder(folder, &config, "http://127.0.0.1:1", "ana", "token", &ana.keys).await;
        for n in 0..600 {
            away.put(&format!("b{n}"), &payload(n, 10 * n)).await.unwrap();
        }
        let folder = away.close().await;
        let one = BlobDevice::in_folder(folder, &config, &server.address, "ana", ana.token.as_str(), &ana.keys).await;
        assert!(one.client.sync(NAMESPACE).await.unwrap().failed.is_empty());
        let report = two.client.sync(NAMESPACE).await.unwrap();
        assert_eq!((report.fetched, report.failed.len()), (600, 0));
        for n in 0..600 {
            assert_eq!(two.get(&format!("b{n}")).await.unwrap(), payload(n, 10 * n));
        }
        let metrics = Http::to(&server.address).request("GET", "/metrics", "", b"").await;
        let metrics = String::from_utf8(metrics.body).unwrap();
        let requests: u64 = metrics
            .lines()
            .filter(|line| line.starts_with("benchline_requests_total") && line.contains("/b"))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        assert!(requests < 60, "{metrics}");
        one.close().await;
        two.close().await;
    });
}

#[test]
fn a_fault_in_one_blob_of_a_bundle_does_not_affect_the_others() {
    run_test(async {
        const IDS: [&str; 5] = ["a", "altered", "b", "gone", "large"];
        let large = sealed("large", &payload(7, 100_000));
        let mut altered = sealed("altered", b"content");
        *altered.last_mut().unwrap() ^= 1;
        let answer = move |request: RecordedRequest, _| {
            let (large, altered) = (large.clone(), altered.clone());
            async move {
                match (request.method.as_str(), request.id.as_str()) {
                    ("GET", "") => list(&IDS),
                    ("POST", _) => {
                        let mut bundle = BytesMut::new();
                        for (id, content) in [("a", b"one"), ("b", b"two")] {
                            encode_item(&mut bundle, &item(id, sealed(id, content)));
                        }
                        encode_item(&mut bundle, &item("altered", altered));
                        encode_item(&mut bundle, &BundleItem::Absent("gone".parse().unwrap()));
                        encode_item(&mut bundle, &BundleItem::Alone("large".parse().unwrap()));
                        encode_item(&mut bundle, &BundleItem::End);
                        Response::new(Body::from(bundle.freeze()))
                    }
                    (_, "large") => bytes_from(&large, request.from),
                    (_, "altered") => bytes_from(&altered, request.from),
                    _ => refusal(404),
                }
            }
        };
        let stub = Stub::serve(answer).await;
        // All are requested before there is a server, so that all five are ready when the first starts.
        let away = BlobDevice::new(&quick(), "http://127.0.0.1:1").await;
        for id in IDS {
            away.blobs.want_download(&blob(id), Priority::Normal).await.unwrap();
        }
        let device = BlobDevice::in_folder(away.close().await, &quick(), &stub.address, USER, "token", &keys()).await;
        let first = device.client.sync(NAMESPACE).await.unwrap();
        assert!(first.failed.len() <= 2, "{first:?}");
        assert_eq!((stub.count("GET", "a"), stub.count("GET", "b"), stub.count("POST", "")), (0, 0, 1));
        assert_eq!(
            (device.get("a").await.unwrap(), device.get("b").await.unwrap()),
            (b"one".to_vec(), b"two".to_vec())
        );
        assert_eq!(device.get("large").await.unwrap(), payload(7, 100_000));
        assert_eq!(device.state("altered").await, Some(BlobState::Quarantined));
        assert_eq!(device.state("gone").await, Some(BlobState::FailedDownload));
        device.close().await;
    });
}

#[test]
fn without_bundles_blobs_are_transferred_one_by_one() {
    run_test(async {
        const IDS: [&str; 3] = ["a", "b", "c"];
        for status in [200, 404, 500] {
            let answer = move |request: RecordedRequest, _| async move {
                match (request.method.as_str(), request.id.as_str()) {
                    ("GET", "") => list(&IDS),
                    ("GET", id) => bytes_from(&sealed(id, id.as_bytes()), request.from),
                    (_, "") if status == 200 => Response::new(Body::from("<html>")),
                    (_, "") => refusal(status),
                    _ => Response::new(Body::empty()),
                }
            };
            let stub = Stub::serve(answer).await;
            let device = BlobDevice::new(&quick(), &stub.address).await;
            for id in ["x", "y", "z", "w", "v"] {
                device.put(id, b"content").await.unwrap();
            }
            let report = device.client.sync(NAMESPACE).await.unwrap();
            assert_eq!((report.fetched, report.failed.len()), (3, 0), "{status}: {report:?}");
            assert_eq!(device.get("b").await.unwrap(), b"b");
            assert_eq!(device.blobs.count(NAMESPACE).await.unwrap().get(&BlobState::Synced), Some(&8));
            device.close().await;
        }
    });
}
