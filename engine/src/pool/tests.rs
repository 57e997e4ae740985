//! The three pools do the same work; what goes wrong in one piece of it stays there.

use std::collections::HashSet;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::frame::{Fields, Frame};
use super::*;
use crate::crypto::{
    BlobName, BlobSealer, BlobSettings, Cipher, Cost, DocumentSealer, Keys, OpenPgpError, OpenPgpKey, Padding,
    RecoveryDocument, RootSecret, UnlockError, seal_blob,
};

/// Work that ends in unusual ways.
pub(super) enum Odd {
    /// Gives the number of the process that did it.
    Process,
    /// Panics.
    Panic,
    /// Ends the process that does it, unless this file exists, which it makes.
    Die { unless: String },
    /// Says that it was begun, and waits until it may end.
    Wait { begun: mpsc::Sender<()>, end: mpsc::Receiver<()> },
}

impl Work for Odd {
    type Value = u64;
    type Error = String;
    const KIND: u8 = 255;

    fn perform(self) -> Result<u64, String> {
        match self {
            Self::Process => Ok(std::process::id().into()),
            Self::Panic => panic!("on purpose"),
            Self::Die { unless } if unless.is_empty() => std::process::abort(),
            // As a kill does: nothing is answered, nothing dropped.
            Self::Die { unless } if !std::path::Path::new(&unless).exists() => {
                std::fs::write(unless, "").unwrap();
                std::process::abort()
            }
            Self::Die { .. } => Ok(7),
            Self::Wait { begun, end } => {
                begun.send(()).unwrap();
                Ok(u64::from(end.recv().is_ok()))
            }
        }
    }

    fn pack(&self, frame: &mut Frame) {
        match self {
            Self::Process => frame.put(b"process"),
            Self::Panic => frame.put(b"panic"),
            Self::Die { unless } => frame.put(unless.as_bytes()),
            Self::Wait { .. } => {}
        }
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        match fields.take_text()? {
            "process" => Some(Self::Process),
            "panic" => Some(Self::Panic),
            unless => Some(Self::Die { unless: unless.to_owned() }),
        }
    }

    fn pack_value(value: u64, frame: &mut Frame) {
        frame.put_number(value);
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<u64> {
        fields.take_number()
    }
}

const WORKER: &str = "BENCHLINE_TEST_POOL_WORKER";

/// Not a test by itself: what the processes of pools do in these tests. The test program cannot call `worker_if_asked`.
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
async fn every_pool_opens_documents_and_says_which_does_not() {
    let sealer = Arc::new(DocumentSealer::new(&keys(), Cipher::ChaCha20Poly1305, Padding::Padme));
    let seal =
        |id: &str, content: Option<&[u8]>| (id.to_owned(), "a:1".to_owned(), sealer.seal(id, "a:1", content).unwrap());
    for pool in all() {
        let documents = vec![seal("one", Some(b"1")), seal("gone", None), seal("empty", Some(b""))];
        let opened = pool.run(OpenDocuments { sealer: sealer.clone(), documents }).await.unwrap();
        let expected = vec![Some(b"1".to_vec()), None, Some(Vec::new())];
        assert_eq!(opened.map_err(|unopened| unopened.place), Ok(expected));
        let mut swapped = seal("two", Some(b"2"));
        swapped.0 = "three".to_owned();
        let documents = vec![seal("one", Some(b"1")), swapped];
        let refused = pool.run(OpenDocuments { sealer: sealer.clone(), documents }).await.unwrap();
        assert_eq!(refused.map_err(|unopened| unopened.place), Err(1));
    }
}

#[tokio::test]
async fn every_pool_opens_chunks_and_refuses_altered_ones() {
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
async fn every_pool_wraps_and_unlocks_and_knows_a_wrong_passphrase() {
    let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    for pool in all() {
        let user = "ana".to_owned();
        let create = CreateRecovery { user: user.clone(), passphrase: secret("old"), cost };
        let (document, root) = pool.run(create).await.unwrap().unwrap();
        let rewrap = RewrapRecovery { document, user: user.clone(), old: secret("old"), new: secret("new"), cost };
        let document = pool.run(rewrap).await.unwrap().unwrap();
        // The oracle: no pool at all.
        let unlocked = RecoveryDocument::from_bytes(&document).unwrap().unlock("ana", "new").unwrap();
        assert_eq!(unlocked.as_bytes(), root.as_bytes());
        let unlock = |passphrase| UnlockRecovery { document: document.clone(), user: user.clone(), passphrase };
        assert_eq!(pool.run(unlock(secret("new"))).await.unwrap().unwrap().as_bytes(), root.as_bytes());
        let wrong = pool.run(unlock(secret("old"))).await.unwrap();
        assert_eq!(wrong.err(), Some(UnlockError::WrongPassphrase));
    }
}

#[tokio::test]
async fn every_pool_decrypts_mail_with_whichever_key_it_is_for() {
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
async fn work_that_panics_is_an_error_and_the_pool_goes_on() {
    for pool in all() {
        for _ in 0..3 {
            assert!(matches!(pool.run(Odd::Panic).await, Err(PoolError::Panicked)));
            pool.run(Odd::Process).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn work_is_done_where_the_pool_says() {
    let own = u64::from(std::process::id());
    for (pool, inside) in all().into_iter().zip([true, true, false]) {
        assert_eq!(pool.run(Odd::Process).await.unwrap().unwrap() == own, inside);
    }
}

#[tokio::test]
async fn a_process_that_dies_is_replaced_and_its_work_done_again_once() {
    let folder = tempfile::tempdir().unwrap();
    let pool = processes();
    // It dies once, and the second process finds that it did.
    let once = folder.path().join("once").display().to_string();
    assert_eq!(pool.run(Odd::Die { unless: once }).await.unwrap().unwrap(), 7);
    // It dies whenever it is tried.
    assert!(matches!(pool.run(Odd::Die { unless: String::new() }).await, Err(PoolError::Died)));
    pool.run(Odd::Process).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_process_killed_between_two_pieces_of_work_is_not_noticed_by_them() {
    let pool = pool(PoolConfig::Processes(NonZeroUsize::MIN));
    let first = pool.run(Odd::Process).await.unwrap().unwrap();
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    let second = pool.run(Odd::Process).await.unwrap().unwrap();
    assert_ne!(first, second);
}

#[tokio::test]
async fn processes_end_with_the_pool_and_leave_no_zombie() {
    let pool = processes();
    let mut seen = HashSet::new();
    for _ in 0..4 {
        seen.insert(pool.run(Odd::Process).await.unwrap().unwrap());
    }
    drop(pool);
    let begun = Instant::now();
    while seen.iter().any(|process| std::path::Path::new(&format!("/proc/{process}")).exists()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "a worker stayed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_not_begun() {
    let pool = pool(PoolConfig::Threads(NonZeroUsize::MIN));
    let (tell, begun) = mpsc::channel();
    let waiting = || {
        let (let_end, end) = mpsc::channel();
        (Odd::Wait { begun: tell.clone(), end }, let_end)
    };
    let (first, let_end) = waiting();
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(first).await }
    });
    let begun = tokio::task::spawn_blocking(move || begun.recv().map(|()| begun)).await.unwrap().unwrap();
    // The only worker is busy: this enters the queue, and whoever brought it leaves.
    let queued = pool.run(waiting().0);
    assert!(tokio::time::timeout(Duration::from_millis(1), queued).await.is_err());
    let_end.send(()).unwrap();
    first.await.unwrap().unwrap().unwrap();
    pool.run(Odd::Process).await.unwrap().unwrap();
    assert!(begun.try_recv().is_err());
}

#[test]
fn clients_share_the_pool_of_their_settings() {
    let one = Pool::shared(PoolConfig::Threads(NonZeroUsize::new(17).unwrap()));
    let same = Pool::shared(PoolConfig::Threads(NonZeroUsize::new(17).unwrap()));
    let other = Pool::shared(PoolConfig::Threads(NonZeroUsize::new(18).unwrap()));
    assert!(Arc::ptr_eq(&one.0, &same.0) && !Arc::ptr_eq(&one.0, &other.0));
}
