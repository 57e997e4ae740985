//! Replicas and servers that were copied, restored or replaced are detected and reported, never merged silently.

use std::path::Path;

use benchline_engine::client::{SyncClient, SyncError};
use benchline_engine::config::Config;
use benchline_engine::store::Replica;

use crate::support::{Account, Device, TestServer, quick, run_test};

/// Copies the closed replica of a device.
async fn copy(device: &Device, account: &Account, config: &Config, name: &str) -> Replica {
    device.replica.close().await;
    let to = device.folder.path().join(name);
    std::fs::copy(device.folder.path().join("replica.db"), &to).unwrap();
    Replica::open(&to, &account.keys.database, &config.store).await.unwrap()
}

async fn reopen(device: &mut Device, account: &Account, config: &Config) {
    let path = device.folder.path().join("replica.db");
    device.replica = Replica::open(&path, &account.keys.database, &config.store).await.unwrap();
}

/// Copies the data of a stopped server's only user from one folder to another.
fn copy_user(from: &Path, to: &Path) {
    let path = TestServer::database_of(from, 1);
    let copy = to.join(path.strip_prefix(from).unwrap());
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    // With its log, which the server may have left, and never with a later one.
    for suffix in ["", "-wal", "-shm"] {
        let [from, to] = [&path, &copy].map(|path| std::path::PathBuf::from(format!("{}{suffix}", path.display())));
        match from.exists() {
            true => drop(std::fs::copy(from, to).unwrap()),
            false => drop(std::fs::remove_file(to)),
        }
    }
}

#[test]
fn a_copied_replica_is_detected() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut one = ana.device(&config, &server.address).await;
        one.create("a", b"1").await;
        one.sync().await;
        let copy = copy(&one, &ana, &config, "copy.db").await;
        reopen(&mut one, &ana, &config).await;
        one.create("b", b"original").await;
        one.sync().await;
        // The copy goes on by itself: the same counters, other content.
        copy.put(&"b".parse().unwrap(), None, b"copy".to_vec()).await.unwrap();
        let error = one.client.sync(&copy).await.unwrap_err();
        assert!(matches!(error, SyncError::ReplicaMismatch), "{error}");
        assert_eq!(one.sync().await.requests, 1, "the original goes on");
        let other = ana.device(&config, &server.address).await;
        other.sync().await;
        let b = other.replica.get(&"b".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(b.content.unwrap(), b"original");
    });
}

#[test]
fn a_replica_restored_from_before_a_push_or_a_pull_is_detected() {
    run_test(async {
        for pushed in [true, false] {
            let config = quick();
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let (mut one, two) =
                (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
            one.create("a", b"1").await;
            one.sync().await;
            let old = copy(&one, &ana, &config, "backup.db").await;
            reopen(&mut one, &ana, &config).await;
            let maker = if pushed { &one } else { &two };
            maker.create("b", b"2").await;
            maker.sync().await;
            one.sync().await;
            let error = one.client.sync(&old).await.unwrap_err();
            assert!(matches!(error, SyncError::ReplicaMismatch), "{error}");
        }
    });
}

#[test]
fn two_concurrent_copies_cannot_both_continue() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut one = ana.device(&config, &server.address).await;
        one.create("a", b"1").await;
        one.sync().await;
        let copy = copy(&one, &ana, &config, "copy.db").await;
        reopen(&mut one, &ana, &config).await;
        one.create("b", b"original").await;
        copy.put(&"c".parse().unwrap(), None, b"copy".to_vec()).await.unwrap();
        let (first, second) = tokio::join!(one.client.sync(&one.replica), one.client.sync(&copy));
        let failed = [first, second].into_iter().filter(Result::is_err).collect::<Vec<_>>();
        assert!(matches!(failed[..], [Err(SyncError::ReplicaMismatch)]), "{failed:?}");
    });
}

#[test]
fn a_server_that_rolls_back_or_is_replaced_is_detected() {
    run_test(async {
        let config = quick();
        for replaced in [false, true] {
            let mut server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let mut one = ana.device(&config, &server.address).await;
            one.create("a", b"1").await;
            one.sync().await;
            let backup = tempfile::tempdir().unwrap();
            server = server.restart(|data| copy_user(data, backup.path())).await;
            one.client = ana.client(&config, &server.address);
            one.create("b", b"2").await;
            one.sync().await;
            server = server
                .restart(|data| {
                    std::fs::remove_file(TestServer::database_of(data, 1)).unwrap();
                    if !replaced {
                        copy_user(backup.path(), data);
                    }
                })
                .await;
            one.client = ana.client(&config, &server.address);
            one.create("c", b"3").await;
            let error = one.client.sync(&one.replica).await.unwrap_err();
            assert!(matches!(error, SyncError::ServerMismatch), "{error}");
            assert_eq!(one.everything().await.len(), 3, "nothing is lost here");
        }
    });
}

#[test]
fn a_server_rolled_back_below_another_device_s_changes_is_detected() {
    run_test(async {
        let config = quick();
        let mut server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut one = ana.device(&config, &server.address).await;
        let mut two = ana.device(&config, &server.address).await;
        one.create("a", b"1").await;
        one.sync().await;
        two.sync().await;
        let backup = tempfile::tempdir().unwrap();
        server = server.restart(|data| copy_user(data, backup.path())).await;
        one.client = ana.client(&config, &server.address);
        one.create("b", b"2").await;
        one.sync().await;
        server = server.restart(|data| copy_user(backup.path(), data)).await;
        // Another device writes into the gap before the first one comes back.
        two.client = ana.client(&config, &server.address);
        two.create("c", b"3").await;
        two.sync().await;
        let client: SyncClient = ana.client(&config, &server.address);
        let error = client.sync(&one.replica).await.unwrap_err();
        assert!(matches!(error, SyncError::ServerMismatch), "{error}");
    });
}

/// A server and a replica restored to the same moment cannot detect it and continue together. A device that has received more
/// rejects the server.
#[test]
fn a_server_and_a_replica_restored_together_continue_and_others_detect_it() {
    run_test(async {
        let config = quick();
        let mut server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut one = ana.device(&config, &server.address).await;
        let mut two = ana.device(&config, &server.address).await;
        one.create("a", b"1").await;
        one.sync().await;
        two.sync().await;
        let backup = tempfile::tempdir().unwrap();
        server = server.restart(|data| copy_user(data, backup.path())).await;
        let old = copy(&one, &ana, &config, "backup.db").await;
        reopen(&mut one, &ana, &config).await;
        for device in [&mut one, &mut two] {
            device.client = ana.client(&config, &server.address);
        }
        one.create("b", b"2").await;
        one.sync().await;
        two.sync().await;
        server = server.restart(|data| copy_user(backup.path(), data)).await;
        let client = ana.client(&config, &server.address);
        old.put(&"c".parse().unwrap(), None, b"3".to_vec()).await.unwrap();
        assert_eq!(client.sync(&old).await.unwrap().documents_sent, 1);
        let ids = ["a".parse().unwrap()];
        for device in [&one, &two] {
            let whole = client.sync(&device.replica).await.unwrap_err();
            let headers = client.sync_metadata(&device.replica).await.unwrap_err();
            assert!(matches!((&whole, &headers), (SyncError::ServerMismatch, SyncError::ServerMismatch)), "{whole}");
            assert_eq!(client.fetch_contents(&device.replica, &ids).await.unwrap().requests, 0, "nothing is absent");
            assert_eq!(device.everything().await.len(), 2, "nothing is lost here");
        }
    });
}

#[test]
fn contents_are_not_fetched_from_a_server_that_rolled_back() {
    run_test(async {
        let config = quick();
        let mut server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut one = ana.device(&config, &server.address).await;
        let light = ana.device(&config, &server.address).await;
        one.create("a", b"1").await;
        one.sync().await;
        let backup = tempfile::tempdir().unwrap();
        server = server.restart(|data| copy_user(data, backup.path())).await;
        one.client = ana.client(&config, &server.address);
        one.create("b", b"2").await;
        one.sync().await;
        ana.client(&config, &server.address).sync_metadata(&light.replica).await.unwrap();
        server = server.restart(|data| copy_user(backup.path(), data)).await;
        let client = ana.client(&config, &server.address);
        let error = client.fetch_contents(&light.replica, &["b".parse().unwrap()]).await.unwrap_err();
        assert!(matches!(error, SyncError::ServerMismatch), "{error}");
        assert_eq!(light.replica.absent(None, 9).await.unwrap().len(), 2, "they wait for the right one");
    });
}

#[test]
fn acknowledged_documents_survive_a_server_that_stops_during_a_push() {
    run_test(async {
        let config = Config::default();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut one = ana.device(&config, &server.address).await;
        one.fill(800, 10_000).await;
        let asking = ana.client(&config, &server.address);
        let stopping = async {
            // Until the server has some of the documents.
            let probe = ana.device(&config, &server.address).await;
            while asking.sync_metadata(&probe.replica).await.unwrap().documents_received == 0 {}
            server.restart(|_| ()).await
        };
        let (first, server) = tokio::join!(one.client.sync(&one.replica), stopping);
        one.client = ana.client(&config, &server.address);
        let rest = one.sync().await;
        match first {
            Ok(first) => assert_eq!(first.documents_sent + rest.documents_sent, 800),
            Err(_) => assert!(rest.documents_sent < 800, "what was acknowledged is not sent again"),
        }
        let two = ana.device(&config, &server.address).await;
        assert_eq!(two.sync().await.documents_received, 800);
        assert_eq!(one.everything().await, two.everything().await);
    });
}
