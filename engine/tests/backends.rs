//! What every backend of blobs must promise (`docs/STORAGE.md`), tried on all of them: the same random work on a backend
//! and on a map in memory, with the backend opened anew now and then, must always look the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use benchline_engine::server::blobs::{
    Backend, BackendError, FilesBackend, ObjectName, ObjectStoreBackend, Start, Writer,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use hyper_util::rt::TokioIo;
use object_store::aws::AmazonS3Builder;
use tokio::net::TcpListener;

use crate::support::{payload, run_test};

/// Opens the same backend anew.
type Opener<'a> = &'a dyn Fn() -> Box<dyn Backend>;

#[test]
fn files_meet_the_guarantees() {
    for durable in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let open = || Box::new(FilesBackend::new(folder.path().join("blobs"), durable)) as Box<dyn Backend>;
        run_test(conforms(&open, 300));
    }
}

#[test]
fn an_object_store_in_a_folder_meets_the_guarantees() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("file://{}", folder.path().display());
    let open = || Box::new(ObjectStoreBackend::open(&address, true).unwrap()) as Box<dyn Backend>;
    run_test(conforms(&open, 150));
}

#[test]
fn an_s3_object_store_meets_the_guarantees() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = serve_s3(folder.path()).await;
        let open = || {
            let store = AmazonS3Builder::new()
                .with_endpoint(&endpoint)
                .with_allow_http(true)
                .with_region("us-east-1")
                .with_bucket_name("bucket")
                .with_access_key_id("key")
                .with_secret_access_key("secret")
                .build();
            Box::new(ObjectStoreBackend::new(Arc::new(store.unwrap()), "some/prefix")) as Box<dyn Backend>
        };
        conforms(&open, 60).await;
    });
}

#[test]
fn invalid_addresses_are_rejected() {
    for address in ["", "bucket", "s3://", "file://folder", "http://somewhere"] {
        assert!(matches!(ObjectStoreBackend::open(address, true), Err(BackendError::Address(_))), "{address}");
    }
}

/// An S3 server that is another program's: `s3s-fs`.
async fn serve_s3(folder: &Path) -> String {
    std::fs::create_dir(folder.join("bucket")).unwrap();
    let mut service = s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    service.set_auth(s3s::auth::SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    endpoint
}

/// What a content should be.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    /// Not whole; these bytes are durable.
    Partial(Vec<u8>),
    Whole(Vec<u8>),
}

/// Small numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = [0, 1, 1000, 70_000, 300_000][self.below(5) as usize];
        payload(self.below(1000) as usize, length)[..length].to_vec()
    }
}

async fn conforms(open: Opener<'_>, rounds: usize) {
    one_large_content(&*open()).await;
    let mut backend = open();
    let mut model = BTreeMap::new();
    let mut dice = Dice(1);
    for round in 0..rounds {
        if dice.below(10) == 0 {
            backend = open();
        }
        let new = ObjectName { user: 1 + dice.below(2) as i64, process: 7, serial: round as u64 };
        let known = model.keys().nth(dice.below(model.len().max(1) as u64) as usize).copied();
        match (dice.below(6), known) {
            (0, _) | (_, None) => {
                let content = dice.bytes();
                let mut writer = backend.write(new, Start::Whole).await.unwrap();
                write(&mut *writer, &content).await;
                writer.finish().await.unwrap();
                model.insert(new, Model::Whole(content));
            }
            (1, _) => {
                let mut writer = backend.write(new, Start::At(0)).await.unwrap();
                let content = dice.bytes();
                write(&mut *writer, &content).await;
                writer.sync().await.unwrap();
                model.insert(new, Model::Partial(content));
            }
            (2, Some(object)) => {
                backend.delete(object).await.unwrap();
                backend.delete(object).await.unwrap();
                model.remove(&object);
            }
            (3, _) => {
                let mut writer = backend.write(new, Start::Whole).await.unwrap();
                write(&mut *writer, &dice.bytes()).await;
                writer.discard().await.unwrap();
            }
            (_, Some(object)) => {
                if let Some(Model::Partial(content)) = model.get_mut(&object) {
                    let finished = go_on(&*backend, object, content, &mut dice).await;
                    if finished {
                        let content = std::mem::take(content);
                        model.insert(object, Model::Whole(content));
                    }
                }
            }
        }
        let touched = known.unwrap_or(new);
        check(&*backend, touched, model.get(&touched), &mut dice, round).await;
    }
    for (object, expected) in &model {
        check(&*open(), *object, Some(expected), &mut dice, rounds).await;
    }
    // What never got a byte may be nowhere yet.
    let begun = |object: &ObjectName| matches!(&model.get(object), Some(Model::Partial(content)) if content.is_empty());
    for user in [1, 2, 3] {
        let expected: Vec<_> = model.keys().filter(|object| object.user == user && !begun(object)).copied().collect();
        let mut listed = backend.list(user).await.unwrap();
        listed.retain(|object| !begun(object));
        listed.sort_unstable();
        assert_eq!(listed, expected, "user {user}");
    }
}

/// Goes on with a content: pieces that are synced, pieces that are lost, and perhaps its end.
async fn go_on(backend: &dyn Backend, object: ObjectName, content: &mut Vec<u8>, dice: &mut Dice) -> bool {
    let mut writer = backend.write(object, Start::At(content.len() as u64)).await.unwrap();
    for _ in 0..dice.below(3) {
        let more = dice.bytes();
        write(&mut *writer, &more).await;
        writer.sync().await.unwrap();
        content.extend_from_slice(&more);
    }
    if dice.below(2) == 0 {
        writer.finish().await.unwrap();
        return true;
    }
    write(&mut *writer, &dice.bytes()).await;
    false
}

async fn write(writer: &mut dyn Writer, content: &[u8]) {
    for piece in content.chunks(50_000) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
}

async fn check(backend: &dyn Backend, object: ObjectName, expected: Option<&Model>, dice: &mut Dice, round: usize) {
    let is_absent = |read: Result<_, BackendError>| matches!(read, Err(BackendError::Absent(_)));
    match expected {
        None => {
            assert!(is_absent(backend.read(object, 0..1).await.map(drop)), "round {round}: a ghost");
            assert!(is_absent(backend.write(object, Start::At(1)).await.map(drop)), "round {round}: a ghost");
        }
        Some(Model::Partial(content)) => {
            assert!(
                is_absent(backend.read(object, 0..1).await.map(drop)),
                "round {round}: readable before it is whole"
            );
            if !content.is_empty() {
                let length = 1 + dice.below(content.len() as u64);
                let read = collect(backend.read_partial(object, length).await.unwrap()).await;
                assert!(read == content[..length as usize], "round {round}");
            }
        }
        Some(Model::Whole(content)) if content.is_empty() => {}
        Some(Model::Whole(content)) => {
            let start = dice.below(content.len() as u64);
            let end = start + 1 + dice.below(content.len() as u64 - start);
            for range in [start..end, 0..content.len() as u64] {
                let read = collect(backend.read(object, range.clone()).await.unwrap()).await;
                assert!(read == content[range.start as usize..range.end as usize], "round {round}, {range:?}");
            }
        }
    }
}

async fn collect(content: benchline_engine::server::blobs::Content) -> Vec<u8> {
    content
        .try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
        .unwrap()
}

/// More than any part, chunk or segment, in both ways.
async fn one_large_content(backend: &dyn Backend) {
    let content = payload(5, 17 << 20);
    let [whole, paused] = [1, 2].map(|serial| ObjectName { user: 9, process: 7, serial });
    let mut writer = backend.write(whole, Start::Whole).await.unwrap();
    write(&mut *writer, &content).await;
    writer.finish().await.unwrap();
    let (head, tail) = content.split_at(6 << 20);
    let mut writer = backend.write(paused, Start::At(0)).await.unwrap();
    write(&mut *writer, head).await;
    writer.sync().await.unwrap();
    drop(writer);
    let mut writer = backend.write(paused, Start::At(head.len() as u64)).await.unwrap();
    write(&mut *writer, tail).await;
    writer.finish().await.unwrap();
    for object in [whole, paused] {
        let read = collect(backend.read(object, 0..content.len() as u64).await.unwrap()).await;
        assert!(read == content);
        backend.delete(object).await.unwrap();
    }
}
