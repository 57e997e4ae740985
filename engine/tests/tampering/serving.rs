//! Servers that return other bytes than they received: swapped between names, namespaces and users, truncated, mixed, rolled
//! back. What the client rejects, and the two rollbacks that a device without earlier data cannot detect.

use std::path::Path;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use benchline_engine::client::{BlobError, SyncClient, SyncError};
use benchline_engine::crypto::{BlobName, BlobSealer, BlobSettings, Keys, RootSecret, seal_blob};
use benchline_engine::store::{BlobState, Priority, Replica};
use futures_util::future::join_all;
use rusqlite::Connection;

use crate::support::{Account, Device, TestServer, id, payload, quick, run_test};
use crate::transfers::device::{BlobDevice, NAMESPACE, USER, blob, keys, sealed};
use crate::transfers::stub::{RecordedRequest, Stub, bytes_from, partial};

/// What a device of this user would send for a blob.
fn sealed_for(keys: &Keys, name: BlobName<'_>, content: &[u8]) -> Vec<u8> {
    let sealer = BlobSealer::new(keys, name, content.len() as u64, BlobSettings::default()).unwrap();
    let mut sealed = Vec::new();
    seal_blob(sealer, content, &mut sealed).unwrap();
    sealed
}

#[test]
fn a_tampered_blob_is_never_returned() {
    run_test(async {
        let content = payload(1, 200_000);
        let other = payload(2, 200_000);
        let named = |user, namespace, id| sealed_for(&keys(), BlobName { user, namespace, id }, &content);
        let stranger = Keys::derive(&RootSecret::from_bytes([8; 32]));
        // What is served as the blob of each id.
        let attacks: Vec<(&str, Vec<u8>)> = vec![
            ("of-another-id", sealed("another", &content)),
            ("of-another-namespace", named(USER, "news", "of-another-namespace")),
            ("of-another-user-of-one-secret", named("bob", NAMESPACE, "of-another-user-of-one-secret")),
            ("of-a-stranger", {
                sealed_for(&stranger, BlobName { user: USER, namespace: NAMESPACE, id: "of-a-stranger" }, &content)
            }),
            ("shortened-at-a-chunk", {
                let good = sealed("shortened-at-a-chunk", &content);
                let prelude = BlobName { user: USER, namespace: NAMESPACE, id: "shortened-at-a-chunk" }.prelude_len();
                good[..prelude + 2 * ((64 << 10) + 16)].to_vec()
            }),
            ("two-spliced", {
                let (one, two) = (sealed("two-spliced", &content), sealed("two-spliced", &other));
                [&one[..100_000], &two[100_000..]].concat()
            }),
            ("followed-by-itself", sealed("followed-by-itself", &content).repeat(2)),
            ("empty", Vec::new()),
        ];
        let ids: Vec<String> = attacks.iter().map(|(id, _)| (*id).to_owned()).collect();
        let answer = move |request: RecordedRequest, _| {
            let bytes = attacks.iter().find(|(id, _)| *id == request.id).map(|(_, bytes)| bytes.clone());
            async move {
                let bytes = bytes.unwrap();
                if (request.from as usize) < bytes.len() || bytes.is_empty() {
                    return bytes_from(&bytes, request.from);
                }
                // Of what was shortened there is no more: a server that lies says so in this way.
                partial(bytes.len(), 0, Body::from(bytes))
            }
        };
        let stub = Stub::serve(answer).await;
        let mut config = quick();
        config.blobs.transfers = std::num::NonZeroUsize::MIN.saturating_add(9);
        let device = BlobDevice::new(&config, &stub.address).await;
        let addresses: Vec<_> = ids.iter().map(|id| blob(id)).collect();
        // A blob that is only short may come whole later, so nobody waits for more than some tries of it.
        let given_up = join_all(addresses.iter().map(async |address| {
            tokio::select! {
                fetched = device.client.fetch(address, Priority::Normal) => {
                    assert!(matches!(fetched, Err(BlobError::Quarantined(_))), "{address}: {fetched:?}");
                    true
                }
                () = stub.wait_for("GET", address.id(), 5) => false,
            }
        }));
        let given_up = given_up.await;
        assert!(given_up.iter().filter(|given_up| **given_up).count() >= ids.len() - 2, "{ids:?} {given_up:?}");
        for id in &ids {
            let mut out = Vec::new();
            let got = device.blobs.get(&blob(id), &mut out).await;
            assert!(got.is_err() && out.is_empty(), "{id}: {got:?}");
            assert_ne!(device.state(id).await, Some(BlobState::Synced));
        }
        device.close().await;
    });
}

#[test]
fn a_blob_that_changes_between_two_ranges_is_not_combined() {
    run_test(async {
        let (old, new) = (payload(1, 2_000_000), payload(2, 2_000_000));
        let (first, second) = (sealed("a", &old), sealed("a", &new));
        let answer = move |request: RecordedRequest, before| {
            let (first, second) = (first.clone(), second.clone());
            async move {
                match before {
                    // A million bytes of one, then the connection breaks; what is asked for next comes from the other.
                    0 => {
                        let piece = Ok(axum::body::Bytes::copy_from_slice(&first[..1_000_000]));
                        let body = futures_util::stream::iter([piece, Err(std::io::Error::other("cut"))]);
                        partial(first.len(), 0, Body::from_stream(body))
                    }
                    _ => bytes_from(&second, request.from),
                }
            }
        };
        let stub = Stub::serve(answer).await;
        let device = BlobDevice::new(&quick(), &stub.address).await;
        device.client.fetch(&blob("a"), Priority::Normal).await.unwrap();
        assert!(device.get("a").await.unwrap() == new, "it is one of the two, whole");
        device.close().await;
    });
}

/// A known limit: names have no versions. Documents have revisions for that; see `docs/SECURITY.md`.
#[test]
fn an_older_blob_of_the_same_name_opens_on_a_device_without_the_newer_one() {
    run_test(async {
        let old = sealed("a", b"old");
        let stub = Stub::serve(move |request: RecordedRequest, _| {
            let old = old.clone();
            async move { bytes_from(&old, request.from) }
        });
        let stub = stub.await;
        let device = BlobDevice::new(&quick(), &stub.address).await;
        device.client.fetch(&blob("a"), Priority::Normal).await.unwrap();
        assert_eq!(device.get("a").await.unwrap(), b"old");
        device.close().await;
    });
}

/// Changes the versions that a server keeps, in whichever database it keeps them.
fn change(folder: &Path, statement: &str) {
    let databases = std::fs::read_dir(folder.join("users")).unwrap();
    let mut changed = 0;
    for path in databases.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "db"))
    {
        changed += Connection::open(path).unwrap().execute(statement, []).unwrap();
    }
    assert!(changed > 0, "nothing was changed: {statement}");
}

#[test]
fn a_tampered_document_never_enters_a_replica() {
    run_test(async {
        for statement in [
            "UPDATE versions SET sealed = (SELECT sealed FROM versions WHERE document = 'b') WHERE document = 'a'",
            "UPDATE versions SET document = 'c' WHERE document = 'a'",
            "UPDATE versions SET revision = replace(revision, ':1', ':7') WHERE document = 'a'",
            "UPDATE versions SET revision = (SELECT revision FROM versions WHERE document = 'b') WHERE document = 'a'",
            "UPDATE versions SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) AS BLOB) WHERE document = 'a'",
            "UPDATE versions SET sealed = substr(sealed, 2) WHERE document = 'a'",
            "UPDATE versions SET sealed = zeroblob(100) WHERE document = 'a'",
            "UPDATE versions SET sealed = CAST((SELECT substr(v.sealed, 1, 20) FROM versions v WHERE document = 'b')
                 || substr(sealed, 21) AS BLOB) WHERE document = 'a'",
        ] {
            let server = TestServer::start(&quick()).await;
            let ana = server.user("ana").await;
            let writer = ana.device(&quick(), &server.address).await;
            writer.create("b", &payload(2, 100)).await;
            writer.sync().await;
            writer.update("b", &payload(3, 100)).await;
            writer.create("a", &payload(1, 100)).await;
            writer.sync().await;
            let server = server.restart(|folder| change(folder, statement)).await;
            let reader = ana.device(&quick(), &server.address).await;
            let refused = reader.client.sync(&reader.replica).await;
            assert!(
                matches!(refused, Err(SyncError::Open { .. } | SyncError::Protocol(_))),
                "{statement}: {refused:?}"
            );
            for name in ["a", "b", "c"] {
                // What verified may be here; it is then what was written.
                let found = reader.replica.get(&id(name)).await.unwrap().and_then(|document| document.content);
                assert!(found.is_none_or(|found| name == "b" && found == payload(3, 100)), "{statement}");
            }
        }
    });
}

#[test]
fn an_older_version_of_a_document_replaces_nothing_and_deceives_only_an_empty_device() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let (writer, reader) =
            (ana.device(&quick(), &server.address).await, ana.device(&quick(), &server.address).await);
        writer.create("a", b"old").await;
        writer.sync().await;
        let database = server.folder().join("users");
        let copy = tempfile::tempdir().unwrap();
        let server = server
            .restart(|_| {
                for entry in std::fs::read_dir(&database).unwrap() {
                    let entry = entry.unwrap();
                    std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
                }
            })
            .await;
        let writer = moved(writer, &ana, &server.address);
        let reader = moved(reader, &ana, &server.address);
        writer.update("a", b"new").await;
        writer.sync().await;
        reader.sync().await;
        let server = server
            .restart(|folder| {
                for entry in std::fs::read_dir(copy.path()).unwrap() {
                    let entry = entry.unwrap();
                    std::fs::copy(entry.path(), folder.join("users").join(entry.file_name())).unwrap();
                }
            })
            .await;
        for device in [moved(writer, &ana, &server.address), moved(reader, &ana, &server.address)] {
            let refused = device.client.sync(&device.replica).await;
            assert!(matches!(refused, Err(SyncError::ServerMismatch)), "{refused:?}");
            assert_eq!(device.replica.get(&id("a")).await.unwrap().unwrap().content.unwrap(), b"new");
        }
        let fresh = ana.device(&quick(), &server.address).await;
        fresh.sync().await;
        assert_eq!(fresh.replica.get(&id("a")).await.unwrap().unwrap().content.unwrap(), b"old");
    });
}

/// The same device, for the same server at another address.
fn moved(device: Device, account: &Account, address: &str) -> Device {
    Device { client: account.client(&quick(), address), ..device }
}

/// A server may also answer outside the protocol; that must cause neither a panic nor a success.
#[test]
fn invalid_answers_are_rejected() {
    run_test(async {
        let bodies: [&[u8]; 6] =
            [b"", b"\0\xff", b"{", b"[[[[[[[[", b"{\"blobs\":[{\"id\":\"../x\"}],\"next\":null}", b"BLst"];
        for body in bodies {
            let answer = move |_: RecordedRequest, _| async move {
                let mut response = axum::response::Response::new(Body::from(body));
                response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
                response
            };
            let stub = Stub::serve(answer).await;
            let device = BlobDevice::new(&quick(), &stub.address).await;
            assert!(matches!(device.client.sync(NAMESPACE).await, Err(BlobError::Exchange(SyncError::Protocol(_)))));
            let folder = tempfile::tempdir().unwrap();
            let (path, config) = (folder.path().join("replica.db"), quick());
            let replica = Replica::open(&path, &keys().database, &config.store).await.unwrap();
            let client = SyncClient::new(&config, &stub.address, &USER.parse().unwrap(), "token", &keys());
            assert!(matches!(client.unwrap().sync(&replica).await, Err(SyncError::Protocol(_))));
            device.close().await;
        }
    });
}
