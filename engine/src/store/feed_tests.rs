//! Data derived from a replica's documents, compared with reading all of them: indexes, the change feed, and watchers.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;

use super::tests::{deliver, fresh, id, open, write};
use super::*;

async fn put(replica: &Replica, name: &str, content: &str) {
    let id = id(name);
    write(replica, &id, Some(content.as_bytes().to_vec())).await;
}

async fn found(replica: &Replica, index: &str, wanted: &Wanted) -> Vec<String> {
    let found = replica.find(index, wanted, None, 99).await.unwrap();
    found.into_iter().map(|found| found.id.to_string()).collect()
}

fn text(text: &str) -> IndexValue {
    IndexValue::Text(text.to_owned())
}

#[tokio::test]
async fn documents_are_found_by_value_prefix_and_range() {
    let (_folder, replica) = fresh().await;
    put(&replica, "a", r#"{"from":{"name":"ana"},"size":3}"#).await;
    replica.create_index("name", "/from/name").await.unwrap();
    replica.create_index("size", "/size").await.unwrap();
    put(&replica, "b", r#"{"from":{"name":"anna"},"size":2.5}"#).await;
    put(&replica, "c", r#"{"from":{"name":"bo"},"size":true}"#).await;
    put(&replica, "d", r#"{"from":{"name":"ana"},"size":"large"}"#).await;
    put(&replica, "e", "no json").await;
    assert_eq!(found(&replica, "name", &Wanted::Value(text("ana"))).await, ["a", "d"]);
    assert_eq!(found(&replica, "name", &Wanted::Prefix("an".to_owned())).await, ["a", "d", "b"]);
    assert_eq!(found(&replica, "name", &Wanted::Prefix(String::new())).await, ["a", "d", "b", "c"]);
    let range = |from, to| Wanted::Range(from, to);
    assert_eq!(found(&replica, "size", &range(Bound::Unbounded, Bound::Unbounded)).await, ["b", "a", "d", "c"]);
    let three = || IndexValue::Real(3.0);
    assert_eq!(found(&replica, "size", &Wanted::Value(three())).await, ["a"]);
    assert_eq!(found(&replica, "size", &range(Bound::Excluded(three()), Bound::Unbounded)).await, ["d", "c"]);
    assert_eq!(found(&replica, "size", &range(Bound::Unbounded, Bound::Excluded(three()))).await, ["b"]);
    assert_eq!(found(&replica, "size", &Wanted::Value(IndexValue::Bool(true))).await, ["c"]);
    put(&replica, "a", r#"{"from":{"name":"zoe"}}"#).await;
    write(&replica, &id("d"), None).await;
    assert_eq!(found(&replica, "name", &Wanted::Prefix(String::new())).await, ["b", "c", "a"]);
    assert_eq!(found(&replica, "size", &range(Bound::Unbounded, Bound::Unbounded)).await, ["b", "c"]);
}

#[tokio::test]
async fn pages_follow_each_other_within_one_value() {
    let (_folder, replica) = fresh().await;
    replica.create_index("kind", "/kind").await.unwrap();
    for n in 0..25 {
        put(&replica, &format!("doc-{n:02}"), &format!(r#"{{"kind":"{}"}}"#, ["x", "y"][n % 2])).await;
    }
    for wanted in
        [Wanted::Prefix(String::new()), Wanted::Value(text("y")), Wanted::Range(Bound::Unbounded, Bound::Unbounded)]
    {
        let whole = replica.find("kind", &wanted, None, 99).await.unwrap();
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = replica.find("kind", &wanted, after.as_ref(), 4).await.unwrap();
            after = page.last().cloned();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole);
    }
}

#[tokio::test]
async fn indexes_are_named_bounded_and_survive_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica.db");
    let replica = open(&path).await;
    put(&replica, "a", r#"{"x":1}"#).await;
    for n in 0..MAX_INDEXES {
        replica.create_index(&format!("i-{n}"), "/x").await.unwrap();
    }
    let refused = |outcome: Result<(), StoreError>| match outcome {
        Err(StoreError::Index(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(replica.create_index("more", "/x").await), IndexError::TooMany);
    replica.create_index("i-0", "/x").await.unwrap();
    assert!(matches!(refused(replica.create_index("i-0", "/y").await), IndexError::Exists { .. }));
    assert_eq!(refused(replica.drop_index("more").await), IndexError::Absent("more".to_owned()));
    for wrong in ["", "%", "a b", "'; --", &"x".repeat(65)] {
        assert_eq!(refused(replica.create_index(wrong, "/x").await), IndexError::Name);
    }
    assert!(matches!(refused(replica.create_index("path", "x").await), IndexError::Path(_)));
    let unknown = replica.find("more", &Wanted::Prefix(String::new()), None, 9).await;
    assert!(matches!(unknown, Err(StoreError::Index(IndexError::Absent(_)))));
    replica.drop_index("i-0").await.unwrap();
    replica.create_index("more", "/'; DROP TABLE versions; --").await.unwrap();
    replica.close().await;
    let replica = open(&path).await;
    assert_eq!(replica.indexes().await.unwrap().len(), MAX_INDEXES);
    assert_eq!(found(&replica, "i-1", &Wanted::Value(IndexValue::Integer(1))).await, ["a"]);
    put(&replica, "a", r#"{"x":2}"#).await;
    assert_eq!(found(&replica, "i-1", &Wanted::Value(IndexValue::Integer(1))).await, [""; 0]);
}

#[tokio::test]
async fn watchers_see_every_change_before_the_call_returns() {
    let ((_one, one), (_two, two)) = (fresh().await, fresh().await);
    let mut watch = two.watch();
    assert_eq!(*watch.borrow_and_update(), two.position().await.unwrap());
    put(&two, "mine", "1").await;
    assert!(watch.has_changed().unwrap());
    assert_eq!(*watch.borrow_and_update(), two.position().await.unwrap());
    put(&one, "theirs", "1").await;
    deliver(&one, &two.clone()).await;
    assert!(watch.has_changed().unwrap());
    assert_eq!(*watch.borrow_and_update(), two.position().await.unwrap());
    two.create_index("x", "/x").await.unwrap();
    two.put(&id("mine"), None, vec![]).await.unwrap_err();
    deliver(&one, &two).await;
    assert!(!watch.has_changed().unwrap(), "nothing has changed");
    two.close().await;
}

/// The state of a reader that has only the feed.
#[derive(Default)]
struct Follower {
    since: i64,
    documents: BTreeMap<String, (String, usize)>,
}

impl Follower {
    async fn page(&mut self, replica: &Replica, limit: usize) -> bool {
        let changes = replica.changes(self.since, limit).await.unwrap();
        assert!(changes.len() <= limit);
        for change in &changes {
            assert!(change.generation > self.since);
            self.since = change.generation;
            if change.deleted {
                self.documents.remove(change.id.as_str());
            } else {
                self.documents.insert(change.id.to_string(), (change.revision.to_string(), change.conflicts));
            }
        }
        !changes.is_empty()
    }

    async fn assert_up_to_date(&mut self, replica: &Replica) {
        while self.page(replica, 2).await {}
        let list = replica.list("", None, 99).await.unwrap();
        let list = list.into_iter().map(|entry| (entry.id.to_string(), (entry.revision.to_string(), entry.conflicts)));
        assert_eq!(self.documents, list.collect());
    }
}

/// Compares all entries of the index with those that reading every document gives.
async fn assert_index_matches(replica: &Replica) {
    let mut expected = Vec::new();
    for entry in replica.list("", None, 99).await.unwrap() {
        let content = replica.get(&entry.id).await.unwrap().unwrap().content.unwrap();
        let json: Option<serde_json::Value> = serde_json::from_slice(&content).ok();
        if let Some(number) = json.as_ref().and_then(|json| json.pointer("/x")).and_then(serde_json::Value::as_i64) {
            expected.push((number, entry.id.to_string()));
        }
    }
    expected.sort();
    let all = replica.find("x", &Wanted::Range(Bound::Unbounded, Bound::Unbounded), None, 99).await.unwrap();
    let number = |value| if let IndexValue::Integer(number) = value { number } else { panic!("{value:?}") };
    let all: Vec<_> = all.into_iter().map(|found| (number(found.value), found.id.to_string())).collect();
    assert_eq!(all, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Two replicas write, delete and exchange at random, with conflicts and resolutions. After every step the index of each
    /// equals what reading everything gives, and in the end each follower of the feed has the same state as its replica.
    #[test]
    fn indexes_and_followers_keep_up(steps in proptest::collection::vec((0..2usize, 0..3u8, 0..6u8, 0..3usize), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ((_one, one), (_two, two)) = (fresh().await, fresh().await);
            let replicas = [one, two];
            let mut followers = [Follower::default(), Follower::default()];
            replicas[0].create_index("x", "/x").await.unwrap();
            for (number, (who, document, what, limit)) in steps.into_iter().enumerate() {
                let (replica, id) = (&replicas[who], id(&format!("doc-{document}")));
                match what {
                    0 => drop(write(replica, &id, None).await),
                    1 => drop(write(replica, &id, Some(b"no json".to_vec())).await),
                    2 | 3 => drop(write(replica, &id, Some(format!(r#"{{"x":{}}}"#, what % 2).into())).await),
                    _ => drop(deliver(&replicas[1 - who], replica).await),
                }
                if number == 5 {
                    replicas[1].create_index("x", "/x").await.unwrap();
                }
                assert_index_matches(&replicas[0]).await;
                if number >= 5 {
                    assert_index_matches(&replicas[1]).await;
                }
                if limit > 0 {
                    followers[who].page(replica, limit).await;
                }
            }
            for (follower, replica) in followers.iter_mut().zip(&replicas) {
                follower.assert_up_to_date(replica).await;
                replica.close().await;
            }
        });
    }
}
