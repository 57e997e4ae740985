//! All three pools give the same results, and a failure of one job does not affect others.

use std::collections::HashSet;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::test_work::TestWork;
use super::*;
use crate::config::PoolConfig;
use crate::crypto::{
    BlobName, BlobSealer, BlobSettings, Cipher, Cost, DocumentSealer, Keys, OpenPgpError, OpenPgpKey, Padding,
    RecoveryDocument, RootSecret, UnlockError, seal_blob,
};

const WORKER: &str = "BENCHLINE_TEST_POOL_WORKER";

/// Not a test: the main function of worker processes in these tests. The test program cannot call `worker_if_asked`.
#[test]
fn the_worker() {
    if std::env::var_os(WORKER).is_some() {
        serve_worker(std::io::stdin().lock(), std::io::stdout().lock()).unwrap();
        std::process::exit(0);
    }
}

/// A pool whose processes are this test program.
fn pool(config: PoolConfig) -> Pool {
    let arguments: [OsString; 5] = [
        format!("{WORKER}=1").into(),
        std::env::current_exe().unwrap().into(),
        "pool::tests::the_worker".into(),
        "--exact".into(),
        "--nocapture".into(),
    ];
    set_worker_program(WorkerProgram { program: "env".into(), arguments: arguments.into() });
    Pool::new(config)
}

fn two() -> NonZeroUsize {
    NonZeroUsize::new(2).unwrap()
}

fn all() -> [Pool; 3] {
    [PoolConfig::Inline, PoolConfig::Threads(two()), PoolConfig::Processes(two())].map(pool)
}

fn processes() -> Pool {
    pool(PoolConfig::Processes(two()))
}

const NAME: BlobName<'_> = BlobName { user: "ana", namespace: "mail", id: "B-1" };

fn keys() -> Keys {
    Keys::derive(&RootSecret::from_bytes([5; 32]))
}

#[tokio::test]
async fn every_pool_opens_documents_and_reports_which_one_fails() {
    let sealer = Arc::new(DocumentSealer::new(&keys(), Cipher::ChaCha20Poly1305, Padding::Padme));
    let seal =
        |id: &str, content: Option<&[u8]>| (id.to_owned(), "a:1".to_owned(), sealer.seal(id, "a:1", content).unwrap());
    for pool in all() {
        let documents = vec![seal("one", Some(b"1")), seal("gone", None), seal("empty", Some(b""))];
        let opened = pool.run(OpenDocuments { sealer: sealer.clone(), documents }).await.unwrap();
        let expected = vec![Some(b"1".to_vec()), None, Some(Vec::new())];
        assert_eq!(opened.map_err(|failure| failure.index), Ok(expected));
        let mut swapped = seal("two", Some(b"2"));
        swapped.0 = "three".to_owned();
        let documents = vec![seal("one", Some(b"1")), swapped];
        let refused = pool.run(OpenDocuments { sealer: sealer.clone(), documents }).await.unwrap();
        assert_eq!(refused.map_err(|failure| failure.index), Err(1));
    }
}

#[tokio::test]
async fn every_pool_opens_chunks_and_rejects_altered_ones() {
    let content: Vec<u8> = (0..5000).map(|i| i as u8).collect();
    let settings = BlobSettings { chunk_size: 1024, padding: Padding::None, ..BlobSettings::default() };
    let mut sealed = Vec::new();
    seal_blob(BlobSealer::new(&keys(), NAME, 5000, settings).unwrap(), &content[..], &mut sealed).unwrap();
    let blob = Arc::new(SharedBlob::new(&keys().blobs, NAME, &sealed[..NAME.prelude_len()]).unwrap());
    let layout = *blob.opener().layout();
    let (start, end) = (layout.sealed_range(1).start as usize, layout.sealed_range(4).end as usize);
    for pool in all() {
        let work = |window: &[u8]| OpenChunks { blob: blob.clone(), first: 1, window: window.to_vec() };
        let window = pool.run(work(&sealed[start..end])).await.unwrap().unwrap();
        assert_eq!(window, content[1024..]);
        let mut altered = sealed[start..end].to_vec();
        altered[3000] ^= 1;
        for wrong in
            [&altered[..], &sealed[start..end - 1], &sealed[start + 1..end], &[&sealed[start..end], b"x"].concat()]
        {
            assert!(pool.run(work(wrong)).await.unwrap().is_err());
        }
    }
}

#[tokio::test]
async fn every_pool_wraps_and_unlocks_and_rejects_a_wrong_passphrase() {
    let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    for pool in all() {
        let user = "ana".to_owned();
        let create = CreateRecovery { user: user.clone(), passphrase: secret("old"), cost };
        let (document, root) = pool.run(create).await.unwrap().unwrap();
        let rewrap = RewrapRecovery { document, user: user.clone(), old: secret("old"), new: secret("new"), cost };
        let document = pool.run(rewrap).await.unwrap().unwrap();
        // The oracle: without a pool.
        let unlocked = RecoveryDocument::from_bytes(&document).unwrap().unlock("ana", "new").unwrap();
        assert_eq!(unlocked.as_bytes(), root.as_bytes());
        let unlock = |passphrase| UnlockRecovery { document: document.clone(), user: user.clone(), passphrase };
        assert_eq!(pool.run(unlock(secret("new"))).await.unwrap().unwrap().as_bytes(), root.as_bytes());
        let wrong = pool.run(unlock(secret("old"))).await.unwrap();
        assert_eq!(wrong.err(), Some(UnlockError::WrongPassphrase));
    }
}

#[tokio::test]
async fn every_pool_decrypts_mail_with_the_matching_key() {
    let keys: Arc<[OpenPgpKey]> = [OpenPgpKey::generate("one").unwrap(), OpenPgpKey::generate("two").unwrap()].into();
    let message = keys[1].public().encrypt(b"for the second").unwrap();
    for pool in all() {
        let work = |limit| DecryptMessage { keys: keys.clone(), message: message.clone(), limit };
        let opened = pool.run(work(100)).await.unwrap().unwrap();
        assert_eq!((&opened.content[..], opened.signed), (&b"for the second"[..], false));
        assert!(matches!(pool.run(work(3)).await.unwrap(), Err(OpenPgpError::TooLong { .. })));
    }
}

#[tokio::test]
async fn work_that_panics_is_an_error_and_the_pool_continues() {
    for pool in all() {
        for _ in 0..3 {
            assert!(matches!(pool.run(TestWork::Panic).await, Err(PoolError::Panicked)));
            pool.run(TestWork::Process).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn work_runs_in_the_configured_place() {
    let own = u64::from(std::process::id());
    for (pool, inside) in all().into_iter().zip([true, true, false]) {
        assert_eq!(pool.run(TestWork::Process).await.unwrap().unwrap() == own, inside);
    }
}

#[tokio::test]
async fn a_process_that_dies_is_replaced_and_its_work_retried_once() {
    let folder = tempfile::tempdir().unwrap();
    let pool = processes();
    // It dies once, and the second process finds the file.
    let once = folder.path().join("once").display().to_string();
    assert_eq!(pool.run(TestWork::Die { unless: once }).await.unwrap().unwrap(), 7);
    // It dies on every try.
    assert!(matches!(pool.run(TestWork::Die { unless: String::new() }).await, Err(PoolError::Died)));
    pool.run(TestWork::Process).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_process_killed_between_two_jobs_affects_neither() {
    let pool = pool(PoolConfig::Processes(NonZeroUsize::MIN));
    let first = pool.run(TestWork::Process).await.unwrap().unwrap();
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    let second = pool.run(TestWork::Process).await.unwrap().unwrap();
    assert_ne!(first, second);
}

#[tokio::test]
async fn processes_end_with_the_pool_and_leave_no_zombie() {
    let pool = processes();
    let mut seen = HashSet::new();
    for _ in 0..4 {
        seen.insert(pool.run(TestWork::Process).await.unwrap().unwrap());
    }
    drop(pool);
    let start = Instant::now();
    while seen.iter().any(|process| std::path::Path::new(&format!("/proc/{process}")).exists()) {
        assert!(start.elapsed() < Duration::from_secs(20), "a worker stayed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn cancelled_work_is_not_started() {
    let pool = pool(PoolConfig::Threads(NonZeroUsize::MIN));
    let (start, started) = mpsc::channel();
    let waiting = || {
        let (let_end, end) = mpsc::channel();
        (TestWork::Wait { started: start.clone(), end }, let_end)
    };
    let (first, let_end) = waiting();
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(first).await }
    });
    let started = tokio::task::spawn_blocking(move || started.recv().map(|()| started)).await.unwrap().unwrap();
    // The only worker is busy: this enters the queue, and its caller is dropped.
    assert!(futures_util::FutureExt::now_or_never(pool.run(waiting().0)).is_none());
    let_end.send(()).unwrap();
    first.await.unwrap().unwrap().unwrap();
    pool.run(TestWork::Process).await.unwrap().unwrap();
    assert!(started.try_recv().is_err());
}

#[test]
fn clients_with_equal_settings_share_a_pool() {
    let one = Pool::shared(PoolConfig::Threads(NonZeroUsize::new(17).unwrap()));
    let same = Pool::shared(PoolConfig::Threads(NonZeroUsize::new(17).unwrap()));
    let other = Pool::shared(PoolConfig::Threads(NonZeroUsize::new(18).unwrap()));
    assert!(one.is_same(&same) && !one.is_same(&other));
}
