//! Memory use does not grow with the size of a blob: a large one is stored, sent, fetched and read, and neither the client
//! process nor the server process needs 64 MiB more than before.
//!
//! `BENCHLINE_BLOB_MIB` is the size of the blob, 192 by default; the bound is the same for any.

use std::path::Path;

use benchline_engine::client::{BlobClient, Blobs, PutAs};
use benchline_engine::config::{ClientBackend, Config, ServerBackend};
use benchline_engine::store::{BlobAddress, Priority};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use crate::support::process::{Process, ServerProcess, keys_of, memory, orders, say, users};
use crate::support::{quick, run_test};

const BOUND: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Orders {
    putting: bool,
    size: u64,
    folder: String,
    address: String,
    token: String,
    server: u32,
    config: Config,
}

/// Not a test: the main function of the client process. It says by how much the most memory of both ever needed is above
/// what they had before.
#[test]
fn the_client() {
    let Some(orders) = orders::<Orders>() else { return };
    run_test(async {
        let folder = Path::new(&orders.folder);
        let blobs = Blobs::open(folder, &orders.config, &"ana".parse().unwrap(), &keys_of("ana")).await.unwrap();
        let client = BlobClient::new(&orders.config, &blobs, &orders.address, &orders.token).unwrap();
        let (large, small) = (BlobAddress::new("mail", "large").unwrap(), BlobAddress::new("mail", "small").unwrap());
        let put = async |address, size| {
            client.put(address, size, tokio::io::repeat(7).take(size), PutAs::Upload).await.unwrap();
            client.send(address, Priority::Normal).await.unwrap();
        };
        let get = async |address, size| {
            client.fetch(address, Priority::Normal).await.unwrap();
            assert_eq!(blobs.get(address, tokio::io::sink()).await.unwrap(), size);
            let mut end = Vec::new();
            blobs.get_range(address, size - 9..size, &mut end).await.unwrap();
            assert_eq!(end, [7; 9]);
        };
        // What the first blob of all needs is no matter of size.
        if orders.putting {
            put(&small, 100_000).await;
        } else {
            get(&small, 100_000).await;
        }
        let processes = ["/proc/self".to_owned(), format!("/proc/{}", orders.server)];
        let before = processes.each_ref().map(|process| memory(process, "VmRSS"));
        if orders.putting {
            put(&large, orders.size).await;
        } else {
            get(&large, orders.size).await;
        }
        let grown = processes.each_ref().map(|process| memory(process, "VmHWM"));
        let grown = [0, 1].map(|n| grown[n].saturating_sub(before[n]));
        say(&format!("{} {}", grown[0], grown[1]));
        client.close().await;
        blobs.close().await;
    });
}

#[test]
fn blobs_of_any_size_need_little_memory() {
    let size = std::env::var("BENCHLINE_BLOB_MIB").map_or(192, |size| size.parse::<u64>().unwrap()) << 20;
    for (client_backend, objects) in [(ClientBackend::Sqlcipher, false), (ClientBackend::Files, true)] {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let place = folder.path().join(name);
            std::fs::create_dir(&place).unwrap();
            place.to_str().unwrap().to_owned()
        };
        let mut config = quick();
        config.blobs.client_backend = client_backend;
        let data = place("server");
        if objects {
            config.blobs.server_backend = ServerBackend::ObjectStore(format!("file://{}", place("objects")));
        }
        let mut accounts = Vec::new();
        run_test(async { accounts = users(Path::new(&data), &config, &["ana"]).await });
        let server = ServerProcess::start(Path::new(&data), &config, 0);
        for putting in [true, false] {
            let orders = Orders {
                putting,
                size,
                folder: place(if putting { "sender" } else { "receiver" }),
                address: server.address.clone(),
                token: accounts[0].token.as_str().to_owned(),
                server: server.process.id(),
                config: config.clone(),
            };
            let mut client = Process::start("memory::the_client", &orders);
            let said = client.line().expect("it is done");
            client.finish();
            let grown: Vec<u64> = said.split(' ').map(|bytes| bytes.parse().unwrap()).collect();
            let what = if putting { "put and sent" } else { "fetched and read" };
            println!(
                "{} MiB {what}, {client_backend:?}, objects: {objects}: client {} KiB, server {} KiB more",
                size >> 20,
                grown[0] >> 10,
                grown[1] >> 10
            );
            assert!(grown.iter().all(|grown| *grown < BOUND), "{what}: {grown:?} bytes more than before");
        }
        server.process.kill();
    }
}
