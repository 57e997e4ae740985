//! Servers that reject, stall, truncate, alter and lie, and how the client reacts.

use axum::body::{Body, Bytes};
use axum::response::Response;
use benchline_engine::client::BlobError;
use benchline_engine::config::Config;
use benchline_engine::store::{BlobState, Priority};
use futures_util::{StreamExt, stream};

use super::device::{BlobDevice, NAMESPACE, blob, sealed};
use super::stub::{RecordedRequest, Stub, bytes_from, empty_list, partial, refusal};
use crate::support::{payload, quick, run_test};

fn one_at_a_time() -> Config {
    let mut config = quick();
    config.blobs.transfers = std::num::NonZeroUsize::MIN;
    config
}

/// Named after the defects "every error retried, 404 included" and "failed downloads revived without end".
#[test]
fn permanent_rejections_are_not_retried() {
    run_test(async {
        for status in [404, 409, 413, 507] {
            let answer = move |request: RecordedRequest, _| async move {
                if request.id.is_empty() { empty_list() } else { refusal(status) }
            };
            let stub = Stub::serve(answer).await;
            let device = BlobDevice::new(&quick(), &stub.address).await;
            let fetched = device.client.fetch(&blob("down"), Priority::Normal).await;
            assert!(matches!(fetched, Err(BlobError::Failed { .. })), "{status}: {fetched:?}");
            device.put("up", b"content").await.unwrap();
            let sent = device.client.send(&blob("up"), Priority::Normal).await;
            assert!(matches!(sent, Err(BlobError::Failed { .. })), "{status}: {sent:?}");
            let tries = stub.count("PUT", "up");
            device.client.sync(NAMESPACE).await.unwrap();
            assert_eq!((stub.count("GET", "down"), stub.count("PUT", "up")), (1, tries), "{status}");
            assert_eq!(device.state("down").await, Some(BlobState::FailedDownload));
            assert_eq!(device.state("up").await, Some(BlobState::FailedUpload));
            assert_eq!(device.get("up").await.unwrap(), b"content");
            device.close().await;
        }
    });
}

#[test]
fn temporary_failures_are_retried() {
    run_test(async {
        let content = payload(1, 1000);
        let bytes = sealed("a", &content);
        let answer = move |_, before| {
            let bytes = bytes.clone();
            async move {
                match before {
                    0 => refusal(500),
                    1 => {
                        let mut busy = refusal(503);
                        busy.headers_mut().insert("retry-after", "0".parse().unwrap());
                        busy
                    }
                    // Cut short.
                    2 => Response::new(Body::from(bytes[..500].to_vec())),
                    _ => bytes_from(&bytes, 0),
                }
            }
        };
        let stub = Stub::serve(answer).await;
        let device = BlobDevice::new(&quick(), &stub.address).await;
        device.client.fetch(&blob("a"), Priority::Normal).await.unwrap();
        assert_eq!((device.get("a").await.unwrap(), stub.count("GET", "a")), (content, 4));
        device.close().await;
    });
}

#[test]
fn three_failed_verifications_quarantine_a_blob() {
    run_test(async {
        let content = payload(2, 200_000);
        let good = sealed("a", &content);
        let mut altered = good.clone();
        altered[150_000] ^= 1;
        // Altered in a chunk, in the header, another blob, too long, and nothing at all like a blob.
        let mut header = good.clone();
        header[20] ^= 1;
        let longer = [&good[..], b"more"].concat();
        for bad in
            [altered, header, sealed("b", &content), longer, b"<html>Welcome to the hotel's network</html>".repeat(9)]
        {
            let answer = move |request: RecordedRequest, before| {
                let bytes = bad.clone();
                async move {
                    // Named after the defect "failed downloads revived without end": the list names it again and again.
                    if request.id.is_empty() {
                        let digest = "00".repeat(32);
                        return Response::new(Body::from(format!(
                            r#"{{"blobs":[{{"id":"a","length":1,"digest":"{digest}","flags":[],"created":1}}],"next":null}}"#
                        )));
                    }
                    assert!(before < 3, "asked for again");
                    bytes_from(&bytes, request.from)
                }
            };
            let stub = Stub::serve(answer).await;
            let device = BlobDevice::new(&quick(), &stub.address).await;
            let fetched = device.client.fetch(&blob("a"), Priority::Normal).await;
            assert!(matches!(fetched, Err(BlobError::Quarantined(_))), "{fetched:?}");
            assert_eq!(device.state("a").await, Some(BlobState::Quarantined));
            assert!(matches!(device.get("a").await, Err(BlobError::Quarantined(_))));
            device.client.sync(NAMESPACE).await.unwrap();
            assert_eq!(stub.count("GET", "a"), 3);
            device.close().await;
        }
    });
}

/// Named after the defect "all transfers serial, one stuck transfer blocked the rest".
#[test]
fn a_stuck_transfer_does_not_block_the_others() {
    run_test(async {
        let answer = |request: RecordedRequest, _| async move {
            if request.id == "stuck" {
                std::future::pending::<()>().await;
            }
            bytes_from(&sealed(&request.id, b"content"), 0)
        };
        let stub = Stub::serve(answer).await;
        let mut config = quick();
        config.blobs.transfers = std::num::NonZeroUsize::MIN.saturating_add(1);
        let device = BlobDevice::new(&config, &stub.address).await;
        let stuck = blob("stuck");
        tokio::select! {
            _ = device.client.fetch(&stuck, Priority::Urgent) => panic!("it answered"),
            () = async {
                stub.wait_for("GET", "stuck", 1).await;
                for n in 0..10 {
                    device.client.fetch(&blob(&format!("b{n}")), Priority::Low).await.unwrap();
                }
            } => {}
        }
        assert_eq!(device.state("stuck").await, Some(BlobState::PendingDownload));
        // A stuck transfer stops at once when the client is closed.
        device.close().await;
    });
}

/// A body of the first bytes, and then nothing, for ever.
fn beginning(bytes: &[u8], length: usize) -> Response {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(&bytes[..length]))]);
    partial(bytes.len(), 0, Body::from_stream(first.chain(stream::pending())))
}

#[test]
fn an_urgent_download_preempts_one_that_resumes_later() {
    run_test(async {
        let content = payload(3, 3_000_000);
        let large = sealed("large", &content);
        let answer = move |request: RecordedRequest, before| {
            let large = large.clone();
            async move {
                match (request.id.as_str(), before) {
                    ("large", 0) => beginning(&large, 2_000_000),
                    ("large", _) => bytes_from(&large, request.from),
                    (id, _) => bytes_from(&sealed(id, b"urgent"), 0),
                }
            }
        };
        let stub = Stub::serve(answer).await;
        let device = BlobDevice::new(&one_at_a_time(), &stub.address).await;
        let mut progress = device.client.progress();
        let address = blob("large");
        let (large, ()) = tokio::join!(device.client.fetch(&address, Priority::Low), async {
            // The only slot is taken by a download without progress.
            progress.wait_for(|now| now.running.iter().any(|one| one.done > 1_900_000)).await.unwrap();
            device.client.fetch(&blob("small"), Priority::Urgent).await.unwrap();
            assert_eq!(device.get("small").await.unwrap(), b"urgent");
        });
        large.unwrap();
        assert_eq!(device.get("large").await.unwrap(), content);
        let from: Vec<u64> = stub.requests("GET", "large").iter().map(|request| request.from).collect();
        assert!(from.len() == 2 && from[0] == 0 && from[1] > 1_900_000, "{from:?}");
        assert_eq!(device.blobs.find(&address).await.unwrap().unwrap().tries, 0, "preemption is not a failure");
        device.close().await;
    });
}

#[test]
fn an_interrupted_download_resumes_after_the_last_verified_chunk() {
    run_test(async {
        for client_backend in [Default::default(), benchline_engine::config::ClientBackend::Files] {
            let content = payload(4, 5_000_000);
            let bytes = sealed("a", &content);
            let answer = move |request: RecordedRequest, _| {
                let bytes = bytes.clone();
                async move {
                    // A million and a bit more each time, then the connection breaks.
                    let end = bytes.len().min(request.from as usize + 1_000_001);
                    let piece = Bytes::copy_from_slice(&bytes[request.from as usize..end]);
                    let broken = (end < bytes.len()).then(|| Err(std::io::Error::other("cut")));
                    let body = stream::iter(std::iter::once(Ok(piece)).chain(broken));
                    partial(bytes.len(), request.from, Body::from_stream(body))
                }
            };
            let stub = Stub::serve(answer).await;
            let mut config = quick();
            config.blobs.client_backend = client_backend;
            let device = BlobDevice::new(&config, &stub.address).await;
            device.client.fetch(&blob("a"), Priority::Normal).await.unwrap();
            assert_eq!(device.get("a").await.unwrap(), content);
            let from: Vec<u64> = stub.requests("GET", "a").iter().map(|request| request.from).collect();
            // No step is lost but for the chunk that was cut, of 64 KiB.
            assert!(from.windows(2).all(|pair| pair[1] - pair[0] > 1_000_001 - (70 << 10)), "{from:?}");
            assert!(from.len() >= 5 && from.len() <= 6, "{from:?}");
            device.close().await;
        }
    });
}

#[test]
fn an_unreachable_server_is_waited_for() {
    run_test(async {
        let device = BlobDevice::new(&quick(), "http://127.0.0.1:1").await;
        device.put("a", b"content").await.unwrap();
        let sent = device.client.send(&blob("a"), Priority::Normal).await;
        assert!(matches!(sent, Err(BlobError::Waiting { .. })), "{sent:?}");
        assert_eq!(device.state("a").await, Some(BlobState::PendingUpload));
        assert!(matches!(device.client.sync(NAMESPACE).await, Err(BlobError::Exchange(_))));
        device.close().await;
    });
}
