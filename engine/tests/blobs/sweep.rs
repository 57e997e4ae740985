//! What a killed server leaves behind is cleared away, and nothing else.

use std::path::{Path, PathBuf};

use benchline_engine::config::Config;
use benchline_engine::server::blobs::{Sweep, SweepReport};

use super::Blobs;
use crate::support::{TestServer, payload, quick, run_test};

/// Small contents go to files too, which are what is swept.
fn in_files() -> Config {
    let mut config = quick();
    config.blobs.small_bytes = 0;
    config
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect()
}

#[test]
fn orphans_are_removed_and_everything_else_stays() {
    run_test(async {
        let mut server = TestServer::start(&in_files()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        let (kept, lost, begun) = (payload(1, 1000), payload(2, 1000), payload(3, 1000));
        assert_eq!(blobs.put("mail/kept", &kept).await.status, 201);
        let of_kept = files(&server.folder().join("blobs"));
        assert_eq!(blobs.put("mail/lost", &lost).await.status, 201);
        assert_eq!(blobs.begin("mail/begun", &begun, 500).await.status, 201);
        server = server
            .restart(|folder| {
                let all = files(&folder.join("blobs"));
                let of_lost = all.iter().find(|path| !of_kept.contains(path) && path.extension().is_none()).unwrap();
                std::fs::remove_file(of_lost).unwrap();
                // As a kill between the content and its row, and one in the middle of a content, would leave them.
                let of_user = of_kept[0].parent().unwrap().parent().unwrap();
                for (shard, name) in
                    [("01", "00000000000000aa0000000000000001"), ("02", "00000000000000aa0000000000000002.part")]
                {
                    std::fs::create_dir_all(of_user.join(shard)).unwrap();
                    std::fs::write(of_user.join(shard).join(name), b"left").unwrap();
                }
                std::fs::write(of_kept[0].parent().unwrap().join("README"), b"an operator's").unwrap();
            })
            .await;
        // The server's own first sweep may have been quicker; both together find everything once.
        let report = server.server().sweep(Sweep::Everything).await;
        assert!(report.orphans <= 2 && report.missing == 1 && report.uploads == 0 && report.failed == 0, "{report:?}");
        let again = server.server().sweep(Sweep::Everything).await;
        assert_eq!(again, SweepReport { missing: 1, ..SweepReport::default() }, "what is missing is reported, no more");
        let names: Vec<_> = files(&server.folder().join("blobs"))
            .into_iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert!(names.len() == 3 && names.iter().any(|name| name == "README"), "{names:?}");

        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.get("mail/kept").await.body, kept);
        assert_eq!(blobs.get("mail/lost").await.status, 500);
        assert_eq!(blobs.append("mail/begun", 500, true, &begun[500..]).await.status, 201);
        assert_eq!(blobs.get("mail/begun").await.body, begun);
    });
}

/// Rows as a kill in the middle of a large upload leaves them: the reservation goes, what can be gone on with stays.
#[test]
fn reservations_of_dead_processes_are_released() {
    run_test(async {
        let mut server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.begin("mail/begun", &payload(1, 1000), 500).await.status, 201);
        server = server
            .restart(|folder| {
                let database = rusqlite::Connection::open(TestServer::database_of(folder, 1)).unwrap();
                let insert =
                    "INSERT INTO uploads SELECT user, '00000000000000aa0000000000000001', 'mail', 'dead', 5000, digest,
                              0, 0, 0, 170, expires FROM uploads";
                assert_eq!(database.execute(insert, []).unwrap(), 1);
                database.execute("UPDATE uploads SET writer = 170", []).unwrap();
            })
            .await;
        server.server().sweep(Sweep::Uploads).await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.usage().await.used, 1000);
        assert_eq!(blobs.append("mail/begun", 500, true, &payload(1, 1000)[500..]).await.status, 201);
    });
}

/// Another process works on the same folder: what it is writing is none of this one's business.
#[test]
fn uploads_of_live_processes_are_not_swept() {
    run_test(async {
        let server = TestServer::start(&in_files()).await;
        let ana = server.user("ana").await;
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!(blobs.put("mail/a", &payload(1, 1000)).await.status, 201);
        let content = files(&server.folder().join("blobs")).remove(0);
        let serial = content
            .with_file_name(format!("{}ffffffffffffffff", &content.file_name().unwrap().to_str().unwrap()[..16]));
        std::fs::write(&serial, b"not named by a row yet").unwrap();
        let other = benchline_engine::server::Server::open(server.folder(), &in_files()).await.unwrap();
        assert_eq!(other.sweep(Sweep::Everything).await, SweepReport::default());
        assert!(serial.exists());
        other.close().await;
    });
}
