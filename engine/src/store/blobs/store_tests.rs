//! The conformance suite of blob stores: the contract in `store`, checked for every implementation against a plain vector of
//! bytes as the model.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{BlobAddress, BlobIndex, BlobRecord, BlobState, BlobStore, BlobStoreError, Content, ContentId, Stored};
use crate::config::{ClientBackend, Config, Synchronous};
use crate::crypto::{Keys, RootSecret};

const BACKENDS: [ClientBackend; 3] = [ClientBackend::Sqlcipher, ClientBackend::Files, ClientBackend::BySize];

fn bytes(length: usize) -> Bytes {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect::<Vec<_>>().into()
}

async fn open(folder: &Path, client_backend: ClientBackend) -> (BlobIndex, Arc<dyn BlobStore>) {
    let mut config = Config::default();
    config.blobs.client_backend = client_backend;
    config.store.synchronous = Synchronous::Off;
    let keys = Keys::derive(&RootSecret::from_bytes([5; 32]));
    super::open_blobs(folder, &keys.database, &config).await.unwrap()
}

/// Names `content` in the index, so that it is not removed as an orphan.
async fn name(index: &BlobIndex, id: &str, state: BlobState, content: ContentId) -> BlobAddress {
    let address = BlobAddress::new("n", id).unwrap();
    let content = Content { id: content, sealed_length: None, digest: None };
    let record = BlobRecord::stored(address.clone(), state, false, 1, content);
    index.change(&address, |entry| BlobRecord::put(entry, record)).await.unwrap();
    address
}

async fn all(store: &dyn BlobStore, content: ContentId) -> Bytes {
    let stored = store.stored(content).await.unwrap().unwrap();
    store.read(content, 0..stored.length).await.unwrap()
}

#[tokio::test]
async fn any_range_of_written_bytes_can_be_read() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = open(folder.path(), backend).await;
        // Around the size of a row, and several.
        for total in [1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 20) / 2] {
            let (content, model) = (ContentId::generate(), bytes(total));
            let mut at = 0;
            while at < total {
                let end = (at + 700_001).min(total);
                store.write(content, total as u64, at as u64, model.slice(at..end)).await.unwrap();
                let stored = Stored { length: end as u64, whole: end == total };
                assert_eq!(store.stored(content).await.unwrap(), Some(stored), "{backend:?}");
                at = end;
            }
            for range in [0..total, total / 3..total / 2, total - 1..total, total..total, 0..0] {
                let read = store.read(content, range.start as u64..range.end as u64).await.unwrap();
                assert_eq!(read, model.slice(range), "{backend:?}");
            }
        }
    }
}

/// Named after the defect "in-place writes, so a partial file later answered 409".
#[tokio::test]
async fn a_part_never_counts_as_whole_and_can_be_continued() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let (content, model) = (ContentId::generate(), bytes(3_000_000));
        {
            let (index, store) = open(folder.path(), backend).await;
            name(&index, "a", BlobState::PendingDownload, content).await;
            store.write(content, 3_000_000, 0, model.slice(..2_000_000)).await.unwrap();
            index.close().await;
        }
        let (_, store) = open(folder.path(), backend).await;
        assert_eq!(store.stored(content).await.unwrap(), Some(Stored { length: 2_000_000, whole: false }));
        // Continued from before its end, with other bytes than before: the later ones count.
        store.write(content, 3_000_000, 100, Bytes::from_static(b"other")).await.unwrap();
        assert_eq!(store.stored(content).await.unwrap(), Some(Stored { length: 105, whole: false }));
        assert!(matches!(store.read(content, 100..106).await, Err(BlobStoreError::Gap { length: 105, offset: 106 })));
        store.write(content, 3_000_000, 100, model.slice(100..)).await.unwrap();
        assert_eq!(store.stored(content).await.unwrap(), Some(Stored { length: 3_000_000, whole: true }));
        assert_eq!(all(&*store, content).await, model);
    }
}

#[tokio::test]
async fn writes_with_gaps_or_beyond_the_end_are_rejected_and_change_nothing() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = open(folder.path(), backend).await;
        let content = ContentId::generate();
        assert!(store.write(content, 100, 1, bytes(1)).await.is_err());
        assert_eq!(store.stored(content).await.unwrap(), None);
        store.write(content, 100, 0, bytes(50)).await.unwrap();
        assert!(store.write(content, 100, 51, bytes(1)).await.is_err());
        assert!(store.write(content, 100, 50, bytes(51)).await.is_err());
        assert_eq!(all(&*store, content).await, bytes(50));
        store.write(content, 100, 50, bytes(50)).await.unwrap();
        // Whole, and so immutable.
        assert!(store.write(content, 100, 0, bytes(10)).await.is_err());
        assert_eq!(store.stored(content).await.unwrap(), Some(Stored { length: 100, whole: true }));
    }
}

#[tokio::test]
async fn a_part_can_restart_with_another_length() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = open(folder.path(), backend).await;
        for total in [1000, 3_000_000, 2000] {
            let content = ContentId::generate();
            store.write(content, 500_000, 0, bytes(400)).await.unwrap();
            store.write(content, total as u64, 0, bytes(total)).await.unwrap();
            assert_eq!(all(&*store, content).await, bytes(total), "{backend:?}");
        }
    }
}

#[tokio::test]
async fn removing_a_content_keeps_the_others() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let (_, store) = open(folder.path(), backend).await;
        let contents: Vec<ContentId> = (0..4).map(|_| ContentId::generate()).collect();
        for (n, content) in contents.iter().enumerate() {
            let total = if n < 2 { 2000 } else { 4000 };
            store.write(*content, total, 0, bytes(2000)).await.unwrap();
        }
        for content in [contents[0], contents[2], contents[2], ContentId::generate()] {
            store.remove(content).await.unwrap();
        }
        let mut remaining = store.list().await.unwrap();
        remaining.sort();
        let mut expected = vec![contents[1], contents[3]];
        expected.sort();
        assert_eq!(remaining, expected, "{backend:?}");
        assert_eq!(store.stored(contents[0]).await.unwrap(), None);
        assert_eq!(all(&*store, contents[3]).await, bytes(2000));
    }
}

#[tokio::test]
async fn the_next_start_removes_orphans_and_detects_lost_contents() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<ContentId> = (0..5).map(|_| ContentId::generate()).collect();
        {
            let (index, store) = open(folder.path(), backend).await;
            for (content, total) in [(ids[0], 10), (ids[1], 10), (ids[2], 99)] {
                store.write(content, total, 0, bytes(10)).await.unwrap();
            }
            name(&index, "kept", BlobState::Synced, ids[0]).await;
            name(&index, "lost", BlobState::Synced, ids[3]).await;
            name(&index, "lost-here-only", BlobState::LocalOnly, ids[4]).await;
            index.close().await;
        }
        let (index, store) = open(folder.path(), backend).await;
        assert_eq!(store.list().await.unwrap(), [ids[0]], "{backend:?}");
        let states: Vec<_> =
            index.list("n", None, "", 9).await.unwrap().into_iter().map(|record| record.state).collect();
        assert_eq!(states, [BlobState::Synced, BlobState::PendingDownload, BlobState::FailedUpload]);
    }
}

#[tokio::test]
async fn contents_stored_under_another_setting_can_be_read_continued_and_removed() {
    for [before, after] in BACKENDS.into_iter().flat_map(|before| BACKENDS.map(|after| [before, after])) {
        let folder = tempfile::tempdir().unwrap();
        let [small, large, part] = [1000, 2_000_000, 3_000_000].map(|total| (ContentId::generate(), bytes(total)));
        {
            let (index, store) = open(folder.path(), before).await;
            for (content, model) in [&small, &large] {
                store.write(*content, model.len() as u64, 0, model.clone()).await.unwrap();
            }
            store.write(part.0, 3_000_000, 0, part.1.slice(..1 << 20)).await.unwrap();
            name(&index, "small", BlobState::LocalOnly, small.0).await;
            name(&index, "large", BlobState::LocalOnly, large.0).await;
            name(&index, "part", BlobState::PendingDownload, part.0).await;
            index.close().await;
        }
        let (index, store) = open(folder.path(), after).await;
        assert_eq!(index.count("n").await.unwrap()[&BlobState::LocalOnly], 2, "{before:?}, {after:?}");
        store.write(part.0, 3_000_000, 1 << 20, part.1.slice(1 << 20..)).await.unwrap();
        for (content, model) in [small, large, part] {
            assert_eq!(all(&*store, content).await, model, "{before:?}, {after:?}");
            store.remove(content).await.unwrap();
            assert_eq!(store.stored(content).await.unwrap(), None);
        }
        assert_eq!(store.list().await.unwrap(), []);
    }
}

/// Named after the defect "blob id alone as primary key, so namespaces collided".
#[tokio::test]
async fn equal_ids_in_two_namespaces_are_two_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let (index, _) = open(folder.path(), ClientBackend::Files).await;
    for namespace in ["a", "b"] {
        let address = BlobAddress::new(namespace, "same").unwrap();
        let discovered = {
            let address = address.clone();
            index.change(&address.clone(), move |entry| Ok(BlobRecord::discover(entry, &address))).await.unwrap()
        };
        assert!(discovered);
        assert_eq!(index.list(namespace, None, "", 9).await.unwrap().len(), 1);
        assert_eq!(index.get(&address).await.unwrap().unwrap().address, address);
    }
}

/// A record that differs from the default in everything comes back as it was.
#[tokio::test]
async fn a_record_survives_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (index, _) = open(folder.path(), ClientBackend::Sqlcipher).await;
    for (n, state) in BlobState::ALL.into_iter().enumerate() {
        let address = BlobAddress::new("n", &format!("b{n}")).unwrap();
        let content = Content { id: ContentId::generate(), sealed_length: Some(1 << 39), digest: Some([n as u8; 32]) };
        let mut record = BlobRecord::stored(address.clone(), state, n % 2 == 0, 77, content);
        record.priority = super::Priority::Urgent;
        (record.tries, record.unverified, record.delete_first) = (3, 2, true);
        record.failure =
            Some(super::TransferFailure { message: "why".to_owned(), cause: super::FailureCause::QuotaExceeded });
        let expected = record.clone();
        index.change(&address, |entry| BlobRecord::put(entry, record)).await.unwrap();
        assert_eq!(index.get(&address).await.unwrap().unwrap(), expected);
    }
    assert!(index.count("n").await.unwrap().values().all(|count| *count == 1));
    assert_eq!(index.list("n", Some(BlobState::Quarantined), "", 9).await.unwrap().len(), 1);
    assert_eq!(index.with_work().await.unwrap().len(), 8);
}
