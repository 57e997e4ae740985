//! The contract of a replica: edits, lists, conflicts, and, against a model, that no edit is lost between replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::{StoreConfig, Synchronous};
use crate::crypto::{Keys, RootSecret};
use crate::document::{DocumentId, Position, ReplicaId, Revision};

pub(super) fn id(text: &str) -> DocumentId {
    text.parse().unwrap()
}

fn keys() -> Keys {
    Keys::derive(&RootSecret::from_bytes([7; 32]))
}

pub(super) async fn open(path: &Path) -> Replica {
    let config = StoreConfig { synchronous: Synchronous::Off, ..StoreConfig::default() };
    Replica::open(path, &keys().database, &config).await.unwrap()
}

pub(super) async fn fresh() -> (TempDir, Replica) {
    let folder = tempfile::tempdir().unwrap();
    let replica = open(&folder.path().join("replica.db")).await;
    (folder, replica)
}

#[tokio::test]
async fn edits_name_what_they_replace() {
    let (_folder, replica) = fresh().await;
    let a = id("a");
    let one = replica.put(&a, None, b"one".to_vec()).await.unwrap();
    assert!(matches!(replica.put(&a, None, b"x".to_vec()).await, Err(StoreError::Stale { .. })));
    let two = replica.put(&a, Some(&one), b"two".to_vec()).await.unwrap();
    let stale = replica.put(&a, Some(&one), b"x".to_vec()).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { current, .. } if current == [two.clone()]));
    assert!(matches!(replica.delete(&id("b"), &one).await, Err(StoreError::Stale { .. })));
    let gone = replica.delete(&a, &two).await.unwrap();
    let tombstone = replica.get(&a).await.unwrap().unwrap();
    assert_eq!((tombstone.revision, tombstone.content), (gone.clone(), None));
    assert!(replica.list("", None, 9).await.unwrap().is_empty());
    let again = replica.put(&a, None, b"again".to_vec()).await.unwrap();
    assert!(again.includes(&gone));
    assert!(replica.get(&id("b")).await.unwrap().is_none());
}

#[tokio::test]
async fn several_documents_are_stored_atomically() {
    let (_folder, replica) = fresh().await;
    let put = |name: &str| Put { id: id(name), replaces: None, content: name.as_bytes().to_vec() };
    assert_eq!(replica.put_many(vec![put("a"), put("b")]).await.unwrap().len(), 2);
    assert!(replica.put_many(vec![put("c"), put("a")]).await.is_err());
    assert!(replica.get(&id("c")).await.unwrap().is_none());
    let large = Put { id: id("d"), replaces: None, content: vec![0; crate::document::MAX_CONTENT + 1] };
    assert!(matches!(replica.put_many(vec![large]).await, Err(StoreError::TooLarge { .. })));
}

#[tokio::test]
async fn lists_are_sorted_paged_and_filtered_by_prefix() {
    let (_folder, replica) = fresh().await;
    for name in ["mail-2", "mail-1", "mail_x", "mail-", "settings", "zz"] {
        replica.put(&id(name), None, vec![1]).await.unwrap();
    }
    let names = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(replica.list("mail-", None, 9).await.unwrap()), ["mail-", "mail-1", "mail-2"]);
    assert_eq!(names(replica.list("mail-", Some(&id("mail-")), 1).await.unwrap()), ["mail-1"]);
    assert_eq!(names(replica.list("", Some(&id("mail_x")), 9).await.unwrap()), ["settings", "zz"]);
}

#[tokio::test]
async fn each_change_is_listed_once_in_order() {
    let (_folder, replica) = fresh().await;
    let one = replica.put(&id("a"), None, vec![1]).await.unwrap();
    replica.put(&id("b"), None, vec![1]).await.unwrap();
    let before = replica.position().await.unwrap();
    replica.put(&id("a"), Some(&one), vec![2]).await.unwrap();
    let all: Vec<_> = replica.changes(0, 9).await.unwrap().into_iter().map(|change| change.id.to_string()).collect();
    assert_eq!(all, ["b", "a"]);
    let later = replica.changes(before.generation, 9).await.unwrap();
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].generation, replica.position().await.unwrap().generation);
}

#[tokio::test]
async fn a_reopened_replica_keeps_its_id_and_documents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica.db");
    let replica = open(&path).await;
    replica.put(&id("a"), None, b"kept".to_vec()).await.unwrap();
    let (name, position) = (replica.id(), replica.position().await.unwrap());
    replica.close().await;
    assert!(matches!(replica.get(&id("a")).await, Err(StoreError::Database(DatabaseError::Closed))));
    let replica = open(&path).await;
    assert_eq!((replica.id(), replica.position().await.unwrap()), (name, position));
    assert_eq!(replica.get(&id("a")).await.unwrap().unwrap().content.unwrap(), b"kept");
    let other = Keys::derive(&RootSecret::from_bytes([8; 32]));
    let refused = Replica::open(&path, &other.database, &StoreConfig::default()).await;
    assert!(matches!(refused, Err(StoreError::Database(DatabaseError::WrongKey { .. }))));
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, replica) = fresh().await;
    replica.put(&id("a"), None, b"x".to_vec()).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.len() >= 3, "the database, its log and its index");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
    }
    let absent = Replica::open(&folder.path().join("absent/a.db"), &keys().database, &StoreConfig::default()).await;
    assert!(matches!(absent, Err(StoreError::Database(DatabaseError::Io { .. }))));
}

#[tokio::test]
async fn every_setting_stores_and_reads() {
    use crate::config::Journal;
    for journal in [Journal::Wal, Journal::Delete] {
        for (cipher, group_commit, page_size) in [(true, false, 1024), (false, true, 65_536), (false, false, 4096)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("replica.db");
            let config = StoreConfig { journal, synchronous: Synchronous::Normal, page_size, cipher, group_commit };
            let replica = Replica::open(&path, &keys().database, &config).await.unwrap();
            let puts = (0..20).map(|n| {
                let (replica, id) = (replica.clone(), id(&n.to_string()));
                async move { replica.put(&id, None, b"confidential".repeat(1000)).await }
            });
            assert!(futures_util::future::join_all(puts).await.into_iter().all(|put| put.is_ok()));
            assert_eq!(replica.list("", None, 99).await.unwrap().len(), 20);
            replica.close().await;
            let bytes = std::fs::read(&path).unwrap();
            let shown = bytes.windows(12).any(|window| window == b"confidential");
            assert_eq!(shown, !cipher);
        }
    }
}

/// Transfers everything made on `from` since the last transfer directly to `to`.
pub(super) async fn deliver(from: &Replica, to: &Replica) -> Received {
    let peers = to.peers().await.unwrap();
    let seen = peers.into_iter().find(|peer| peer.id == from.id()).map_or(Position::START, |peer| peer.seen);
    let take = |documents: &mut Vec<PeerChange>, version: Outgoing<'_>| {
        documents.push(PeerChange::Version(Incoming {
            id: version.id.parse().unwrap(),
            revision: version.revision.parse().unwrap(),
            content: version.content.map(<[u8]>::to_vec).into(),
        }));
        Ok::<_, StoreError>(TakeResult::Taken)
    };
    let (documents, reached) = from.outgoing(to.id(), seen.generation, Vec::new(), take).await.unwrap();
    to.insert_from_peer(from.id(), seen, reached.position, documents).await.unwrap()
}

#[tokio::test]
async fn concurrent_edits_are_both_kept_until_resolved() {
    let ((_one, one), (_two, two)) = (fresh().await, fresh().await);
    let a = id("a");
    let first = one.put(&a, None, b"first".to_vec()).await.unwrap();
    deliver(&one, &two).await;
    one.put(&a, Some(&first), b"one".to_vec()).await.unwrap();
    two.put(&a, Some(&first), b"two".to_vec()).await.unwrap();
    assert_eq!(deliver(&one, &two).await, Received { new: 1, conflicts: 1 });
    assert_eq!(deliver(&two, &one).await, Received { new: 1, conflicts: 1 });
    let (mine, theirs) = (one.get(&a).await.unwrap().unwrap(), two.get(&a).await.unwrap().unwrap());
    assert_eq!(mine, theirs);
    assert_eq!(one.conflicted().await.unwrap(), std::slice::from_ref(&a));
    let losers = one.conflicts(&a).await.unwrap();
    assert_eq!(losers, two.conflicts(&a).await.unwrap());
    assert_eq!(one.list("", None, 9).await.unwrap()[0].conflicts, 1);

    let current = Some(&mine.revision);
    assert!(matches!(one.put(&a, current, vec![]).await, Err(StoreError::Conflicted { versions: 2, .. })));
    let all = [mine.revision.clone(), losers[0].revision.clone()];
    one.resolve(&a, &all, Some(b"both".to_vec())).await.unwrap();
    deliver(&one, &two).await;
    assert!(two.conflicted().await.unwrap().is_empty());
    assert_eq!(two.get(&a).await.unwrap().unwrap().content.unwrap(), b"both");
}

#[tokio::test]
async fn a_batch_that_does_not_follow_the_last_is_rejected() {
    let ((_one, one), (_two, two)) = (fresh().await, fresh().await);
    one.put(&id("a"), None, vec![1]).await.unwrap();
    deliver(&one, &two).await;
    let end = one.position().await.unwrap();
    let twice = two.insert_from_peer(one.id(), Position::START, end, Vec::new()).await;
    assert!(matches!(twice, Err(StoreError::Overtaken)));
}

#[tokio::test]
async fn one_revision_with_two_contents_is_reported() {
    let ((_one, one), (_two, two)) = (fresh().await, fresh().await);
    let revision = one.put(&id("a"), None, b"one".to_vec()).await.unwrap();
    deliver(&one, &two).await;
    let forged = Incoming { id: id("a"), revision, content: IncomingContent::Present(b"other".to_vec()) };
    let stranger = ReplicaId::generate();
    let end = Position { generation: 1, transaction: crate::document::TransactionId::generate() };
    let refused = two.insert_from_peer(stranger, Position::START, end, vec![PeerChange::Version(forged)]).await;
    assert!(matches!(refused, Err(StoreError::Merge(crate::document::MergeError::Forked { .. }))));
}

/// A step of the model.
#[derive(Debug, Clone)]
enum Step {
    Write { replica: usize, document: u8, text: u8 },
    Delete { replica: usize, document: u8 },
    Deliver { from: usize, to: usize },
    Reopen { replica: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 0..3u8, 0..3u8).prop_map(|(replica, document, text)| Step::Write { replica, document, text }),
        1 => (0..3usize, 0..3u8).prop_map(|(replica, document)| Step::Delete { replica, document }),
        4 => (0..3usize, 0..3usize).prop_map(|(from, to)| Step::Deliver { from, to }),
        1 => (0..3usize).prop_map(|replica| Step::Reopen { replica }),
    ]
}

/// Replaces all versions of a document on the replica, as a user would.
pub(super) async fn write(replica: &Replica, id: &DocumentId, content: Option<Vec<u8>>) -> Option<Revision> {
    let current = replica.get(id).await.unwrap();
    if current.as_ref().is_none_or(|current| current.content.is_none()) && content.is_none() {
        return None;
    }
    let conflicts = replica.conflicts(id).await.unwrap();
    let seen: Vec<_> = current.into_iter().chain(conflicts).map(|document| document.revision).collect();
    Some(replica.resolve(id, &seen, content).await.unwrap())
}

/// All versions that a replica holds.
async fn versions(replica: &Replica) -> BTreeSet<(String, String, Option<Vec<u8>>, bool)> {
    let mut all = BTreeSet::new();
    for change in replica.changes(0, 1000).await.unwrap() {
        let current = replica.get(&change.id).await.unwrap().unwrap();
        assert_eq!(current.revision, change.revision);
        for version in replica.conflicts(&change.id).await.unwrap().into_iter().chain([current]) {
            let conflict = version.revision != change.revision;
            all.insert((version.id.to_string(), version.revision.to_string(), version.content, conflict));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Random edits and deliveries among three replicas, then all exchange with all: all hold the same versions, with the
    /// same one current, and every edit is included in a version that remains.
    #[test]
    fn replicas_converge_and_no_edit_is_lost(steps in proptest::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = |replica: usize| folder.path().join(format!("{replica}.db"));
            let mut replicas = Vec::new();
            for replica in 0..3 {
                replicas.push(open(&path(replica)).await);
            }
            let mut made: BTreeMap<DocumentId, Vec<Revision>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Write { replica, document, text } => {
                        let id = id(&format!("doc-{document}"));
                        made.entry(id.clone()).or_default().extend(write(&replicas[replica], &id, Some(vec![text])).await);
                    }
                    Step::Delete { replica, document } => {
                        let id = id(&format!("doc-{document}"));
                        made.entry(id.clone()).or_default().extend(write(&replicas[replica], &id, None).await);
                    }
                    Step::Deliver { from, to } if from != to => {
                        deliver(&replicas[from], &replicas[to]).await;
                    }
                    Step::Deliver { .. } => {}
                    Step::Reopen { replica } => {
                        replicas[replica].close().await;
                        replicas[replica] = open(&path(replica)).await;
                    }
                }
            }
            for _ in 0..4 {
                for (from, to) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
                    deliver(&replicas[from], &replicas[to]).await;
                }
            }
            let ends = [versions(&replicas[0]).await, versions(&replicas[1]).await, versions(&replicas[2]).await];
            assert_eq!(ends[0], ends[1]);
            assert_eq!(ends[0], ends[2]);
            for (id, revisions) in made {
                for revision in revisions {
                    let kept = ends[0].iter().filter(|version| version.0 == id.as_str());
                    let included = kept.map(|version| version.1.parse::<Revision>().unwrap()).any(|r| r.includes(&revision));
                    assert!(included, "{id} {revision} is lost");
                }
                let current = ends[0].iter().filter(|version| version.0 == id.as_str() && !version.3).count();
                assert!(current <= 1, "{id} has {current} current versions");
            }
            let nothing = deliver(&replicas[0], &replicas[1]).await;
            assert_eq!(nothing.new, 0);
            for replica in &replicas {
                replica.close().await;
            }
        });
    }
}
