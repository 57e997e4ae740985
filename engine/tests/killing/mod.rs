//! A server and two devices that are killed over and over, at any moment, while both devices change documents and blobs
//! and synchronise. Each device writes what it begins and what it was told is done into a log of its own, flushed before it
//! goes on. In the end: nothing that was acknowledged is lost, nothing is there twice, all agree, every database is sound,
//! the quota counts what is there, and no file is left that nothing names.
//!
//! `BENCHLINE_KILLS` is the number of kills for each of the server's two stores of blobs (12 by default), `BENCHLINE_SEED`
//! the seed of everything that is random but the moments of the kills.

mod checking;
mod device;
mod story;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use benchline_engine::config::{ClientBackend, Config, ServerBackend};

use self::device::Orders;
use self::story::{Chance, Log};
use crate::support::process::{Process, ServerProcess, free_port, users};
use crate::support::{Account, run_test};

/// How long a device may need for the next line of its log, however busy the machine is.
const STUCK: Duration = Duration::from_secs(120);

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// The two devices keep their blobs in different ways.
fn device_config(device: usize) -> Config {
    let mut config = Config::default();
    config.blobs.client_backend = [ClientBackend::BySize, ClientBackend::Files][device];
    config
}

/// A server, two devices, and where all of them keep their things.
struct World {
    folder: PathBuf,
    config: Config,
    account: Account,
    port: u16,
    seed: u64,
    server: Option<ServerProcess>,
    devices: [Option<Process>; 2],
    /// How often each device was started.
    starts: [u64; 2],
}

impl World {
    async fn new(folder: &Path, backend: &str, seed: u64) -> Self {
        let mut config = Config::default();
        config.server.upload_seconds = 3600;
        if backend == "objects" {
            let place = folder.join("objects");
            std::fs::create_dir(&place).unwrap();
            config.blobs.server_backend = ServerBackend::ObjectStore(format!("file://{}", place.display()));
        }
        for name in ["server", "device-0", "device-1"] {
            std::fs::create_dir(folder.join(name)).unwrap();
        }
        let account = users(&folder.join("server"), &config, &["ana"]).await.remove(0);
        // Both tests may run at the same time.
        let port = free_port((seed ^ u64::from(std::process::id())).wrapping_add(backend.len() as u64 * 1000));
        let folder = folder.to_owned();
        Self { folder, config, account, port, seed, server: None, devices: [None, None], starts: [0; 2] }
    }

    fn device_folder(&self, device: usize) -> PathBuf {
        self.folder.join(format!("device-{device}"))
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts whatever does not run.
    fn start(&mut self) {
        if self.server.is_none() {
            self.server = Some(ServerProcess::start(&self.folder.join("server"), &self.config, self.port));
        }
        for device in 0..2 {
            if self.devices[device].is_none() {
                self.starts[device] += 1;
                let orders = Orders {
                    device,
                    start: self.starts[device],
                    seed: self.seed,
                    folder: self.device_folder(device).to_str().unwrap().to_owned(),
                    address: self.address(),
                    token: self.account.token.as_str().to_owned(),
                };
                self.devices[device] = Some(Process::start("killing::device::the_device", &orders));
            }
        }
    }

    /// Lets the devices do something, then kills one or more of the three.
    fn kill(&mut self, chance: &mut Chance) {
        let watched = chance.below(2) as usize;
        let lines = || Log::lines(&self.device_folder(watched));
        let (enough, since) = (lines() + 1 + chance.below(12) as usize, Instant::now());
        while lines() < enough {
            assert!(since.elapsed() < STUCK, "device {watched} is stuck: {}", Log::tail(&self.device_folder(watched)));
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(chance.below(20_000)));
        let victims = [1, 2, 4, 1, 2, 4, 7, 3][chance.below(8) as usize];
        for device in 0..2 {
            if victims & (1 << device) != 0 {
                self.devices[device].take().unwrap().kill();
            }
        }
        if victims & 4 != 0 {
            self.server.take().unwrap().process.kill();
        }
    }

    fn kill_all(&mut self) {
        self.devices.iter_mut().filter_map(Option::take).for_each(Process::kill);
        self.server.take().unwrap().process.kill();
    }
}

fn kills_lose_nothing(backend: &'static str) {
    let kills = number("BENCHLINE_KILLS", 12);
    let seed = number("BENCHLINE_SEED", u64::from(std::process::id()));
    eprintln!("{kills} kills, blobs of the server in {backend}: BENCHLINE_SEED={seed}");
    run_test(async move {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::new(folder.path(), backend, seed).await;
        let mut chance = Chance::new(&[seed]);
        for _ in 0..kills {
            world.start();
            world.kill(&mut chance);
        }
        world.start();
        world.kill_all();
        world.check().await;
    });
}

#[test]
fn kills_lose_duplicate_and_leave_nothing_with_files() {
    kills_lose_nothing("files");
}

#[test]
fn kills_lose_duplicate_and_leave_nothing_with_an_object_store() {
    kills_lose_nothing("objects");
}
