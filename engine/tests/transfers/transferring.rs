//! Devices with the real server: what one device stores reaches the others, complete, once, and encrypted in transit.

use std::num::NonZeroU64;
use std::time::Instant;

use benchline_engine::client::{BlobError, PutAs};
use benchline_engine::config::{ClientBackend, Config};
use benchline_engine::store::{BlobAddress, BlobState, BlobStoreError, FailureCause, Priority};

use super::device::{BlobDevice, NAMESPACE, blob};
use crate::support::{Account, BreakingConnection, MARK, TestServer, is_in_files, payload, quick, run_test};

const BACKENDS: [ClientBackend; 2] = [ClientBackend::Sqlcipher, ClientBackend::Files];

fn with(client_backend: ClientBackend) -> Config {
    let mut config = quick();
    config.blobs.client_backend = client_backend;
    config
}

async fn device(account: &Account, config: &Config, address: &str) -> BlobDevice {
    BlobDevice::of(config, address, account.name.as_str(), account.token.as_str(), &account.keys).await
}

/// Ids that the server has, in order.
async fn at_server(device: &BlobDevice) -> Vec<String> {
    let (entries, more) = device.client.list_remote(NAMESPACE, "").await.unwrap();
    assert!(!more);
    entries.into_iter().map(|entry| String::from(entry.id)).collect()
}

#[test]
fn blobs_of_all_sizes_arrive_and_nothing_is_stored_unencrypted() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let one = device(&ana, &with(ClientBackend::Sqlcipher), &server.address).await;
        let two = device(&ana, &with(ClientBackend::Files), &server.address).await;
        let sizes = [17, 1000, 65_536, 300_000, 1 << 20, 5_000_000];
        for (n, size) in sizes.into_iter().enumerate() {
            one.put(&format!("b{n}"), &payload(n, size)).await.unwrap();
        }
        one.put("empty", b"").await.unwrap();
        one.client.sync(NAMESPACE).await.unwrap();
        assert_eq!(one.blobs.count(NAMESPACE).await.unwrap().get(&BlobState::Synced), Some(&7));

        let report = two.client.sync(NAMESPACE).await.unwrap();
        assert_eq!((report.fetched, report.sent, report.deleted, report.failed.len()), (7, 0, 0, 0), "{report:?}");
        for (n, size) in sizes.into_iter().enumerate() {
            let id = format!("b{n}");
            assert_eq!(two.get(&id).await.unwrap(), payload(n, size));
            let mut part = Vec::new();
            let range = size as u64 / 3..size as u64 / 2;
            two.blobs.get_range(&blob(&id), range, &mut part).await.unwrap();
            assert_eq!(part, payload(n, size)[size / 3..size / 2]);
        }
        assert_eq!(two.get("empty").await.unwrap(), b"");
        assert_eq!(two.client.sync(NAMESPACE).await.unwrap(), Default::default());
        for device in [one, two] {
            assert!(!is_in_files(device.close().await.path(), MARK));
        }
        assert!(!is_in_files(server.finish().await.path(), MARK));
    });
}

#[test]
fn an_interrupted_upload_resumes() {
    run_test(async {
        for client_backend in BACKENDS {
            let server = TestServer::start(&quick()).await;
            let ana = server.user("ana").await;
            let cut = BreakingConnection::to(&server.address, 3_000_000).await;
            let device = device(&ana, &with(client_backend), &cut.address).await;
            let content = payload(1, 5_000_000);
            device.put("a", &content).await.unwrap();
            // Until the connection breaks, and everything after it too.
            let mut progress = device.client.progress();
            progress.wait_for(|now| now.running.is_empty() && now.bytes_sent > 1_000_000).await.unwrap();
            assert_eq!(device.state("a").await, Some(BlobState::PendingUpload));
            let folder = device.close().await;

            let config = with(client_backend);
            let device =
                BlobDevice::in_folder(folder, &config, &server.address, "ana", ana.token.as_str(), &ana.keys).await;
            device.client.sync(NAMESPACE).await.unwrap();
            assert_eq!(device.state("a").await, Some(BlobState::Synced));
            let sent_again = device.client.progress().borrow().bytes_sent;
            assert!(sent_again < 4_500_000, "{sent_again} bytes of 5 million were sent again");

            let other = self::device(&ana, &config, &server.address).await;
            other.client.fetch(&blob("a"), Priority::Normal).await.unwrap();
            assert_eq!(other.get("a").await.unwrap(), content);
        }
    });
}

#[test]
fn an_interrupted_download_resumes() {
    run_test(async {
        for client_backend in BACKENDS {
            let server = TestServer::start(&quick()).await;
            let ana = server.user("ana").await;
            let sender = device(&ana, &quick(), &server.address).await;
            let content = payload(1, 5_000_000);
            sender.put("a", &content).await.unwrap();
            sender.client.send(&blob("a"), Priority::Urgent).await.unwrap();

            let cut = BreakingConnection::after_answer(&server.address, 3_000_000).await;
            let config = with(client_backend);
            let device = device(&ana, &config, &cut.address).await;
            let mut progress = device.client.progress();
            let address = blob("a");
            tokio::select! {
                fetched = device.client.fetch(&address, Priority::Normal) => panic!("{fetched:?} over a broken line"),
                _ = progress.wait_for(|now| now.running.is_empty() && now.bytes_received > 1_000_000) => {}
            }
            let folder = device.close().await;
            let device =
                BlobDevice::in_folder(folder, &config, &server.address, "ana", ana.token.as_str(), &ana.keys).await;
            device.client.fetch(&blob("a"), Priority::Normal).await.unwrap();
            assert_eq!(device.get("a").await.unwrap(), content);
            let received_again = device.client.progress().borrow().bytes_received;
            assert!(received_again < 4_500_000, "{received_again} bytes of 5 million came again");
        }
    });
}

/// Named after the defects "a tombstone that outlived re-creation deleted the new blob" and "pending deletions never
/// retried".
#[test]
fn an_offline_deletion_is_sent_later_and_a_new_blob_of_the_name_stays() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let device = device(&ana, &quick(), &server.address).await;
        for id in ["gone", "anew"] {
            device.put(id, b"first").await.unwrap();
            device.client.send(&blob(id), Priority::Normal).await.unwrap();
        }
        device.client.close().await;
        // Offline.
        device.blobs.delete(&blob("gone")).await.unwrap();
        device.blobs.delete(&blob("anew")).await.unwrap();
        device.blobs.put(&blob("anew"), 6, &b"second"[..], PutAs::Upload).await.unwrap();

        let token = ana.token.as_str();
        let client =
            benchline_engine::client::BlobClient::new(&quick(), &device.blobs, &server.address, token).unwrap();
        let report = client.sync(NAMESPACE).await.unwrap();
        assert!(report.failed.is_empty(), "{report:?}");
        let other = self::device(&ana, &quick(), &server.address).await;
        other.client.sync(NAMESPACE).await.unwrap();
        assert_eq!(at_server(&other).await, ["anew"]);
        assert_eq!(other.get("anew").await.unwrap(), b"second");
        assert_eq!(device.blobs.find(&blob("gone")).await.unwrap(), None);
    });
}

/// Named after the defect "local-only blobs uploaded by a refresh".
#[test]
fn local_blobs_and_drafts_are_not_sent_unasked() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let device = device(&ana, &quick(), &server.address).await;
        let put = async |id: &str, content: &'static [u8], put_as| {
            device.client.put(&blob(id), content.len() as u64, content, put_as).await
        };
        put("local", b"local", PutAs::Local).await.unwrap();
        put("draft", b"first", PutAs::Draft).await.unwrap();
        put("draft", b"second version", PutAs::Draft).await.unwrap();
        let again = put("local", b"other", PutAs::Local).await;
        assert!(matches!(again, Err(BlobError::Store(BlobStoreError::Exists(_)))));
        device.client.sync(NAMESPACE).await.unwrap();
        assert!(at_server(&device).await.is_empty());

        device.client.send(&blob("draft"), Priority::Normal).await.unwrap();
        assert!(put("draft", b"third", PutAs::Draft).await.is_err(), "it is an ordinary blob now");
        assert_eq!(at_server(&device).await, ["draft"]);
        let other = self::device(&ana, &quick(), &server.address).await;
        other.client.sync(NAMESPACE).await.unwrap();
        assert_eq!(other.get("draft").await.unwrap(), b"second version");
    });
}

/// Named after the defects "blob id alone as primary key, so namespaces collided" and "every error retried".
#[test]
fn namespaces_are_separate_and_another_device_s_blob_is_not_replaced() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let one = device(&ana, &quick(), &server.address).await;
        let two = device(&ana, &quick(), &server.address).await;
        let elsewhere = BlobAddress::new("elsewhere", "a").unwrap();
        one.put("a", b"one").await.unwrap();
        one.client.put(&elsewhere, 5, &b"other"[..], PutAs::Upload).await.unwrap();
        one.client.send(&elsewhere, Priority::Normal).await.unwrap();
        one.client.send(&blob("a"), Priority::Normal).await.unwrap();

        two.put("a", b"two").await.unwrap();
        let refused = two.client.send(&blob("a"), Priority::Normal).await;
        assert!(
            matches!(&refused, Err(BlobError::Failed { failure, .. }) if failure.cause == FailureCause::NameTaken),
            "{refused:?}"
        );
        assert_eq!(two.state("a").await, Some(BlobState::FailedUpload));
        two.client.fetch(&elsewhere, Priority::Normal).await.unwrap();
        let mut content = Vec::new();
        two.blobs.get(&elsewhere, &mut content).await.unwrap();
        assert_eq!(content, b"other");
        assert_eq!(two.get("a").await.unwrap(), b"two", "nothing is lost");
    });
}

#[test]
fn a_blob_over_quota_stays_on_the_device_and_is_not_retried() {
    run_test(async {
        let mut config = quick();
        config.blobs.quota = 1_000_000;
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let device = device(&ana, &config, &server.address).await;
        device.put("large", &payload(1, 2_000_000)).await.unwrap();
        let refused = device.client.send(&blob("large"), Priority::Normal).await;
        assert!(
            matches!(&refused, Err(BlobError::Failed { failure, .. }) if failure.cause == FailureCause::QuotaExceeded),
            "{refused:?}"
        );
        let report = device.client.sync(NAMESPACE).await.unwrap();
        assert_eq!(report, Default::default());
        device.put("small", b"fits").await.unwrap();
        device.client.send(&blob("small"), Priority::Normal).await.unwrap();
        assert_eq!(device.get("large").await.unwrap(), payload(1, 2_000_000));
    });
}

/// A busy machine can only make transfers slower, so the test cannot fail by chance.
#[test]
fn the_bandwidth_limit_holds_in_both_directions() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let device = device(&ana, &quick(), &server.address).await;
        let rate = 2_000_000;
        device.client.set_bandwidth(NonZeroU64::new(rate));
        let started = Instant::now();
        for n in 0..3 {
            device.put(&format!("b{n}"), &payload(n, 700_000)).await.unwrap();
        }
        device.client.sync(NAMESPACE).await.unwrap();
        let other = self::device(&ana, &quick(), &server.address).await;
        let up = device.client.progress().borrow().bytes_sent as f64 / started.elapsed().as_secs_f64();
        other.client.set_bandwidth(NonZeroU64::new(rate));
        let started = Instant::now();
        other.client.sync(NAMESPACE).await.unwrap();
        let down = other.client.progress().borrow().bytes_received as f64 / started.elapsed().as_secs_f64();
        for measured in [up, down] {
            assert!(measured / (rate as f64) < 1.2, "{measured} bytes a second, not {rate}");
        }
    });
}
