//! Replicas with the real server: what one device stores reaches the others, complete, once, and encrypted in transit.

use benchline_engine::client::SyncError;
use benchline_engine::config::Config;
use benchline_engine::crypto::{Cipher, Padding};

use crate::support::{BreakingConnection, MARK, TestServer, id, is_in_files, payload, quick, run_test};

#[test]
fn a_thousand_documents_arrive_and_nothing_is_stored_unencrypted() {
    run_test(async {
        let config = Config::default();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        one.fill(1000, 10_000).await;

        let sent = one.sync().await;
        assert_eq!((sent.documents_sent, sent.documents_received, sent.requests), (1000, 0, 2));
        assert!(sent.bytes_sent > 10_000_000 && sent.bytes_sent < 12_000_000, "{sent:?}");
        let received = two.sync().await;
        assert_eq!((received.documents_received, received.documents_sent, received.conflicts), (1000, 0, 0));
        assert_eq!(received.requests, 3);
        for n in 0..1000 {
            let document = two.replica.get(&id(&format!("doc-{n}"))).await.unwrap().unwrap();
            assert_eq!(document.content.unwrap(), payload(n, 10_000));
        }
        for device in [&one, &two] {
            let nothing = device.sync().await;
            assert_eq!((nothing.requests, nothing.documents_sent, nothing.documents_received), (1, 0, 0));
        }

        for device in [one, two] {
            device.replica.close().await;
            assert!(!is_in_files(device.folder.path(), MARK));
        }
        let folder = server.finish().await;
        assert!(is_in_files(folder.path(), b"doc-999"), "this is where the server keeps documents");
        assert!(!is_in_files(folder.path(), MARK));
        assert!(!is_in_files(folder.path(), ana.token.as_str().as_bytes()));
    });
}

#[test]
fn deletions_and_changes_are_exchanged_in_both_directions() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        one.create("kept", b"1").await;
        one.create("gone", b"1").await;
        one.create("empty", b"").await;
        one.sync().await;
        two.sync().await;
        two.update("kept", b"2").await;
        let gone = two.replica.get(&id("gone")).await.unwrap().unwrap();
        two.replica.delete(&id("gone"), &gone.revision).await.unwrap();
        two.create("new", b"3").await;
        assert_eq!(two.sync().await.documents_sent, 3);
        let received = one.sync().await;
        assert_eq!((received.documents_received, received.documents_sent), (3, 0));
        assert_eq!(one.everything().await, two.everything().await);
        assert_eq!(one.replica.get(&id("kept")).await.unwrap().unwrap().content.unwrap(), b"2");
        assert_eq!(one.replica.get(&id("gone")).await.unwrap().unwrap().content, None);
        assert_eq!(one.replica.get(&id("empty")).await.unwrap().unwrap().content.unwrap(), b"");
    });
}

#[test]
fn concurrent_edits_become_conflicts_on_both_and_resolve() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        one.create("a", b"first").await;
        one.create("same", b"first").await;
        one.sync().await;
        two.sync().await;
        for (device, text) in [(&one, b"one"), (&two, b"two")] {
            device.update("a", text).await;
            device.update("same", b"equal").await;
        }
        one.sync().await;
        let conflicted = two.sync().await;
        assert_eq!(conflicted.conflicts, 1);
        assert_eq!(two.sync().await.documents_sent, 1, "equal contents became one version, which the server lacks");
        one.sync().await;
        one.sync().await;
        let all = one.everything().await;
        assert_eq!(all, two.everything().await);
        assert_eq!(one.replica.conflicted().await.unwrap(), [id("a")]);
        let (current, conflicts) = &all[0];
        let mut contents = vec![current.content.clone().unwrap(), conflicts[0].content.clone().unwrap()];
        contents.sort();
        assert_eq!(contents, [b"one", b"two"]);

        let revisions = [current.revision.clone(), conflicts[0].revision.clone()];
        one.replica.resolve(&id("a"), &revisions, Some(b"both".to_vec())).await.unwrap();
        one.sync().await;
        two.sync().await;
        assert!(two.replica.conflicted().await.unwrap().is_empty());
        assert_eq!(two.replica.get(&id("a")).await.unwrap().unwrap().content.unwrap(), b"both");
        assert_eq!((one.sync().await.requests, two.sync().await.requests), (1, 1));
    });
}

#[test]
fn three_devices_converge() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut devices = Vec::new();
        for n in 0..3 {
            let device = ana.device(&config, &server.address).await;
            device.create("shared", format!("from {n}").as_bytes()).await;
            device.create(&format!("own-{n}"), b"x").await;
            devices.push(device);
        }
        for device in devices.iter().chain(&devices) {
            device.sync().await;
        }
        let all = devices[0].everything().await;
        assert_eq!(all.len(), 4);
        assert_eq!(all[3].1.len(), 2, "three versions of the shared one");
        assert_eq!(all, devices[1].everything().await);
        assert_eq!(all, devices[2].everything().await);
    });
}

#[test]
fn another_key_opens_nothing_and_changes_nothing() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.fill(3, 100).await;
        one.sync().await;
        let mut thief = ana.clone();
        thief.keys = server.user("eve").await.keys;
        let device = thief.device(&config, &server.address).await;
        let error = device.client.sync(&device.replica).await.unwrap_err();
        assert!(matches!(error, SyncError::Open { .. }), "{error}");
        assert!(device.everything().await.is_empty());
    });
}

#[test]
fn a_broken_connection_resumes_after_the_last_batch_and_duplicates_nothing() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.fill(600, 10_000).await;
        let mut broken = 0;
        for allowance in [3_500_000, 2_500_000] {
            let connection = BreakingConnection::to(&server.address, allowance).await;
            let error = ana.client(&config, &connection.address).sync(&one.replica).await.unwrap_err();
            assert!(matches!(error, SyncError::Connection(_)), "{error}");
            broken += 1;
        }
        let rest = one.sync().await;
        assert!(broken == 2 && rest.documents_sent > 0 && rest.documents_sent < 300, "{rest:?}");
        let two = ana.device(&config, &server.address).await;
        assert_eq!(two.sync().await.documents_received, 600);
        assert_eq!(one.everything().await, two.everything().await);
        assert_eq!(one.sync().await.requests, 1);
    });
}

#[test]
fn an_interrupted_pull_resumes() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.fill(500, 10_000).await;
        one.sync().await;
        let two = ana.device(&config, &server.address).await;
        let connection = BreakingConnection::after_answer(&server.address, 2_500_000).await;
        ana.client(&config, &connection.address).sync(&two.replica).await.unwrap_err();
        let rest = two.sync().await;
        assert!(rest.documents_received > 200 && rest.documents_received < 500, "{rest:?}");
        assert_eq!(one.everything().await, two.everything().await);
    });
}

#[test]
fn every_setting_synchronises() {
    run_test(async {
        let mut settings = vec![quick()];
        for change in [
            |config: &mut Config| config.upload.batching = false,
            |config: &mut Config| config.upload.early_return = false,
            |config: &mut Config| config.http.keep_alive = false,
            |config: &mut Config| config.http.nodelay = false,
            |config: &mut Config| config.session_cache = false,
            |config: &mut Config| config.store.group_commit = false,
            |config: &mut Config| config.store.journal = benchline_engine::config::Journal::Delete,
            |config: &mut Config| config.store.page_size = 16_384,
            |config: &mut Config| config.store.cipher = false,
            |config: &mut Config| config.crypto.cipher = Cipher::ChaCha20Poly1305,
            |config: &mut Config| config.padding = Padding::None,
        ] {
            let mut config = quick();
            change(&mut config);
            settings.push(config);
        }
        for config in settings {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
            one.fill(50, 3000).await;
            assert_eq!(one.sync().await.documents_sent, 50, "{config:?}");
            assert_eq!(two.sync().await.documents_received, 50, "{config:?}");
            assert_eq!(one.everything().await, two.everything().await);
        }
    });
}

#[test]
fn large_documents_are_exchanged() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        let limit = benchline_engine::document::MAX_CONTENT;
        for (name, size) in
            [("small-1", 10), ("largest", limit), ("small-2", 10), ("large", limit / 2), ("large-2", limit)]
        {
            one.create(name, &payload(size, size)).await;
        }
        assert_eq!(one.sync().await.documents_sent, 5);
        assert_eq!(two.sync().await.documents_received, 5);
        assert_eq!(one.everything().await, two.everything().await);
    });
}

#[test]
fn edits_made_while_synchronising_are_not_lost() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        two.fill(300, 5000).await;
        two.sync().await;
        one.create("before", b"x").await;
        let edits = async {
            for n in 0..100 {
                one.create(&format!("during-{n}"), b"x").await;
            }
        };
        let syncs = async {
            for _ in 0..5 {
                one.sync().await;
            }
        };
        tokio::join!(edits, syncs);
        one.sync().await;
        two.sync().await;
        assert_eq!(two.everything().await.len(), 401);
        assert_eq!(one.everything().await, two.everything().await);
        assert_eq!(one.sync().await.requests, 1);
    });
}

#[test]
fn concurrent_exchanges_of_one_replica_are_serialised() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.fill(20, 1000).await;
        let (first, second) = tokio::join!(one.sync(), one.sync());
        assert_eq!(first.documents_sent + second.documents_sent, 20);
    });
}

/// Three devices edit at random over connections that break at random; then all synchronise undisturbed. All converge, and
/// every stored version is present or was replaced by a later edit of a device that had received it.
#[test]
fn nothing_is_lost_over_broken_connections() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let mut devices = Vec::new();
        for _ in 0..3 {
            devices.push(ana.device(&config, &server.address).await);
        }
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut made = Vec::new();
        for step in 0..150_usize {
            let device = &devices[random(3) as usize];
            let name = format!("doc-{}", random(12));
            let current = device.replica.get(&id(&name)).await.unwrap();
            let conflicts = device.replica.conflicts(&id(&name)).await.unwrap();
            let seen: Vec<_> = current.into_iter().chain(conflicts).map(|document| document.revision).collect();
            let content = payload(step, 20 + random(60_000) as usize);
            made.push((name.clone(), device.replica.resolve(&id(&name), &seen, Some(content)).await.unwrap()));
            if random(3) == 0 {
                let connection = match random(2) {
                    0 => BreakingConnection::to(&server.address, random(300_000) as i64).await,
                    _ => BreakingConnection::after_answer(&server.address, random(300_000) as i64).await,
                };
                // It may be enough, or it may not.
                let _ = ana.client(&config, &connection.address).sync(&device.replica).await;
            }
        }
        for device in devices.iter().chain(&devices).chain(&devices) {
            device.sync().await;
        }
        let all = devices[0].everything().await;
        assert_eq!(all, devices[1].everything().await);
        assert_eq!(all, devices[2].everything().await);
        for (name, revision) in made {
            let (current, conflicts) = all.iter().find(|(document, _)| document.id == id(&name)).unwrap();
            let kept = conflicts.iter().chain([current]).any(|version| version.revision.includes(&revision));
            assert!(kept, "{name} {revision} is lost");
        }
        assert_eq!(devices[0].sync().await.requests, 1);
    });
}
