//! Devices with inline, thread and process pools on the same data; and, on request, the effect of each pool on the runtime: `BENCHLINE_POOL_LATENCY=1 cargo test --release -p benchline-engine pooling -- --nocapture` prints a table.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use benchline_engine::client::{PutAs, RecoverySlot};
use benchline_engine::config::{Config, PoolConfig};
use benchline_engine::crypto::Cost;
use benchline_engine::pool::{WorkerProgram, serve_worker, set_worker_program};
use benchline_engine::store::Priority;

use crate::support::{TestServer, payload, quick, run_test};
use crate::transfers::device::{BlobDevice, blob};

const WORKER: &str = "BENCHLINE_TEST_POOL_WORKER";
const LATENCY: &str = "BENCHLINE_POOL_LATENCY";

/// Not a test: the main function of worker processes in these tests.
#[test]
fn the_worker() {
    if std::env::var_os(WORKER).is_some() {
        serve_worker(std::io::stdin().lock(), std::io::stdout().lock()).unwrap();
        std::process::exit(0);
    }
}

/// Settings with this pool, whose processes are this test program.
fn with(pool: PoolConfig) -> Config {
    let program = std::env::current_exe().unwrap();
    let arguments: [OsString; 5] = [
        format!("{WORKER}=1").into(),
        program.into(),
        "pooling::the_worker".into(),
        "--exact".into(),
        "--nocapture".into(),
    ];
    set_worker_program(WorkerProgram { program: "env".into(), arguments: arguments.into() });
    let mut config = quick();
    config.crypto.pool = pool;
    config
}

fn pools() -> [PoolConfig; 3] {
    let two = NonZeroUsize::new(2).unwrap();
    [PoolConfig::Inline, PoolConfig::Threads(two), PoolConfig::Processes(two)]
}

#[test]
fn devices_with_any_pool_have_the_same_documents_blobs_and_secret() {
    run_test(async {
        let server = TestServer::start(&quick()).await;
        let ana = server.user("ana").await;
        let first = ana.device(&quick(), &server.address).await;
        first.fill(300, 2000).await;
        first.sync().await;
        let content = payload(1, 3_000_000);
        let sender = BlobDevice::of(&quick(), &server.address, "ana", ana.token.as_str(), &ana.keys).await;
        sender.client.put(&blob("b"), content.len() as u64, &content[..], PutAs::Upload).await.unwrap();
        sender.client.sync("mail").await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        for (number, pool) in pools().into_iter().enumerate() {
            let config = with(pool);
            let device = ana.device(&config, &server.address).await;
            device.sync().await;
            assert_eq!(device.everything().await, first.everything().await, "{pool:?}");

            let receiver = BlobDevice::of(&config, &server.address, "ana", ana.token.as_str(), &ana.keys).await;
            receiver.client.sync("mail").await.unwrap();
            receiver.client.fetch(&blob("b"), Priority::Normal).await.unwrap();
            let mut got = Vec::new();
            receiver.blobs.get(&blob("b"), &mut got).await.unwrap();
            assert!(got == content, "{pool:?}");
            let mut range = Vec::new();
            receiver.blobs.get_range(&blob("b"), 1_000_001..2_900_000, &mut range).await.unwrap();
            assert!(range == content[1_000_001..2_900_000], "{pool:?}");

            let slot = RecoverySlot::new(&config, &server.address, &ana.name, ana.token.as_str()).unwrap();
            let file = folder.path().join(format!("{number}.recovery"));
            slot.establish(&file, "a passphrase", cost).await.unwrap();
            let wrong = slot.establish(&file, "another passphrase", cost).await.err().unwrap();
            assert!(wrong.to_string().contains("wrong passphrase"), "{wrong}");
        }
    });
}

#[test]
fn latency_of_the_runtime_with_each_pool() {
    if std::env::var_os(LATENCY).is_none() {
        return;
    }
    println!("| pool | load | late p50 µs | late p99 µs | worst ms | load s |\n|---|---|---|---|---|---|");
    for pool in pools() {
        for load in ["passphrases", "documents", "blob"] {
            // One thread is the whole reactor.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (mut late, seconds) = runtime.block_on(late_while(&with(pool), load));
            late.sort();
            let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
            let (p50, p99, worst) = (at(0.5).as_micros(), at(0.99).as_micros(), at(1.0).as_secs_f64() * 1e3);
            println!("| {pool:?} | {load} | {p50} | {p99} | {worst:.1} | {seconds:.2} |");
        }
    }
}

/// How late a task that is due every millisecond runs while a device works, and how long the device works.
async fn late_while(config: &Config, load: &str) -> (Vec<Duration>, f64) {
    // The server runs on another thread, so that only the client's runtime is measured.
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        run_test(async move {
            let server = TestServer::start(&quick()).await;
            tell.send((server.address.clone(), server.user("ana").await)).unwrap();
            let _ = stopped.await;
        });
    });
    let (address, ana) = told.recv().unwrap();
    let filled = ana.device(config, &address).await;
    let sender = BlobDevice::of(config, &address, "ana", ana.token.as_str(), &ana.keys).await;
    let content = payload(1, 100_000_000);
    match load {
        "documents" => {
            filled.fill(5000, 10_000).await;
            filled.sync().await;
        }
        "blob" => {
            sender.client.put(&blob("b"), content.len() as u64, &content[..], PutAs::Local).await.unwrap();
        }
        _ => {}
    }
    let fresh = ana.device(config, &address).await;
    let ticking = tokio::spawn(async {
        let mut late = Vec::new();
        loop {
            let due = Instant::now() + Duration::from_millis(1);
            tokio::time::sleep_until(due.into()).await;
            late.push(due.elapsed());
            if late.len() == 1_000_000 || STOP.load(std::sync::atomic::Ordering::Relaxed) {
                return late;
            }
        }
    });
    STOP.store(false, std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let begun = Instant::now();
    match load {
        "documents" => drop(fresh.sync().await),
        "blob" => drop(sender.blobs.get(&blob("b"), tokio::io::sink()).await.unwrap()),
        _ => {
            let slot = RecoverySlot::new(config, &address, &ana.name, ana.token.as_str()).unwrap();
            let folder = tempfile::tempdir().unwrap();
            for number in 0..5 {
                slot.establish(&folder.path().join(number.to_string()), "p", Cost::default()).await.unwrap();
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    STOP.store(true, std::sync::atomic::Ordering::Relaxed);
    let late = ticking.await.unwrap();
    stop.send(()).unwrap();
    serving.join().unwrap();
    (late, seconds)
}

/// Stops the ticking task at the end of the load.
static STOP: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
