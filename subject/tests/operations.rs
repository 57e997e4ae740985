//! Each operation end to end, at small sizes: the real program, client and server as processes of their own, and digests
//! that another implementation computed.

use std::path::Path;

use benchline_contract::{Access, FailureKind, Iterate, Prepare, Reply, Request, Role, Value};

use crate::pipe::{Subject, case, word};
use crate::vectors::{self, DocumentsDigest};

fn crypto(operation: &str, size: u64, cipher: &str, form: &str, folder: &Path) -> Prepare {
    case(
        Role::Client,
        operation,
        &[("size", Value::Count(size)), ("cipher", word(cipher)), ("form", word(form))],
        folder,
    )
}

#[test]
fn sealing_and_opening_give_the_payload_back() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = vectors::read();
    let forms = [("blob", vectors.blobs), ("document", vectors.documents)];
    for (form, vectors) in forms {
        for vector in vectors.iter().filter(|vector| vector.index == 0 && [0, 7, 1000].contains(&vector.size)) {
            for operation in ["crypto/seal", "crypto/open"] {
                for cipher in ["aes-256-gcm", "chacha20-poly1305"] {
                    let mut subject = Subject::start();
                    let size = vector.size as u64;
                    subject
                        .prepare(Prepare { seed: vector.seed, ..crypto(operation, size, cipher, form, folder.path()) });
                    for count in [1, 5] {
                        subject.reset(None);
                        let sample = subject.iterate(count);
                        assert_eq!((sample.items, sample.bytes), (1, size));
                        assert!(sample.wall_ns > 0 && sample.reactor.is_empty());
                        assert_eq!(sample.counters, [("fsyncs".to_owned(), 0)].into(), "memory alone");
                        assert_eq!(subject.verify(), vector.sha256, "{operation} {form} {size}");
                    }
                    subject.finish();
                }
            }
        }
    }
}

#[test]
fn blobs_of_many_chunks_and_more_copies_than_a_batch_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut digests = Vec::new();
    for operation in ["crypto/seal", "crypto/open"] {
        let mut subject = Subject::start();
        subject.prepare(crypto(operation, 1_500_000, "aes-256-gcm", "blob", folder.path()));
        subject.reset(None);
        subject.iterate(50);
        digests.push(subject.verify());
        subject.finish();
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_document_that_is_too_large_fails_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start();
    subject.prepare(crypto("crypto/seal", (8 << 20) + 1, "aes-256-gcm", "document", folder.path()));
    subject.reset(None);
    let Reply::Failed(failed) = subject.ask(&Request::Iterate(Iterate { count: 1 })) else { panic!("it was sealed") };
    assert_eq!(failed.kind, FailureKind::Error);
    assert!(failed.message.starts_with("sealing failed: ") && failed.message.contains("8388608"), "{}", failed.message);
    subject.finish();
}

pub(crate) fn documents(role: Role, operation: &str, vector: &DocumentsDigest, folder: &Path) -> Prepare {
    let size = vector.size.as_u64().map_or_else(|| word(vector.size.as_str().unwrap()), Value::Count);
    let parameters = [("documents", Value::Count(vector.documents)), ("size", size)];
    Prepare { seed: vector.seed, ..case(role, operation, &parameters, folder) }
}

pub(crate) fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().all(|entry| is_empty(&entry.unwrap().path()))
}

#[test]
fn creating_and_reading_give_the_documents() {
    for (operation, vector) in ["store/create", "store/read"].into_iter().flat_map(with_vectors) {
        let folder = tempfile::tempdir().unwrap();
        let mut subject = Subject::start();
        subject.prepare(documents(Role::Client, operation, &vector, folder.path()));
        for count in [1, 2] {
            subject.reset(None);
            let sample = subject.iterate(count);
            assert_eq!(sample.items, vector.documents);
            match vector.size.as_u64() {
                Some(size) => assert_eq!(sample.bytes, vector.documents * size),
                // No message of the mail mix is smaller.
                None => assert!(sample.bytes >= vector.documents * 461),
            }
            assert_eq!(subject.verify(), vector.digest);
        }
        subject.finish();
        assert!(is_empty(folder.path()), "replicas are left behind");
    }
}

fn with_vectors(operation: &'static str) -> impl Iterator<Item = (&'static str, DocumentsDigest)> {
    vectors::read().digests.into_iter().map(move |vector| (operation, vector))
}

#[test]
fn settings_reach_the_replica() {
    let vector = &vectors::read().digests[1];
    let folder = tempfile::tempdir().unwrap();
    let mut prepare = documents(Role::Client, "store/create", vector, folder.path());
    prepare.configuration.insert("store.cipher".to_owned(), Value::Flag(false));
    let mut subject = Subject::start();
    subject.prepare(prepare);
    subject.reset(None);
    subject.iterate(1);
    let replica = std::fs::read(folder.path().join("create/1/replica.db")).unwrap();
    assert!(replica.starts_with(b"SQLite format 3\0"), "the database is encrypted all the same");
    subject.finish();
}

/// Two subjects, as a runner starts them.
pub(crate) struct Pair {
    server: Subject,
    pub(crate) client: Subject,
    folders: [tempfile::TempDir; 2],
}

impl Pair {
    pub(crate) fn start(operation: &str, vector: &DocumentsDigest, reactor: bool) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (mut server, mut client) = (Subject::start(), Subject::start());
        let prepare = |role, folder: &tempfile::TempDir| documents(role, operation, vector, folder.path());
        let access = server.prepare(Prepare { reactor, ..prepare(Role::Server, &folders[0]) });
        assert!(access.as_ref().unwrap().address.starts_with("http://127.0.0.1:"));
        client.prepare(Prepare { server: access, reactor, ..prepare(Role::Client, &folders[1]) });
        Self { server, client, folders }
    }

    pub(crate) fn reset(&mut self) -> Access {
        let access = self.server.reset(None).unwrap();
        self.client.reset(Some(access.clone()));
        access
    }

    pub(crate) fn finish(self) {
        self.client.finish();
        self.server.finish();
        assert!(is_empty(self.folders[1].path()), "replicas are left behind");
    }
}

#[test]
fn every_document_is_carried() {
    let operations = ["sync/upload", "sync/download", "sync/metadata"];
    for (operation, vector) in operations.into_iter().flat_map(with_vectors) {
        let mut pair = Pair::start(operation, &vector, false);
        for _ in 0..2 {
            pair.reset();
            let sample = pair.client.iterate(1);
            assert_eq!(sample.items, vector.documents);
            assert!(sample.counters["requests"] >= 1);
            let (there, back) = (sample.counters["wire_sent"], sample.counters["wire_received"]);
            let carried = if operation == "sync/upload" { there } else { back };
            assert!(carried >= sample.bytes && carried <= sample.bytes * 2 + 1000 * vector.documents + 1000);
            let first_result = sample.counters.get("first_result").copied();
            assert_eq!(first_result.is_some(), operation == "sync/metadata");
            assert!(first_result.unwrap_or(1) > 0 && first_result.unwrap_or(0) < sample.wall_ns);
            assert_eq!(pair.client.verify(), vector.digest, "{operation}");
        }
        pair.finish();
    }
}

#[test]
fn accounts_are_fresh_each_time() {
    let vector = &vectors::read().digests[1];
    let mut pair = Pair::start("sync/upload", vector, false);
    let (first, second) = (pair.reset(), pair.reset());
    assert_eq!(first.address, second.address);
    assert_ne!(first.credential, second.credential);
    pair.finish();
}

#[test]
fn a_sync_needs_a_server_and_is_done_once() {
    let vector = &vectors::read().digests[1];
    let mut pair = Pair::start("sync/upload", vector, false);
    let access = pair.reset();
    let mut refused = |request: Request, why: &str| match pair.client.ask(&request) {
        Reply::Failed(failed) => assert!(failed.message.contains(why), "{}", failed.message),
        other => panic!("should have failed: {other:?}"),
    };
    refused(Request::Iterate(Iterate { count: 2 }), "once an iteration");
    refused(Request::Reset(benchline_contract::Reset { server: None }), "needs a server");
    let stranger = Access { credential: "user-1:bls_wrong".to_owned(), ..access };
    pair.client.reset(Some(stranger));
    match pair.client.ask(&Request::Iterate(Iterate { count: 1 })) {
        Reply::Failed(failed) => assert!(failed.message.starts_with("synchronising failed: "), "{}", failed.message),
        other => panic!("should have failed: {other:?}"),
    }
    assert!(matches!(pair.client.ask(&Request::Iterate(Iterate { count: 1 })), Reply::Failed(_)), "used up");
    pair.finish();
}

#[test]
fn the_reactor_is_watched_on_both_sides_where_asked() {
    let vector = &vectors::read().digests[2];
    let mut pair = Pair::start("sync/upload", vector, true);
    for _ in 0..2 {
        pair.reset();
        let sample = pair.client.iterate(1);
        let planned = sample.wall_ns / 4_000_000;
        let seen: u64 = sample.reactor.iter().map(|(_, count)| count).sum();
        assert!(seen + 2 >= planned, "{seen} answers to {planned} plans");
        let Reply::Observed(observed) = pair.server.ask(&Request::Observe) else { panic!("not observed") };
        let seen_there: u64 = observed.reactor.iter().map(|(_, count)| count).sum();
        assert!(seen_there + 2 >= planned, "{seen_there} answers to {planned} plans");
        for counters in [&sample.counters, &observed.counters] {
            assert!(counters["reactor_busy"] <= 1_000_000 && counters.contains_key("reactor_queue"), "{counters:?}");
        }
        assert!(sample.counters["reactor_blocked"] <= sample.wall_ns * 11 / 10, "{:?}", sample.counters);
        assert_eq!(pair.client.verify(), vector.digest);
    }
    pair.finish();
}
