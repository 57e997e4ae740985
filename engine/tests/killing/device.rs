//! What a device does until it is killed: it edits, deletes, puts, sends and synchronises as chance has it, and logs each
//! deed before and after. Whatever it reads must be what somebody wrote; anything else ends it, and so the test.

use std::collections::BTreeMap;
use std::path::Path;

use benchline_engine::client::{BlobClient, BlobError, Blobs, PutAs, SyncClient};
use benchline_engine::document::DocumentId;
use benchline_engine::store::{BlobAddress, BlobState, Priority, Replica};
use serde::{Deserialize, Serialize};

use super::device_config;
use super::story::{self, Chance, Deed, Edits, Log};
use crate::support::process::{keys_of, orders};
use crate::support::run_test;

/// The namespace of all blobs.
pub(super) const NAMESPACE: &str = "mail";

/// What a device is told.
#[derive(Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) device: usize,
    /// How often it was started.
    pub(super) start: u64,
    pub(super) seed: u64,
    pub(super) folder: String,
    pub(super) address: String,
    pub(super) token: String,
}

/// Documents and blobs of a device, open.
pub(super) struct Device {
    pub(super) replica: Replica,
    pub(super) documents: SyncClient,
    pub(super) blobs: Blobs,
    pub(super) transfers: BlobClient,
}

impl Device {
    pub(super) async fn open(device: usize, folder: &Path, address: &str, token: &str) -> Self {
        let (config, keys, user) = (device_config(device), keys_of("ana"), "ana".parse().unwrap());
        let replica = Replica::open(&folder.join("replica.db"), &keys.database, &config.store).await.unwrap();
        let documents = SyncClient::new(&config, address, &user, token, &keys).unwrap();
        let blobs = Blobs::open(folder, &config, &user, &keys).await.unwrap();
        let transfers = BlobClient::new(&config, &blobs, address, token).unwrap();
        Self { replica, documents, blobs, transfers }
    }

    pub(super) async fn close(self) {
        self.transfers.close().await;
        self.blobs.close().await;
        self.replica.close().await;
    }

    /// A blob's version, as it is stored here; none where its content is not here.
    pub(super) async fn version(&self, id: &str) -> Option<u64> {
        let mut content = Vec::new();
        match self.blobs.get(&address(id), &mut content).await {
            Ok(_) => Some(story::version(id, &content)),
            Err(BlobError::NotHere { .. } | BlobError::Store(_)) => None,
            Err(error) => panic!("blob {id}: {error}"),
        }
    }

    /// The edits in each version of a document that is not deleted.
    pub(super) async fn versions(&self, id: &DocumentId) -> Vec<Edits> {
        let current = self.replica.get(id).await.unwrap();
        let all = current.into_iter().chain(self.replica.conflicts(id).await.unwrap());
        all.filter_map(|version| Some(story::edits(&version.content?))).collect()
    }

    /// Documents and blobs, both ways. False where the server went away.
    pub(super) async fn exchange(&self) -> bool {
        let documents = self.documents.sync(&self.replica).await;
        let blobs = self.transfers.sync(NAMESPACE).await;
        documents.is_ok() && blobs.is_ok_and(|report| report.failed.is_empty())
    }
}

pub(super) fn address(id: &str) -> BlobAddress {
    BlobAddress::new(NAMESPACE, id).unwrap()
}

/// Not a test by itself: what the killed process does.
#[test]
fn the_device() {
    let Some(orders) = orders::<Orders>() else { return };
    run_test(async {
        let folder = Path::new(&orders.folder);
        let device = Device::open(orders.device, folder, &orders.address, &orders.token).await;
        let chance = Chance::new(&[orders.seed, orders.device as u64, orders.start]);
        let mut actor = Actor { device, chance, log: Log::open(folder), orders: &orders, steps: 0 };
        loop {
            actor.act().await;
        }
    });
}

/// A device that does things.
struct Actor<'a> {
    device: Device,
    chance: Chance,
    log: Log,
    orders: &'a Orders,
    steps: u64,
}

impl Actor<'_> {
    async fn act(&mut self) {
        self.steps += 1;
        match self.chance.below(16) {
            0..=4 => self.edit().await,
            5 => self.erase().await,
            6 | 7 => self.put().await,
            8 => self.draft().await,
            9 => self.send().await,
            10 => self.delete().await,
            11 => self.fetch().await,
            _ => self.sync().await,
        }
    }

    /// A name that is used once.
    fn name(&self, letter: char) -> String {
        format!("{letter}{}-{}-{}", self.orders.device, self.orders.start, self.steps)
    }

    /// Creates a document, or edits one with all its conflicts, its own or the other device's.
    async fn edit(&mut self) {
        let edit = self.name('e');
        let known = self.device.replica.list("", None, 10_000).await.unwrap();
        let chosen = if self.chance.below(4) == 0 { None } else { self.chance.one_of(&known).cloned() };
        let Some(chosen) = chosen else {
            let document = self.name('d');
            let deed = Deed::Edit { document: document.clone(), edit: edit.clone() };
            self.log.begin(&deed);
            let content = story::document(&Edits::from([edit]));
            self.device.replica.put(&document.parse().unwrap(), None, content).await.unwrap();
            return self.log.done(&deed);
        };
        let id = chosen.id;
        let deed = Deed::Edit { document: id.to_string(), edit: edit.clone() };
        let current = self.device.replica.get(&id).await.unwrap().unwrap();
        let conflicts = self.device.replica.conflicts(&id).await.unwrap();
        let mut edits: Edits = self.device.versions(&id).await.into_iter().flatten().collect();
        edits.insert(edit);
        let content = story::document(&edits);
        self.log.begin(&deed);
        if conflicts.is_empty() {
            self.device.replica.put(&id, Some(&current.revision), content).await.unwrap();
        } else {
            let all: Vec<_> =
                std::iter::once(current.revision).chain(conflicts.into_iter().map(|c| c.revision)).collect();
            self.device.replica.resolve(&id, &all, Some(content)).await.unwrap();
        }
        self.log.done(&deed);
    }

    async fn erase(&mut self) {
        let known = self.device.replica.list("", None, 10_000).await.unwrap();
        // A document with conflicts is resolved first, by an edit.
        let known: Vec<_> = known.into_iter().filter(|entry| entry.conflicts == 0).collect();
        let Some(chosen) = self.chance.one_of(&known) else { return };
        let edits = self.device.versions(&chosen.id).await.into_iter().flatten().collect();
        let deed = Deed::Erase { document: chosen.id.to_string(), edits };
        self.log.begin(&deed);
        self.device.replica.delete(&chosen.id, &chosen.revision).await.unwrap();
        self.log.done(&deed);
    }

    /// Puts a new blob, or one that this device deleted before.
    async fn put(&mut self) {
        let version = self.steps + (self.orders.start << 32);
        let (own, here) = (self.deleted(), self.blobs().await);
        let gone: Vec<_> = own.into_iter().filter(|id| !here.contains_key(id)).collect();
        let again = if self.chance.below(2) == 0 { self.chance.one_of(&gone).cloned() } else { None };
        let id = again.unwrap_or_else(|| self.name('b'));
        let deed = Deed::Put { id: id.clone(), version };
        let content = story::blob(&id, version);
        self.log.begin(&deed);
        let (address, length) = (address(&id), content.len() as u64);
        self.device.transfers.put(&address, length, &content[..], PutAs::Upload).await.unwrap();
        self.log.done(&deed);
    }

    /// Ids that this device deleted.
    fn deleted(&self) -> Vec<String> {
        let deeds = Log::read(Path::new(&self.orders.folder));
        deeds.into_iter().filter_map(|(deed, _)| if let Deed::Delete { id } = deed { Some(id) } else { None }).collect()
    }

    /// Puts a draft, or puts one again.
    async fn draft(&mut self) {
        let version = self.steps + (self.orders.start << 32);
        let drafts = self.drafts().await;
        let again = if self.chance.below(2) == 0 { self.chance.one_of(&drafts).cloned() } else { None };
        let id = again.unwrap_or_else(|| self.name('n'));
        let deed = Deed::Draft { id: id.clone(), version };
        let content = story::blob(&id, version);
        self.log.begin(&deed);
        let (address, length) = (address(&id), content.len() as u64);
        self.device.transfers.put(&address, length, &content[..], PutAs::Draft).await.unwrap();
        self.log.done(&deed);
    }

    async fn send(&mut self) {
        let drafts = self.drafts().await;
        let Some(id) = self.chance.one_of(&drafts).cloned() else { return };
        let deed = Deed::Send { id: id.clone() };
        self.log.begin(&deed);
        match self.device.transfers.send(&address(&id), Priority::Normal).await {
            Ok(()) => self.log.done(&deed),
            Err(BlobError::Waiting { .. }) => {}
            Err(error) => panic!("{id}: {error}"),
        }
    }

    /// Deletes a blob that this device put.
    async fn delete(&mut self) {
        let own = [format!("b{}-", self.orders.device), format!("n{}-", self.orders.device)];
        let ids: Vec<String> = self.blobs().await.into_keys().collect();
        let ids: Vec<_> = ids.into_iter().filter(|id| own.iter().any(|own| id.starts_with(own))).collect();
        let Some(id) = self.chance.one_of(&ids).cloned() else { return };
        let deed = Deed::Delete { id: id.clone() };
        self.log.begin(&deed);
        self.device.transfers.delete(&address(&id)).await.unwrap();
        self.log.done(&deed);
    }

    /// Fetches a blob that is not here, and reads one.
    async fn fetch(&mut self) {
        let blobs = self.blobs().await;
        let here: Vec<&String> = blobs.keys().collect();
        let Some(id) = self.chance.one_of(&here) else { return };
        if blobs[*id] == BlobState::PendingDownload {
            match self.device.transfers.fetch(&address(id), Priority::High).await {
                Ok(()) | Err(BlobError::Waiting { .. } | BlobError::Failed { .. }) => {}
                Err(error) => panic!("{id}: {error}"),
            }
        }
        self.device.version(id).await;
    }

    async fn sync(&mut self) {
        self.log.begin(&Deed::Sync);
        if self.device.exchange().await {
            self.log.done(&Deed::Sync);
        }
    }

    /// Blobs that are known here and not deleted.
    async fn blobs(&self) -> BTreeMap<String, BlobState> {
        let known = self.device.blobs.list(NAMESPACE, None, "", 100_000).await.unwrap();
        let known = known.into_iter().filter(|record| record.state != BlobState::PendingDelete);
        known.map(|record| (record.address.id().to_owned(), record.state)).collect()
    }

    async fn drafts(&self) -> Vec<String> {
        let local = self.device.blobs.list(NAMESPACE, Some(BlobState::LocalOnly), "", 100_000).await.unwrap();
        local.into_iter().map(|record| record.address.id().to_owned()).collect()
    }
}
