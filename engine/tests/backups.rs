//! Backups: taken while a server works, put back elsewhere, and checked. The oracle is what the server had acknowledged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use benchline_engine::client::SyncError;
use benchline_engine::config::Config;
use benchline_engine::server::{BackupError, BackupReport, Damage, Progress, backup, restore, verify};
use rusqlite::Connection;

use crate::blobs::Blobs;
use crate::support::{Account, Device, TestServer, both_layouts, id, payload, quick, run_test};

/// Takes a backup on a thread that may block.
async fn take(server: &TestServer, target: &Path, config: &Config) -> BackupReport {
    let (data, target, config) = (server.folder().to_owned(), target.to_owned(), config.clone());
    tokio::task::spawn_blocking(move || backup(&data, &target, &config, |_| ()).unwrap()).await.unwrap()
}

/// Settings that keep contents of more than 2000 bytes in files, and others in the database.
fn with_files(mut config: Config) -> Config {
    config.blobs.small_bytes = 2000;
    config
}

/// Files below a folder that hold contents.
fn contents(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { contents(&path) } else { vec![path] }).collect()
}

/// Bytes of the blob with this number: some are files, some are not.
fn size(n: usize) -> usize {
    if n.is_multiple_of(4) { 500 + n % 7 } else { 5000 + n % 7 }
}

/// Puts documents and blobs, and deletes every third blob, until told to stop. What it returns was acknowledged.
async fn work(account: &Account, device: &Device, address: &str, stop: &AtomicBool, round: usize) -> Vec<usize> {
    let blobs = Blobs::of(account, address);
    let mut kept = Vec::new();
    for n in (round * 10_000).. {
        device.create(&format!("doc-{n}"), &payload(n, 2000)).await;
        device.sync().await;
        assert_eq!(blobs.put(&format!("mail/m-{n}"), &payload(n, size(n))).await.status, 201);
        if n % 3 == 0 {
            assert_eq!(blobs.ask("DELETE", &format!("mail/m-{n}"), "", b"").await.status, 204);
        } else {
            kept.push(n);
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    kept
}

#[test]
fn a_backup_under_load_includes_everything_acknowledged_before_it() {
    run_test(async {
        for config in both_layouts().map(with_files) {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let mut device = ana.device(&config, &server.address).await;
            let before = ana.device(&config, &server.address).await;
            let target = tempfile::tempdir().unwrap();
            let mut kept = Vec::new();
            for round in 0..2 {
                before.sync().await;
                let stop = AtomicBool::new(false);
                let known = kept.clone();
                let copying = async {
                    let report = take(&server, target.path(), &config).await;
                    stop.store(true, Ordering::Relaxed);
                    report
                };
                let (report, more) = tokio::join!(copying, work(&ana, &device, &server.address, &stop, round));
                assert!(report.contents && report.lost.is_empty() && report.blobs >= known.len() as u64, "{report:?}");
                kept.extend(more);
            }
            let last = tempfile::tempdir().unwrap();
            let acknowledged = device.everything().await.len();
            // Once more from the beginning, while only blobs come and go.
            let blobs = Blobs::of(&ana, &server.address);
            let churning = async {
                for n in 90_000..90_040 {
                    blobs.put(&format!("mail/m-{n}"), &payload(n, 3000)).await;
                    blobs.ask("DELETE", &format!("mail/m-{n}"), "", b"").await;
                }
            };
            let (report, ()) = tokio::join!(take(&server, last.path(), &config), churning);
            assert!(report.lost.is_empty(), "{report:?}");
            device.create("after-the-backup", b"x").await;
            device.sync().await;

            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            assert_eq!(verify(last.path(), &config).unwrap().damage, []);
            let restored = restore(last.path(), &data).unwrap();
            assert_eq!((restored.blobs, restored.databases), (report.blobs, 1));
            let again = TestServer::start_at(folder, "data", &config).await;
            assert_eq!(verify(again.folder(), &config).unwrap().damage, []);
            let blobs = Blobs::of(&ana, &again.address);
            for n in &kept {
                assert_eq!(blobs.get(&format!("mail/m-{n}")).await.body, payload(*n, size(*n)));
            }
            for entry in blobs.list("mail").await.blobs {
                assert_eq!(blobs.get(&format!("mail/{}", entry.id.as_str())).await.body.len() as u64, entry.length);
            }
            let fresh = ana.device(&config, &again.address).await;
            fresh.sync().await;
            let all: BTreeMap<_, _> =
                fresh.everything().await.into_iter().map(|(one, _)| (one.id, one.content)).collect();
            assert_eq!(all.len(), acknowledged);
            for (document, _) in device.everything().await {
                let lost = document.id == id("after-the-backup");
                assert_eq!(all.get(&document.id), Some(&document.content).filter(|_| !lost));
            }
            // Who has seen what came after is told; who has not goes on.
            device.client = ana.client(&config, &again.address);
            let error = device.client.sync(&device.replica).await.unwrap_err();
            assert!(matches!(error, SyncError::ServerMismatch), "{error}");
            let goes_on = ana.client(&config, &again.address).sync(&before.replica).await.unwrap();
            assert!(goes_on.documents_received > 0);
            assert_eq!(before.everything().await, fresh.everything().await);
        }
    });
}

/// The moment is chosen by the backup's own report: the databases are copied, the contents are not.
#[test]
fn a_blob_deleted_during_a_backup_is_in_the_backup_and_later_removed_from_the_server() {
    run_test(async {
        let config = with_files(quick());
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/gone", &payload(1, 3000)).await.status, 201);
        assert_eq!(blobs.put("mail/kept", &payload(2, 3000)).await.status, 201);
        let target = tempfile::tempdir().unwrap();
        let (data, to, settings) = (server.folder().to_owned(), target.path().to_owned(), config.clone());
        let (account, address) = (ana.clone(), server.address.clone());
        let handle = tokio::runtime::Handle::current();
        let taking = move || {
            backup(&data, &to, &settings, |progress| {
                if matches!(progress, Progress::Databases { done, all } if done == all) {
                    let blobs = Blobs::of(&account, &address);
                    let deleted = handle.block_on(blobs.ask("DELETE", "mail/gone", "", b""));
                    assert_eq!(deleted.status, 204);
                }
            })
        };
        let report = tokio::task::spawn_blocking(taking).await.unwrap().unwrap();
        assert_eq!((report.blobs, report.lost.len()), (2, 0));
        assert_eq!(contents(&target.path().join("blobs")).len(), 2);
        assert_eq!(blobs.get("mail/gone").await.status, 404);
        assert_eq!(contents(&server.folder().join("blobs")).len(), 2, "it waits");
        server.server().sweep(benchline_engine::server::blobs::Sweep::Uploads).await;
        assert_eq!(contents(&server.folder().join("blobs")).len(), 1);
        // The next backup drops what nothing names any more, and copies nothing twice.
        let next = take(&server, target.path(), &config).await;
        assert_eq!((next.blobs, next.bytes_copied), (1, 0));
        assert_eq!(contents(&target.path().join("blobs")).len(), 1);
    });
}

#[test]
fn uploads_in_progress_are_not_part_of_a_backup() {
    run_test(async {
        let config = with_files(quick());
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.begin("mail/begun", &payload(1, 2000), 500).await.status, 201);
        assert_eq!(verify(server.folder(), &config).unwrap().damage, []);
        let target = tempfile::tempdir().unwrap();
        take(&server, target.path(), &config).await;
        let folder = tempfile::tempdir().unwrap();
        restore(target.path(), &folder.path().join("data")).unwrap();
        let again = TestServer::start_at(folder, "data", &config).await;
        let blobs = Blobs::of(&ana, &again.address);
        assert_eq!(blobs.usage().await.used, 0);
        assert_eq!(blobs.ask("HEAD", "mail/begun/upload", "", b"").await.status, 404);
        assert_eq!(blobs.put("mail/begun", &payload(1, 2000)).await.status, 201);
    });
}

#[test]
fn damage_is_found_and_never_restored() {
    run_test(async {
        for config in both_layouts().map(with_files) {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            for n in 0..3 {
                assert_eq!(blobs.put(&format!("mail/m-{n}"), &payload(n, 3000)).await.status, 201);
            }
            assert_eq!(blobs.put("mail/small", &payload(9, 1000)).await.status, 201);
            let target = tempfile::tempdir().unwrap();
            take(&server, target.path(), &config).await;
            let database = TestServer::database_of(&target.path().join("snapshot-00000001"), 1);
            let altered =
                Connection::open(database).unwrap().execute("UPDATE small_contents SET content = zeroblob(1000)", []);
            assert_eq!(altered, Ok(1));
            let files = contents(&target.path().join("blobs"));
            std::fs::remove_file(&files[0]).unwrap();
            let mut content = std::fs::read(&files[1]).unwrap();
            content[1500] ^= 1;
            std::fs::write(&files[1], content).unwrap();
            std::fs::write(files[2].with_file_name("00000000000000aa0000000000000001"), b"stranger").unwrap();
            let mut found = verify(target.path(), &config).unwrap().damage;
            found.sort_by_key(|damage| matches!(damage, Damage::Unnamed(_)));
            let text = |damage: &Damage| damage.to_string();
            assert!(matches!(found[..], [_, _, _, Damage::Unnamed(_)]), "{found:?}");
            assert!(
                found.iter().any(|damage| matches!(damage, Damage::Missing(_)) && text(damage).contains("missing"))
            );
            assert_eq!(found.iter().filter(|damage| matches!(damage, Damage::Wrong(_))).count(), 2);
            let folder = tempfile::tempdir().unwrap();
            let refused = restore(target.path(), &folder.path().join("data")).unwrap_err();
            assert!(matches!(&refused, BackupError::Damaged(damage) if damage.len() == 3), "{refused}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing stays of it");

            // At the server itself: the backup goes without the blob that is lost, and says so.
            let live = contents(&server.folder().join("blobs"));
            std::fs::write(&live[0], b"rot").unwrap();
            let elsewhere = tempfile::tempdir().unwrap();
            let report = take(&server, elsewhere.path(), &config).await;
            assert_eq!((report.blobs, report.lost.len()), (3, 1));
            assert_eq!(verify(elsewhere.path(), &config).unwrap().damage, []);

            let database = TestServer::database_of(&elsewhere.path().join("snapshot-00000001"), 1);
            let mut bytes = std::fs::read(&database).unwrap();
            let (from, to) = (bytes.len() / 2, bytes.len());
            bytes[from..to].fill(0x5a);
            std::fs::write(&database, bytes).unwrap();
            let found = verify(elsewhere.path(), &config).unwrap().damage;
            assert!(matches!(found[..], [Damage::Database { .. }]), "{found:?}");
            assert!(matches!(restore(elsewhere.path(), &folder.path().join("data")), Err(BackupError::Damaged(_))));
        }
    });
}

#[test]
fn nothing_is_overwritten() {
    run_test(async {
        let config = with_files(quick());
        let server = TestServer::start(&config).await;
        server.user("ana").await;
        let (target, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = server.folder();
        std::fs::write(other.path().join("letter.txt"), b"mine").unwrap();
        assert!(matches!(backup(data, other.path(), &config, |_| ()), Err(BackupError::NoBackup(_))));
        assert!(matches!(backup(data, data, &config, |_| ()), Err(BackupError::NoBackup(_))));
        assert!(matches!(backup(other.path(), target.path(), &config, |_| ()), Err(BackupError::NoData(_))));
        assert!(matches!(restore(target.path(), &other.path().join("data")), Err(BackupError::NoBackup(_))));
        assert!(matches!(verify(other.path(), &config), Err(BackupError::NoData(_))));
        backup(data, target.path(), &config, |_| ()).unwrap();
        assert!(matches!(restore(target.path(), other.path()), Err(BackupError::NotEmpty(_))));
        assert!(matches!(restore(target.path(), data), Err(BackupError::NotEmpty(_))));
        let empty = tempfile::tempdir().unwrap();
        restore(target.path(), empty.path()).unwrap();
        assert_eq!(std::fs::read(other.path().join("letter.txt")).unwrap(), b"mine");
    });
}
