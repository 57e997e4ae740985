//! One database for each user or one for all: users notice no difference, a folder keeps the layout that it began with, and
//! databases of an earlier schema keep what they hold.

use std::path::Path;

use benchline_engine::config::{Config, ServerDatabase};
use benchline_engine::server::{OpenError, Server};
use rusqlite::Connection;

use crate::blobs::Blobs;
use crate::support::{Device, TestServer, both_layouts, id, payload, run_test};

#[test]
fn users_with_identical_names_of_everything_stay_separate() {
    run_test(async {
        for config in both_layouts() {
            let mut server = TestServer::start(&config).await;
            let users = [server.user("ana").await, server.user("bob").await, server.user("cy").await];
            let mut devices = Vec::new();
            for (n, user) in users.iter().enumerate() {
                let device = user.device(&config, &server.address).await;
                device.create("same", &payload(n, 100 + n)).await;
                device.create(user.name.as_str(), b"own").await;
                devices.push(device);
                let blobs = Blobs::of(user, &server.address);
                assert_eq!(blobs.put("mail/same", &payload(n, 1000 + n)).await.status, 201);
                assert_eq!(blobs.begin("mail/begun", &payload(n, 2000), 500).await.status, 201);
            }
            let syncs = futures_util::future::join_all(devices.iter().map(Device::sync));
            assert!(syncs.await.iter().all(|report| report.documents_sent == 2 && report.documents_received == 0));
            // What one of them deletes is gone for that one.
            let gone = devices[0].replica.get(&id("same")).await.unwrap().unwrap();
            devices[0].replica.delete(&id("same"), &gone.revision).await.unwrap();
            devices[0].sync().await;
            let blobs = Blobs::of(&users[0], &server.address);
            assert_eq!(blobs.ask("DELETE", "mail/same", "", b"").await.status, 204);
            assert_eq!(blobs.ask("DELETE", "mail/begun/upload", "", b"").await.status, 204);

            server = server.restart(|_| ()).await;
            for (n, user) in users.iter().enumerate() {
                let blobs = Blobs::of(user, &server.address);
                let fresh = user.device(&config, &server.address).await;
                assert_eq!(fresh.sync().await.documents_received, 2, "{config:?}");
                let same = fresh.replica.get(&id("same")).await.unwrap().unwrap();
                if n == 0 {
                    assert_eq!((same.content, blobs.usage().await.used), (None, 0));
                    assert_eq!(blobs.get("mail/same").await.status, 404);
                    continue;
                }
                assert_eq!(same.content.unwrap(), payload(n, 100 + n));
                assert_eq!(blobs.usage().await.used, 1000 + n as u64 + 2000);
                assert_eq!(blobs.get("mail/same").await.body, payload(n, 1000 + n));
                assert_eq!(blobs.append("mail/begun", 500, true, &payload(n, 2000)[500..]).await.status, 201);
                let path = format!("{}/peers/{}", user.name, fresh.replica.id());
                assert_eq!(blobs.http.of(&users[0], "GET", &format!("/v1/users/{path}"), "", b"").await.status, 403);
            }
            let expected = if config.server.database == ServerDatabase::Shared { "users.db" } else { "users/3.db" };
            assert!(server.folder().join(expected).exists());
        }
    });
}

#[test]
fn a_folder_keeps_its_original_layout() {
    run_test(async {
        let layouts = both_layouts();
        for (config, other) in [(&layouts[0], &layouts[1]), (&layouts[1], &layouts[0])] {
            let server = TestServer::start(config).await;
            server.user("ana").await;
            let folder = server.finish().await;
            let refused = Server::open(folder.path(), other).await.err().unwrap();
            assert!(matches!(refused, OpenError::Layout { found, .. } if found == config.server.database), "{refused}");
            Server::open(folder.path(), config).await.unwrap().close().await;
        }
    });
}

/// The schemas that a server wrote before rows said whose they are.
const OLD_USER: &str = "
    CREATE TABLE store (only INTEGER PRIMARY KEY CHECK (only = 1), id INTEGER NOT NULL) STRICT;
    CREATE TABLE versions (generation INTEGER PRIMARY KEY, document TEXT NOT NULL, revision TEXT NOT NULL,
        origin INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;
    CREATE INDEX versions_by_document ON versions (document, revision);
    CREATE TABLE transactions (last_generation INTEGER PRIMARY KEY, id BLOB NOT NULL CHECK (length(id) = 16)) STRICT;
    CREATE TABLE peers (id INTEGER PRIMARY KEY, noted INTEGER NOT NULL,
        noted_transaction BLOB NOT NULL CHECK (length(noted_transaction) = 16), seen INTEGER NOT NULL) STRICT;
    CREATE TABLE recovery (only INTEGER PRIMARY KEY CHECK (only = 1), document BLOB NOT NULL) STRICT;
    CREATE TABLE blobs (namespace TEXT NOT NULL, id TEXT NOT NULL, object TEXT NOT NULL,
        length INTEGER NOT NULL CHECK (length >= 0), digest BLOB NOT NULL CHECK (length(digest) = 32),
        flags INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (namespace, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE uploads (object TEXT PRIMARY KEY, namespace TEXT NOT NULL, id TEXT NOT NULL,
        length INTEGER NOT NULL CHECK (length >= 0), digest BLOB NOT NULL CHECK (length(digest) = 32),
        flags INTEGER NOT NULL, offset INTEGER NOT NULL CHECK (offset BETWEEN 0 AND length),
        resumable INTEGER NOT NULL, writer INTEGER, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX uploads_by_name ON uploads (namespace, id) WHERE resumable;
    CREATE TABLE usage (only INTEGER PRIMARY KEY CHECK (only = 1), bytes INTEGER NOT NULL CHECK (bytes >= 0)) STRICT;
    INSERT INTO usage (only, bytes) VALUES (1, 0);
    CREATE TRIGGER blob_came AFTER INSERT ON blobs BEGIN UPDATE usage SET bytes = bytes + new.length; END;
    CREATE TRIGGER blob_went AFTER DELETE ON blobs BEGIN UPDATE usage SET bytes = bytes - old.length; END;
    CREATE TRIGGER upload_came AFTER INSERT ON uploads BEGIN UPDATE usage SET bytes = bytes + new.length; END;
    CREATE TRIGGER upload_went AFTER DELETE ON uploads BEGIN UPDATE usage SET bytes = bytes - old.length; END;
    INSERT INTO store SELECT 1, id FROM new.store;
    INSERT INTO versions SELECT generation, document, revision, origin, sealed FROM new.versions;
    INSERT INTO transactions SELECT last_generation, id FROM new.transactions;
    INSERT INTO peers SELECT id, noted, noted_transaction, seen FROM new.peers;
    INSERT INTO recovery SELECT 1, document FROM new.recovery;
    INSERT INTO blobs SELECT namespace, id, object, length, digest, flags, created FROM new.blobs;
    INSERT INTO uploads SELECT object, namespace, id, length, digest, flags, offset, resumable, writer, expires
        FROM new.uploads;
    PRAGMA user_version = 2;
";

/// Writes a server's data as an earlier version of it would have.
fn make_old(folder: &Path) {
    let accounts = Connection::open(folder.join("accounts.db")).unwrap();
    accounts.execute_batch("DROP TABLE service_tokens; DROP TABLE layout; PRAGMA user_version = 2").unwrap();
    let (path, old) = (folder.join("users/1.db"), folder.join("users/1.old"));
    let database = Connection::open(&old).unwrap();
    database.execute("ATTACH ?1 AS new", [path.to_str().unwrap()]).unwrap();
    database.execute_batch(OLD_USER).unwrap();
    database.close().unwrap();
    std::fs::rename(old, path).unwrap();
}

#[test]
fn migrating_an_old_database_keeps_everything() {
    run_test(async {
        let [config, shared] = both_layouts();
        let mut server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut device = ana.device(&config, &server.address).await;
        for n in 0..20 {
            device.create(&format!("doc-{n}"), &payload(n, 3000)).await;
        }
        device.sync().await;
        device.update("doc-3", b"changed").await;
        device.sync().await;
        let blobs = Blobs::of(&ana, &server.address);
        let recovery = format!("/v1/users/{}/recovery", ana.name);
        let kept = blobs.http.of(&ana, "PUT", &recovery, "If-None-Match: *\r\n", b"wrapped").await;
        assert_eq!(kept.status, 201);
        assert_eq!(blobs.put("mail/a?flags=pending", &payload(1, 70_000)).await.status, 201);
        assert_eq!(blobs.begin("mail/begun", &payload(2, 2000), 500).await.status, 201);
        let (listed, used) = (blobs.list("mail").await, blobs.usage().await.used);

        server = server.restart(make_old).await;
        let other = Server::open(server.folder(), &shared).await.err().unwrap();
        assert!(matches!(other, OpenError::Layout { found: ServerDatabase::PerUser, .. }), "{other}");
        device.client = ana.client(&Config::default(), &server.address);
        assert_eq!(device.sync().await.requests, 1, "the store is the one it was, and so is its history");
        let fresh = ana.device(&config, &server.address).await;
        fresh.sync().await;
        assert_eq!(fresh.everything().await, device.everything().await);
        let blobs = Blobs::of(&ana, &server.address);
        assert_eq!((blobs.list("mail").await, blobs.usage().await.used), (listed, used));
        assert_eq!(blobs.get("mail/a").await.body, payload(1, 70_000));
        assert_eq!(blobs.http.of(&ana, "GET", &recovery, "", b"").await.body, b"wrapped");
        assert_eq!(blobs.append("mail/begun", 500, true, &payload(2, 2000)[500..]).await.status, 201);
        assert_eq!(blobs.ask("DELETE", "mail/a", "", b"").await.status, 204);
        assert_eq!(blobs.usage().await.used, 2000);
    });
}
