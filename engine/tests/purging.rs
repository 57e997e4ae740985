//! Tombstones are purged when every replica has received them, and no deleted document ever comes back: in examples, and
//! against a model without purging. `BENCHLINE_CASES` in the environment sets how many random histories are tried.

use std::collections::BTreeSet;

use benchline_engine::client::SyncError;
use benchline_engine::config::Config;
use benchline_engine::document::DocumentId;
use benchline_engine::protocol::{FRAMES, PREAMBLE, encode_document};
use benchline_engine::store::Replica;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::support::{Account, Device, Http, TestServer, both_layouts, id, quick, run_test};

async fn delete(device: &Device, name: &str) {
    let current = device.replica.get(&id(name)).await.unwrap().unwrap();
    device.replica.delete(&id(name), &current.revision).await.unwrap();
}

/// Tombstones that are the only version of their document.
async fn tombstones(replica: &Replica) -> usize {
    let changes = replica.changes(0, 1000).await.unwrap();
    changes.iter().filter(|change| change.deleted && change.conflicts == 0).count()
}

#[test]
fn a_tombstone_is_purged_everywhere_once_every_replica_has_it() {
    run_test(async {
        for config in both_layouts() {
            let server = TestServer::start(&config).await;
            let ana = server.user("ana").await;
            let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
            for name in ["a", "b", "kept"] {
                one.create(name, name.as_bytes()).await;
            }
            one.sync().await;
            two.sync().await;
            delete(&one, "a").await;
            delete(&two, "b").await;
            one.sync().await;
            let early = two.client.purge(&two.replica).await.unwrap();
            assert_eq!((early.purged, early.waiting), (0, 2), "the first device has not seen the second deletion");
            let purged = one.client.purge(&one.replica).await.unwrap();
            assert_eq!((purged.purged, purged.waiting), (2, 0));
            assert_eq!((tombstones(&one.replica).await, tombstones(&two.replica).await), (0, 2));
            for device in [&two, &one] {
                device.client.purge(&device.replica).await.unwrap();
            }
            for device in [&one, &two] {
                assert_eq!(tombstones(&device.replica).await, 0);
                assert!(device.replica.get(&id("a")).await.unwrap().is_none());
            }
            // The server has forgotten them too, and what is created again under the same name arrives, without a conflict.
            assert_eq!(ana.device(&config, &server.address).await.sync().await.documents_received, 1);
            one.create("a", b"again").await;
            two.create("b", b"again").await;
            for device in [&one, &two, &one] {
                device.sync().await;
            }
            assert_eq!(one.everything().await, two.everything().await);
            assert_eq!(one.replica.get(&id("b")).await.unwrap().unwrap().content.unwrap(), b"again");
            assert_eq!(one.replica.conflicted().await.unwrap(), []);
        }
    });
}

/// The server still has the purge mark then, and the other replicas the tombstone; neither may swallow the new document.
#[test]
fn a_document_recreated_right_after_its_purge_arrives() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, two) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        one.create("a", b"1").await;
        one.sync().await;
        two.sync().await;
        delete(&one, "a").await;
        one.sync().await;
        two.sync().await;
        assert_eq!(one.client.purge(&one.replica).await.unwrap().purged, 1);
        assert_eq!((tombstones(&one.replica).await, tombstones(&two.replica).await), (0, 1));
        one.create("a", b"again").await;
        one.sync().await;
        two.sync().await;
        assert_eq!(one.everything().await, two.everything().await);
        assert_eq!(two.replica.get(&id("a")).await.unwrap().unwrap().content.unwrap(), b"again");
        assert_eq!(two.replica.conflicted().await.unwrap(), []);
    });
}

#[test]
fn a_lost_replica_blocks_purging_until_it_is_forgotten() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let (one, gone) = (ana.device(&config, &server.address).await, ana.device(&config, &server.address).await);
        one.create("a", b"1").await;
        one.sync().await;
        gone.sync().await;
        gone.update("a", b"edited where nobody saw it").await;
        delete(&one, "a").await;
        let waiting = one.client.purge(&one.replica).await.unwrap();
        assert_eq!((waiting.purged, waiting.waiting), (0, 1));
        let known = one.client.replicas().await.unwrap();
        let row = known.iter().find(|known| known.replica == gone.replica.id()).unwrap();
        assert!(known.len() == 2 && row.seen == 1 && row.last > 1_700_000_000, "{known:?}");
        one.client.forget(gone.replica.id()).await.unwrap();
        assert_eq!(one.client.replicas().await.unwrap().len(), 1);
        assert!(matches!(one.client.forget(gone.replica.id()).await, Err(SyncError::Rejected(_))));
        assert_eq!(one.client.purge(&one.replica).await.unwrap().purged, 1);
        one.client.purge(&one.replica).await.unwrap();

        let refused = gone.client.sync(&gone.replica).await.unwrap_err();
        assert!(matches!(refused, SyncError::Forgotten), "{refused}");
        let kept = gone.replica.get(&id("a")).await.unwrap().unwrap().content.unwrap();
        assert_eq!(kept, b"edited where nobody saw it", "what it has stays there");
        assert_eq!(one.sync().await.documents_received, 0);
        let fresh = ana.device(&config, &server.address).await;
        assert_eq!(fresh.sync().await.documents_received, 0);
    });
}

/// An unacknowledged pull leaves documents on a device; the server must know the replica all the same.
#[test]
fn the_server_knows_a_replica_before_its_first_pull_completes() {
    run_test(async {
        let config = quick();
        let server = TestServer::start(&config).await;
        let ana = server.user("ana").await;
        let one = ana.device(&config, &server.address).await;
        one.create("a", b"1").await;
        one.sync().await;
        let start = "generation=0&transaction=00000000000000000000000000000000";
        let path = format!("/v1/users/ana/peers/00000000000000aa/documents?{start}");
        assert_eq!(Http::to(&server.address).of(&ana, "GET", &path, "", b"").await.status, 200);
        delete(&one, "a").await;
        assert_eq!(one.client.purge(&one.replica).await.unwrap().waiting, 1);
        let known = one.client.replicas().await.unwrap();
        let pulled = known.into_iter().find(|known| known.replica.to_string() == "00000000000000aa").unwrap();
        assert_eq!(pulled.seen, 0);
        one.client.forget(pulled.replica).await.unwrap();
        one.client.purge(&one.replica).await.unwrap();
        let path = format!("/v1/users/ana/peers/00000000000000aa?{start}");
        assert_eq!(Http::to(&server.address).of(&ana, "GET", &path, "", b"").await.status, 409);
    });
}

#[test]
fn requests_to_purge_are_checked() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let (ana, bob) = (server.user("ana").await, server.user("bob").await);
        let http = Http::to(&server.address);
        let path = "/v1/users/ana/peers/0000000000000001/tombstones";
        let seen = r#"{"generation":0,"transaction":"00000000000000000000000000000000"}"#;
        let ask = |tombstones: String| format!(r#"{{"seen":{seen},"tombstones":[{tombstones}]}}"#);
        let one = r#"{"id":"a","revision":"0000000000000001:1"}"#;
        for (body, status) in [
            (ask(String::new()), 200),
            (ask(one.to_owned()), 200),
            (ask(one.replace(":1", ":01")), 400),
            (ask(one.replace("\"a\"", "\"/\"")), 400),
            (ask(one.to_owned()).replace(":0,", ":7,"), 409),
            (ask(vec![one; 1001].join(",")), 413),
        ] {
            let answer = http.of(&ana, "POST", path, "", body.as_bytes()).await;
            assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        }
        assert_eq!(http.of(&bob, "POST", path, "", ask(String::new()).as_bytes()).await.status, 403);
        assert_eq!(http.of(&bob, "GET", "/v1/users/ana/peers", "", b"").await.status, 403);
        assert_eq!(http.of(&bob, "DELETE", "/v1/users/ana/peers/0000000000000001", "", b"").await.status, 403);
        // A mark is the server's to make: a push that brings one is refused.
        let mut body = bytes::BytesMut::from(&PREAMBLE[..]);
        encode_document(&mut body, "a", "0000000000000001:1", b"").unwrap();
        let headers = format!("Content-Type: {FRAMES}\r\n");
        let push = http.of(&ana, "POST", &path.replace("tombstones", "documents"), &headers, &body).await;
        assert_eq!(push.status, 400);
    });
}

/// The number of documents: few, so that the same one is deleted and recreated.
const DOCUMENTS: u8 = 2;

/// A step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Write { device: usize, document: u8 },
    Delete { device: usize, document: u8 },
    Sync { device: usize },
    Purge { device: usize },
    Meet,
    Lose { device: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (device, document) = (0..3usize, 0..DOCUMENTS);
    prop_oneof![
        4 => (device.clone(), document.clone()).prop_map(|(device, document)| Step::Write { device, document }),
        4 => (device.clone(), document).prop_map(|(device, document)| Step::Delete { device, document }),
        6 => device.clone().prop_map(|device| Step::Sync { device }),
        6 => device.clone().prop_map(|device| Step::Purge { device }),
        3 => Just(Step::Meet),
        1 => device.prop_map(|device| Step::Lose { device }),
    ]
}

/// An edit in the model: it replaces every edit of its document that its device knew.
struct Edit {
    document: u8,
    content: Option<Vec<u8>>,
    replaces: BTreeSet<usize>,
}

/// Which edits each device knows. Synchronising is the union of both sides; there is no purging.
#[derive(Default)]
struct Model {
    edits: Vec<Edit>,
    devices: [BTreeSet<usize>; 3],
    server: BTreeSet<usize>,
}

impl Model {
    fn edit(&mut self, device: usize, document: u8, content: Option<Vec<u8>>) {
        let known = self.devices[device].iter().copied();
        let replaces = known.filter(|edit| self.edits[*edit].document == document).collect();
        self.devices[device].insert(self.edits.len());
        self.edits.push(Edit { document, content, replaces });
    }

    fn sync(&mut self, device: usize) {
        self.server.extend(&self.devices[device]);
        self.devices[device].clone_from(&self.server);
    }

    /// The contents of a document that a device must show, as the current one or in conflict.
    fn contents(&self, device: usize, document: u8) -> BTreeSet<Vec<u8>> {
        let known: Vec<_> = self.devices[device].iter().map(|edit| (*edit, &self.edits[*edit])).collect();
        let replaced: BTreeSet<usize> = known.iter().flat_map(|(_, edit)| edit.replaces.iter().copied()).collect();
        let left = known.into_iter().filter(|(number, edit)| edit.document == document && !replaced.contains(number));
        left.filter_map(|(_, edit)| edit.content.clone()).collect()
    }
}

fn name(document: u8) -> DocumentId {
    id(&format!("doc-{document}"))
}

/// Replaces all versions of a document on a device; `false` where there is nothing to delete.
async fn write(device: &Device, document: u8, content: Option<Vec<u8>>) -> bool {
    let current = device.replica.get(&name(document)).await.unwrap();
    if content.is_none() && current.as_ref().is_none_or(|current| current.content.is_none()) {
        return false;
    }
    let conflicts = device.replica.conflicts(&name(document)).await.unwrap();
    let seen: Vec<_> = current.into_iter().chain(conflicts).map(|version| version.revision).collect();
    device.replica.resolve(&name(document), &seen, content).await.unwrap();
    true
}

async fn shown(device: &Device, document: u8) -> BTreeSet<Vec<u8>> {
    let current = device.replica.get(&name(document)).await.unwrap();
    let conflicts = device.replica.conflicts(&name(document)).await.unwrap();
    current.into_iter().chain(conflicts).filter_map(|version| version.content).collect()
}

async fn compare(model: &Model, devices: &[Device], device: usize) {
    for document in 0..DOCUMENTS {
        assert_eq!(shown(&devices[device], document).await, model.contents(device, document), "doc-{document}");
    }
}

async fn replay(steps: &[Step], config: &Config, server: &TestServer, ana: &Account) {
    let mut model = Model::default();
    let (mut devices, mut lost) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        devices.push(ana.device(config, &server.address).await);
    }
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Write { device, document } => {
                let content = format!("edit {number}").into_bytes();
                write(&devices[device], document, Some(content.clone())).await;
                model.edit(device, document, Some(content));
            }
            Step::Delete { device, document } => {
                if write(&devices[device], document, None).await {
                    model.edit(device, document, None);
                }
            }
            Step::Sync { device } => {
                devices[device].sync().await;
                model.sync(device);
                compare(&model, &devices, device).await;
            }
            Step::Purge { device } => {
                devices[device].client.purge(&devices[device].replica).await.unwrap();
                model.sync(device);
                compare(&model, &devices, device).await;
            }
            Step::Meet => {
                for _ in 0..2 {
                    for (number, device) in devices.iter().enumerate() {
                        device.sync().await;
                        model.sync(number);
                    }
                }
            }
            Step::Lose { device } => {
                let new = ana.device(config, &server.address).await;
                let old = std::mem::replace(&mut devices[device], new);
                // The server knows it if it ever synchronised anything.
                if devices[device].client.forget(old.replica.id()).await.is_ok() {
                    lost.push(old);
                }
                model.devices[device].clear();
            }
        }
    }
    for _ in 0..2 {
        for (number, device) in devices.iter().enumerate() {
            device.sync().await;
            model.sync(number);
        }
    }
    for number in 0..3 {
        compare(&model, &devices, number).await;
    }
    for old in &lost {
        assert!(matches!(old.client.sync(&old.replica).await, Err(SyncError::Forgotten)));
    }
    for device in devices.iter().cycle().take(9) {
        device.client.purge(&device.replica).await.unwrap();
    }
    for (number, device) in devices.iter().enumerate() {
        compare(&model, &devices, number).await;
        assert_eq!(device.everything().await, devices[0].everything().await);
        assert_eq!(tombstones(&device.replica).await, 0, "nothing but what stands in conflict is left of a deletion");
    }
    let fresh = ana.device(config, &server.address).await;
    fresh.sync().await;
    assert_eq!(fresh.everything().await, devices[0].everything().await);
}

#[test]
fn no_order_of_purges_restores_a_deleted_document() {
    run_test(async {
        let cases = std::env::var("BENCHLINE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
        let mut config = quick();
        config.store.cipher = false;
        let server = TestServer::start(&config).await;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let histories = proptest::collection::vec(step(), 10..45);
        for case in 0..cases {
            let steps = histories.new_tree(&mut runner).unwrap().current();
            let ana = server.user(&format!("user-{case}")).await;
            println!("{case}: {steps:?}");
            replay(&steps, &config, &server, &ana).await;
        }
    });
}
