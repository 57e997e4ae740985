//! Three devices and a real server under random histories: edits, deletions and resolutions, whole and metadata-only
//! exchanges, contents on demand, connections that break, devices that are killed in the middle of an exchange, and a
//! server that restarts. After undisturbed exchanges all devices hold the same versions, and these are what a naive model of
//! vector clocks allows: nothing was lost, nothing came back, nothing was invented.
//!
//! `BENCHLINE_MODEL_CASES` sets the number of histories, by default 12; the long run is 10000.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use benchline_engine::config::Config;
use benchline_engine::store::Replica;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use crate::support::{Account, BreakingConnection, Device, TestServer, id, quick, run_test};

/// Most undisturbed rounds of exchanges until no device has changes.
const MAX_ROUNDS: usize = 8;

#[derive(Debug, Clone)]
enum Step {
    /// Replaces all versions of a document, or deletes it.
    Write {
        device: usize,
        document: u8,
        content: Option<u8>,
    },
    Sync {
        device: usize,
        metadata: bool,
    },
    Fetch {
        device: usize,
        document: u8,
    },
    /// An exchange over a connection that breaks after this many bytes, one way or the other.
    Break {
        device: usize,
        metadata: bool,
        up: bool,
        bytes: i64,
    },
    /// An exchange in the middle of which the device is killed.
    Kill {
        device: usize,
        metadata: bool,
        micros: u64,
    },
    Reopen {
        device: usize,
    },
    RestartServer,
}

fn step() -> impl Strategy<Value = Step> {
    let (device, document) = (0..3usize, 0..3u8);
    prop_oneof![
        8 => (device.clone(), document.clone(), proptest::option::weighted(0.8, 0..4u8))
            .prop_map(|(device, document, content)| Step::Write { device, document, content }),
        5 => (device.clone(), any::<bool>()).prop_map(|(device, metadata)| Step::Sync { device, metadata }),
        2 => (device.clone(), document).prop_map(|(device, document)| Step::Fetch { device, document }),
        3 => (device.clone(), any::<bool>(), any::<bool>(), 0..9000i64)
            .prop_map(|(device, metadata, up, bytes)| Step::Break { device, metadata, up, bytes }),
        2 => (device.clone(), any::<bool>(), 0..4000u64)
            .prop_map(|(device, metadata, micros)| Step::Kill { device, metadata, micros }),
        1 => device.prop_map(|device| Step::Reopen { device }),
        1 => Just(Step::RestartServer),
    ]
}

/// A vector clock, parsed independently of the engine.
type Clock = BTreeMap<String, u64>;

fn clock(revision: &str) -> Clock {
    let entry = |entry: &str| {
        let (replica, counter) = entry.split_once(':').unwrap();
        (replica.to_owned(), counter.parse().unwrap())
    };
    revision.split('|').map(entry).collect()
}

fn covers(one: &Clock, other: &Clock) -> bool {
    other.iter().all(|(replica, counter)| one.get(replica).is_some_and(|mine| mine >= counter))
}

fn least_above<'a>(clocks: impl Iterator<Item = &'a Clock>) -> Clock {
    let mut all = Clock::new();
    for (replica, counter) in clocks.flatten() {
        let mine = all.entry(replica.clone()).or_default();
        *mine = (*mine).max(*counter);
    }
    all
}

/// A version as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    revision: String,
    content: Option<Vec<u8>>,
    current: bool,
}

/// Every version ever made, by document.
#[derive(Default)]
struct Model(BTreeMap<String, Vec<ModelVersion>>);

/// A version in the model: clock and content.
type ModelVersion = (Clock, Option<Vec<u8>>);

impl Model {
    fn assert_allows(&self, held: &BTreeMap<String, BTreeSet<Version>>) {
        assert!(held.keys().eq(self.0.keys()), "other documents: {held:?}");
        for (document, versions) in held {
            let made = &self.0[document];
            for (clock_made, _) in made {
                let kept = versions.iter().any(|version| covers(&clock(&version.revision), clock_made));
                assert!(kept, "{document} at {clock_made:?} is lost: {versions:?}");
            }
            for version in versions {
                let own = clock(&version.revision);
                // Made by someone, or what several that say the same became together.
                let same = made.iter().filter(|(clock, content)| *content == version.content && covers(&own, clock));
                assert_eq!(least_above(same.map(|(clock, _)| clock)), own, "{document}: nobody made {version:?}");
                for other in versions.iter().filter(|other| *other != version) {
                    assert!(
                        !covers(&own, &clock(&other.revision)),
                        "{document}: {other:?} was replaced by {version:?}"
                    );
                    assert_ne!(version.content, other.content, "{document}: these are equal");
                }
            }
            let first = |version: &&Version| {
                let edits: u64 = clock(&version.revision).values().sum();
                (version.content.is_some(), edits, version.revision.clone())
            };
            let current: Vec<_> = versions.iter().filter(|version| version.current).collect();
            assert_eq!(current, [versions.iter().max_by_key(first).unwrap()], "{document}");
        }
    }
}

fn content(text: u8) -> Vec<u8> {
    vec![b'a' + text; [1, 30, 2500, 70][usize::from(text)]]
}

/// One history from its beginning to its check.
struct Story {
    server: TestServer,
    account: Account,
    configs: [Config; 3],
    devices: Vec<Device>,
    model: Model,
}

impl Story {
    async fn begin() -> Self {
        let mut configs = [quick(), quick(), quick()];
        configs[1].upload.early_return = false;
        configs[2].upload.batching = false;
        let server = TestServer::start(&configs[0]).await;
        let account = server.user("ana").await;
        let mut devices = Vec::new();
        for config in &configs {
            devices.push(account.device(config, &server.address).await);
        }
        Self { server, account, configs, devices, model: Model::default() }
    }

    async fn exchange(device: &Device, client: &benchline_engine::client::SyncClient, metadata: bool) -> bool {
        let done =
            if metadata { client.sync_metadata(&device.replica).await } else { client.sync(&device.replica).await };
        done.is_ok()
    }

    async fn tell(mut self, step: &Step) -> Self {
        match *step {
            Step::Write { device, document, content: text } => self.write(device, document, text.map(content)).await,
            Step::Sync { device, metadata } => {
                let device = &self.devices[device];
                assert!(Self::exchange(device, &device.client, metadata).await);
            }
            Step::Fetch { device, document } => {
                let (device, document) = (&self.devices[device], id(&format!("doc-{document}")));
                device.client.fetch_contents(&device.replica, &[document]).await.unwrap();
            }
            Step::Break { device, metadata, up, bytes } => {
                let connection = match up {
                    true => BreakingConnection::to(&self.server.address, bytes).await,
                    false => BreakingConnection::after_answer(&self.server.address, bytes).await,
                };
                let client = self.account.client(&self.configs[device], &connection.address);
                // It may be enough, or it may not.
                Self::exchange(&self.devices[device], &client, metadata).await;
            }
            Step::Kill { device, metadata, micros } => {
                {
                    let device = &self.devices[device];
                    let exchange = Self::exchange(device, &device.client, metadata);
                    // Whether it comes to its end decides nothing below.
                    let _ = tokio::time::timeout(Duration::from_micros(micros), exchange).await;
                }
                self.reopen(device).await;
            }
            Step::Reopen { device } => self.reopen(device).await,
            Step::RestartServer => {
                self.server = self.server.restart(|_| ()).await;
                for (device, config) in self.devices.iter_mut().zip(&self.configs) {
                    device.client = self.account.client(config, &self.server.address);
                }
            }
        }
        self
    }

    /// As after a kill: nothing is closed in order.
    async fn reopen(&mut self, device: usize) {
        let path = self.devices[device].folder.path().join("replica.db");
        let config = &self.configs[device].store;
        self.devices[device].replica = Replica::open(&path, &self.account.keys.database, config).await.unwrap();
    }

    async fn write(&mut self, device: usize, document: u8, content: Option<Vec<u8>>) {
        let (replica, name) = (&self.devices[device].replica, format!("doc-{document}"));
        let versions = replica.versions(&id(&name)).await.unwrap();
        if content.is_none() && versions.first().is_none_or(|current| current.size.is_none()) {
            return;
        }
        let seen: Vec<_> = versions.into_iter().map(|version| version.revision).collect();
        let made = replica.resolve(&id(&name), &seen, content.clone()).await.unwrap();
        self.model.0.entry(name).or_default().push((clock(&made.to_string()), content));
    }

    /// Everyone exchanges everything, until one round has nothing to say.
    async fn make_peace(&self) {
        for _ in 0..MAX_ROUNDS {
            let mut quiet = true;
            for device in &self.devices {
                quiet &= device.sync().await.requests == 1;
                let absent = device.replica.absent(None, 99).await.unwrap();
                quiet &= absent.is_empty();
                device.client.fetch_contents(&device.replica, &absent).await.unwrap();
            }
            if quiet {
                return;
            }
        }
        panic!("there is no end to it");
    }

    async fn held(device: &Device) -> BTreeMap<String, BTreeSet<Version>> {
        let mut all = BTreeMap::new();
        for (current, conflicts) in device.everything().await {
            let name = current.id.to_string();
            let mut versions = BTreeSet::from([Version {
                revision: current.revision.to_string(),
                content: current.content,
                current: true,
            }]);
            versions.extend(conflicts.into_iter().map(|version| Version {
                revision: version.revision.to_string(),
                content: version.content,
                current: false,
            }));
            all.insert(name, versions);
        }
        all
    }

    async fn end(self) {
        self.make_peace().await;
        let held = Self::held(&self.devices[0]).await;
        self.model.assert_allows(&held);
        // One that was not there, too.
        let late = self.account.device(&self.configs[0], &self.server.address).await;
        late.sync().await;
        for device in self.devices[1..].iter().chain([&late]) {
            assert_eq!(Self::held(device).await, held);
        }
        for device in self.devices.iter().chain([&late]) {
            device.replica.close().await;
        }
        self.server.finish().await;
    }
}

#[test]
fn random_histories_converge_without_loss() {
    let cases = std::env::var("BENCHLINE_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let cases = Cases { cases, max_shrink_iters: 200, failure_persistence: None, ..Cases::default() };
    let history = proptest::collection::vec(step(), 1..40);
    let outcome = TestRunner::new(cases).run(&history, |steps| {
        run_test(async {
            let mut story = Story::begin().await;
            for step in &steps {
                story = story.tell(step).await;
            }
            story.end().await;
        });
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
