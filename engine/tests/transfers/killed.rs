//! A device that is killed repeatedly while it stores, deletes, sends and fetches blobs. In the end, everything it reported is
//! done, everything it had started is done or undone, and nothing is duplicated or left over.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use benchline_engine::client::{BlobClient, Blobs, PutAs};
use benchline_engine::config::{ClientBackend, Config};
use benchline_engine::crypto::{Keys, RootSecret};
use benchline_engine::store::BlobState;

use super::device::{BlobDevice, NAMESPACE, blob};
use crate::support::{Account, TestServer, payload, quick, run_test};

/// What tells the child what to do: backend, folder, address, token, round, and after how many bytes to die.
const ORDERS: &str = "BENCHLINE_TEST_BLOB_CHILD";
const ROUNDS: usize = 8;
const PUTS: usize = 3;

fn config(backend: &str) -> Config {
    let mut config = quick();
    config.blobs.client_backend = if backend == "files" { ClientBackend::Files } else { ClientBackend::Sqlcipher };
    config
}

fn id(round: usize, n: usize) -> String {
    format!("r{round}-{n}")
}

fn content(round: usize, n: usize) -> Vec<u8> {
    payload(round * PUTS + n, [1000, 300_000, 1_500_000][n])
}

/// Not a test: the main function of the killed process.
#[test]
fn the_child() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Vec<&str> = orders.split('|').collect();
    let [backend, folder, address, token, round, bytes] = orders[..] else { panic!("{orders:?}") };
    let (round, bytes): (usize, u64) = (round.parse().unwrap(), bytes.parse().unwrap());
    run_test(async {
        let keys = Keys::derive(&RootSecret::from_bytes(secret()));
        let blobs = Blobs::open(Path::new(folder), &config(backend), &"ana".parse().unwrap(), &keys).await.unwrap();
        let client = BlobClient::new(&config(backend), &blobs, address, token).unwrap();
        let mut progress = client.progress();
        tokio::spawn(async move {
            let _ = progress.wait_for(|now| now.bytes_sent + now.bytes_received >= bytes).await;
            // As a kill: nothing is dropped, flushed or closed.
            std::process::abort();
        });
        for n in 0..PUTS {
            let content = content(round, n);
            client.put(&blob(&id(round, n)), content.len() as u64, &content[..], PutAs::Upload).await.unwrap();
            println!("\nput {}", id(round, n));
        }
        if round > 0 {
            let earlier = id(round - 1, round % PUTS);
            println!("\ndeleting {earlier}");
            if client.delete(&blob(&earlier)).await.is_ok() {
                println!("\ndeleted {earlier}");
            }
        }
        client.sync(NAMESPACE).await.unwrap();
        std::process::abort();
    });
}

/// The secret of the account `ana` in these tests.
fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..3].copy_from_slice(b"ana");
    secret
}

#[test]
fn kills_lose_duplicate_and_leave_nothing() {
    run_test(async {
        for backend in ["sqlcipher", "files"] {
            let server = TestServer::start(&quick()).await;
            let ana = server.user("ana").await;
            let other = BlobDevice::of(&quick(), &server.address, "ana", ana.token.as_str(), &ana.keys).await;
            other.put("from-elsewhere", &payload(99, 2_000_000)).await.unwrap();
            other.client.sync(NAMESPACE).await.unwrap();

            let folder = tempfile::tempdir().unwrap();
            let mut printed = Vec::new();
            for round in 0..ROUNDS {
                // From before the first byte to after the last, in no regular steps.
                let bytes = (round as u64 * 5_700_000) % 4_300_001;
                let orders = [
                    backend,
                    folder.path().to_str().unwrap(),
                    &server.address,
                    ana.token.as_str(),
                    &round.to_string(),
                    &bytes.to_string(),
                ];
                let mut child = Command::new(std::env::current_exe().unwrap());
                child.args(["transfers::killed::the_child", "--exact", "--nocapture"]);
                child.env(ORDERS, orders.join("|")).stderr(Stdio::null());
                let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
                assert!(!output.status.success(), "it was to be killed");
                printed.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
            }
            check(&server, &ana, backend, folder, &printed).await;
        }
    });
}

/// Compares the final state with what the killed processes printed.
async fn check(server: &TestServer, ana: &Account, backend: &str, folder: tempfile::TempDir, printed: &[String]) {
    let words = |verb: &str| -> BTreeSet<String> {
        printed.iter().filter_map(|line| line.strip_prefix(&format!("{verb} "))).map(str::to_owned).collect()
    };
    let (put, deleting, deleted) = (words("put"), words("deleting"), words("deleted"));
    assert!(put.len() > ROUNDS / 2, "most of them got that far: {printed:?}");

    let (address, token) = (&server.address, ana.token.as_str());
    let device = BlobDevice::in_folder(folder, &config(backend), address, "ana", token, &ana.keys).await;
    let report = device.client.sync(NAMESPACE).await.unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    let here = device.blobs.list(NAMESPACE, None, "", 1000).await.unwrap();
    assert!(here.iter().all(|record| record.state == BlobState::Synced), "{here:?}");
    let here: BTreeSet<String> = here.iter().map(|record| record.address.id().to_owned()).collect();
    assert!(put.difference(&deleting).all(|id| here.contains(id)), "lost: {put:?} {here:?}");
    assert!(deleted.iter().all(|id| !here.contains(id)), "came back: {deleted:?} {here:?}");

    let other = BlobDevice::of(&quick(), address, "ana", token, &ana.keys).await;
    other.client.sync(NAMESPACE).await.unwrap();
    let (entries, _) = other.client.list_remote(NAMESPACE, "").await.unwrap();
    assert_eq!(entries.into_iter().map(|entry| String::from(entry.id)).collect::<BTreeSet<_>>(), here);
    for round in 0..ROUNDS {
        for n in (0..PUTS).filter(|n| here.contains(&id(round, *n))) {
            assert_eq!(device.get(&id(round, n)).await.unwrap(), content(round, n));
            assert_eq!(other.get(&id(round, n)).await.unwrap(), content(round, n));
        }
    }
    assert_eq!(device.get("from-elsewhere").await.unwrap(), payload(99, 2_000_000));
    let folder = device.close().await;
    if backend == "files" {
        assert_eq!(std::fs::read_dir(folder.path().join("blobs")).unwrap().count(), here.len(), "left over");
    }
}
