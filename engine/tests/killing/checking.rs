//! What must hold after the last kill. What is expected follows from the logs alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use benchline_engine::protocol::{BlobList, BlobUsage};
use benchline_engine::server::Server;
use benchline_engine::server::blobs::Sweep;
use benchline_engine::store::BlobState;
use rusqlite::Connection;

use super::World;
use super::device::{Device, NAMESPACE};
use super::story::{Deed, Edits, Log};
use crate::support::Http;
use crate::support::process::{ServerProcess, files, keys_of};

/// The deeds of one device, and whether each was acknowledged.
type Deeds = Vec<(Deed, bool)>;

/// Every document's concurrent versions: revision and edits.
type Documents = BTreeMap<String, BTreeMap<String, Edits>>;

impl World {
    pub(super) async fn check(&mut self) {
        let logs: Vec<Deeds> = (0..2).map(|device| Log::read(&self.device_folder(device))).collect();
        let done = logs.iter().flatten().filter(|(_, done)| *done).count();
        eprintln!("{} deeds were begun, {done} acknowledged", logs.iter().map(Vec::len).sum::<usize>());
        self.server = Some(ServerProcess::start(&self.folder.join("server"), &self.config, self.port));
        self.check_what_was_synchronised(&logs).await;
        let (one, two) = (self.device(0, "device-0").await, self.device(1, "device-1").await);
        for device in [&one, &two, &one, &two] {
            exchange(device).await;
        }
        let fresh = self.device(0, "fresh").await;
        exchange(&fresh).await;
        let all = documents(&one).await;
        assert!(all == documents(&two).await && all == documents(&fresh).await, "the devices do not agree");
        check_documents(&logs, &all);
        check_blobs(&logs, [&one, &two], &fresh).await;
        let http = Http::to(&self.address());
        let ask = async |path: &str| http.of(&self.account, "GET", path, "", b"").await.body;
        let usage: BlobUsage = serde_json::from_slice(&ask("/v1/users/ana/blobs").await).unwrap();
        let stored = list(&ask).await;
        assert_eq!(usage.used, stored.values().sum::<u64>(), "the quota does not count what is there");
        for device in [one, two, fresh] {
            device.close().await;
        }
        self.server.take().unwrap().process.kill();
        self.check_server(stored.len()).await;
        for folder in ["device-0", "device-1", "fresh"] {
            check_device(&self.folder.join(folder));
        }
    }

    async fn device(&self, device: usize, folder: &str) -> Device {
        let folder = self.folder.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        Device::open(device, &folder, &self.address(), self.account.token.as_str()).await
    }

    /// What was acknowledged before an exchange that was acknowledged is at the server, whatever became of the devices.
    async fn check_what_was_synchronised(&self, logs: &[Deeds]) {
        let stranger = self.device(0, "stranger").await;
        exchange(&stranger).await;
        let edits: Edits = documents(&stranger).await.into_values().flatten().flat_map(|(_, edits)| edits).collect();
        let erased = erased(logs);
        for deeds in logs {
            let last = deeds.iter().rposition(|(deed, done)| *done && *deed == Deed::Sync).unwrap_or(0);
            for (at, (deed, done)) in deeds.iter().enumerate().filter(|(_, (_, done))| *done) {
                match deed {
                    Deed::Edit { edit, .. } if at < last => {
                        assert!(edits.contains(edit) || erased.contains(edit), "{edit} is not at the server");
                    }
                    Deed::Put { id, version } if at < last => {
                        let later = deeds[at + 1..].iter().any(|(deed, _)| deed.is_about(id));
                        assert!(later || stranger.version(id).await == Some(*version), "{id} is not at the server");
                    }
                    Deed::Send { id } => {
                        let later = deeds[at + 1..].iter().any(|(deed, _)| deed.is_about(id));
                        assert!(later || stranger.version(id).await.is_some(), "{id} is not at the server: {done}");
                    }
                    _ => {}
                }
            }
        }
        stranger.close().await;
        std::fs::remove_dir_all(self.folder.join("stranger")).unwrap();
    }

    /// After a last start: what the server's folder holds is what its databases name, and these are sound.
    async fn check_server(&self, blobs: usize) {
        let folder = self.folder.join("server");
        let server = Server::open(&folder, &self.config).await.unwrap();
        let report = server.sweep(Sweep::Everything).await;
        assert_eq!((report.missing, report.failed), (0, 0));
        server.close().await;
        let databases = files(&folder).into_iter().filter(|path| path.extension() == Some("db".as_ref()));
        let (mut objects, mut small) = (BTreeSet::new(), BTreeSet::new());
        for path in databases {
            let database = Connection::open(path).unwrap();
            sound(&database);
            let named = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'blobs'";
            if database.query_row(named, [], |row| row.get::<_, i64>(0)).unwrap() > 0 {
                assert_eq!(strings(&database, "SELECT object FROM uploads"), BTreeSet::new(), "uploads are left over");
                objects.extend(strings(&database, "SELECT object FROM blobs"));
                small.extend(strings(&database, "SELECT object FROM small_contents"));
            }
        }
        assert_eq!(objects.len(), blobs);
        let contents = [folder.join("blobs"), self.folder.join("objects")];
        let contents = contents.iter().filter(|folder| folder.exists()).flat_map(|folder| files(folder));
        let names = contents.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        let names: BTreeSet<_> = names.collect();
        assert!(names.is_disjoint(&small), "a content is kept twice");
        assert_eq!(&names | &small, objects, "contents and rows differ");
    }
}

impl Deed {
    fn is_about(&self, blob: &str) -> bool {
        matches!(self, Self::Put { id, .. } | Self::Draft { id, .. } | Self::Delete { id } | Self::Send { id } if id == blob)
    }
}

/// Exchanges until it succeeds: what a killed server left unanswered may have to be tried again.
async fn exchange(device: &Device) {
    for _ in 0..20 {
        if device.exchange().await {
            return;
        }
    }
    panic!("{:?}", device.documents.sync(&device.replica).await.map(|_| ()));
}

async fn documents(device: &Device) -> Documents {
    let mut all = Documents::new();
    for change in device.replica.changes(0, 1 << 30).await.unwrap() {
        let versions = all.entry(change.id.to_string()).or_default();
        if change.deleted {
            continue;
        }
        for version in std::iter::once(device.replica.get(&change.id).await.unwrap().unwrap())
            .chain(device.replica.conflicts(&change.id).await.unwrap())
        {
            if let Some(content) = version.content {
                let twice = versions.insert(version.revision.to_string(), super::story::edits(&content));
                assert!(twice.is_none(), "one version is there twice");
            }
        }
    }
    all
}

/// Edits that a deletion may have covered.
fn erased(logs: &[Deeds]) -> Edits {
    let erased = logs.iter().flatten().filter_map(|(deed, _)| match deed {
        Deed::Erase { edits, .. } => Some(edits.clone()),
        _ => None,
    });
    erased.flatten().collect()
}

fn check_documents(logs: &[Deeds], all: &Documents) {
    let erased = erased(logs);
    let mut begun: BTreeMap<&str, Edits> = BTreeMap::new();
    for (deed, done) in logs.iter().flatten() {
        match deed {
            Deed::Edit { document, edit } => {
                begun.entry(document).or_default().insert(edit.clone());
                let here =
                    all.get(document).is_some_and(|versions| versions.values().any(|edits| edits.contains(edit)));
                assert!(!done || here || erased.contains(edit), "{edit} of {document} was acknowledged and is lost");
            }
            Deed::Erase { document, edits } if *done => {
                let back =
                    all.get(document).into_iter().flat_map(BTreeMap::values).find(|version| version.is_subset(edits));
                assert!(back.is_none(), "{document} was deleted and is back: {back:?}");
            }
            _ => {}
        }
    }
    for (document, versions) in all {
        let edits: Vec<&Edits> = versions.values().collect();
        let known = &begun[document.as_str()];
        assert!(edits.iter().all(|version| version.is_subset(known)), "{document} holds what nobody wrote");
        assert!(edits.iter().collect::<BTreeSet<_>>().len() == edits.len(), "{document} holds one content twice");
    }
}

/// Which versions of a blob its owner may have in the end; none stands for no blob.
fn possible(deeds: &Deeds, blob: &str) -> BTreeSet<Option<u64>> {
    let mut possible = BTreeSet::from([None]);
    for (deed, done) in deeds.iter().filter(|(deed, _)| deed.is_about(blob)) {
        let then = match deed {
            Deed::Put { version, .. } | Deed::Draft { version, .. } => Some(*version),
            Deed::Delete { .. } => None,
            Deed::Send { .. } | Deed::Sync | Deed::Edit { .. } | Deed::Erase { .. } => continue,
        };
        if *done {
            possible.clear();
        }
        possible.insert(then);
    }
    possible
}

async fn check_blobs(logs: &[Deeds], devices: [&Device; 2], fresh: &Device) {
    let (at_server, _) = states(fresh).await;
    let mut expected = BTreeSet::new();
    for (owner, deeds) in logs.iter().enumerate() {
        let ids: BTreeSet<&String> = deeds
            .iter()
            .filter_map(|(deed, _)| match deed {
                Deed::Put { id, .. } | Deed::Draft { id, .. } => Some(id),
                _ => None,
            })
            .collect();
        let (states, other) = (states(devices[owner]).await.0, states(devices[1 - owner]).await.0);
        for id in ids {
            let (state, version) = (states.get(id), devices[owner].version(id).await);
            let possible = possible(deeds, id);
            assert!(possible.contains(&version), "{id} is {version:?}, and should be one of {possible:?}");
            match state {
                Some(BlobState::Synced) => {
                    expected.insert(id.clone());
                    assert_eq!(fresh.version(id).await, version, "{id} is another blob at the server");
                }
                Some(BlobState::LocalOnly) | None => {}
                state => panic!("{id} is {state:?} at its owner's"),
            }
            let sent = deeds.iter().rposition(|(deed, _)| deed.is_about(id)).filter(|last| deeds[*last].1);
            if sent.is_some_and(|last| matches!(deeds[last].0, Deed::Send { .. } | Deed::Put { .. })) {
                assert_eq!(state, Some(&BlobState::Synced), "{id} was sent");
            }
            let was_deleted = deeds.iter().any(|(deed, _)| matches!(deed, Deed::Delete { id: gone } if gone == id));
            match other.get(id) {
                Some(BlobState::Synced) => {
                    // It may have come before its owner deleted it and put another.
                    let seen = devices[1 - owner].version(id).await.expect("it is here");
                    let put = |deed: &Deed| matches!(deed, Deed::Put { version, .. } | Deed::Draft { version, .. } if *version == seen);
                    assert!(version == Some(seen) || was_deleted, "{id} is out of date on the other device");
                    assert!(deeds.iter().any(|(deed, _)| deed.is_about(id) && put(deed)));
                }
                Some(BlobState::FailedDownload) => assert!(was_deleted, "{id} could not be fetched"),
                None => assert_ne!(state, Some(&BlobState::Synced), "{id} is not on the other device"),
                state => panic!("{id} is {state:?} on the other device"),
            }
        }
    }
    let at_server: BTreeSet<String> = at_server.into_keys().collect();
    assert_eq!(at_server, expected, "what the server has is not what the devices have");
}

/// How each blob stands on a device, and how many there are.
async fn states(device: &Device) -> (BTreeMap<String, BlobState>, usize) {
    let records = device.blobs.list(NAMESPACE, None, "", 1 << 30).await.unwrap();
    let count = records.len();
    let states: BTreeMap<_, _> =
        records.into_iter().map(|record| (record.address.id().to_owned(), record.state)).collect();
    assert_eq!(states.len(), count, "a blob is there twice");
    (states, count)
}

/// Lengths of all blobs at the server.
async fn list(ask: &impl AsyncFn(&str) -> Vec<u8>) -> BTreeMap<String, u64> {
    let (mut all, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = ask(&format!("/v1/users/ana/blobs/{NAMESPACE}?after={after}")).await;
        let page: BlobList = serde_json::from_slice(&page).unwrap();
        all.extend(page.blobs.into_iter().map(|entry| (String::from(entry.id), entry.length)));
        match page.next {
            Some(next) => after = next.into(),
            None => return all,
        }
    }
}

/// What a device's folder holds is what its databases name, and these are sound.
fn check_device(folder: &Path) {
    let open = |name: &str| {
        let database = Connection::open(folder.join(name)).unwrap();
        database
            .execute_batch(&format!(
                "PRAGMA key = \"{}\"; PRAGMA cipher_page_size = 8192;",
                *keys_of("ana").database.pragma()
            ))
            .unwrap();
        sound(&database);
        database
    };
    drop(open("replica.db"));
    let index = open("blobs.db");
    let count = |query: &str| index.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
    let named = count("SELECT count(content) FROM blobs");
    let stored = files(&folder.join("blobs")).len() + count("SELECT count(*) FROM contents");
    assert_eq!(stored, named, "{}: contents and rows differ", folder.display());
    drop(index);
    for path in files(folder).iter().filter(|path| path.parent() == Some(folder)) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let known = ["log", "blobs.lock", "replica.db", "blobs.db"];
        let known =
            known.iter().any(|known| [*known, &format!("{known}-wal"), &format!("{known}-shm")].contains(&name));
        assert!(known, "{} is left over", path.display());
    }
}

fn sound(database: &Connection) {
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

fn strings(database: &Connection, query: &str) -> BTreeSet<String> {
    let mut statement = database.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
