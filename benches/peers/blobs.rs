//! A folder of files goes to a server, sealed, and comes to another device, into another folder: what `rclone copy` does
//! through its crypt remote. Each device has its own durable store in between, which rclone does not.

use std::path::Path;
use std::time::Instant;

use benchline_engine::client::{BlobClient, Blobs, PutAs};
use benchline_engine::store::BlobAddress;
use futures_util::{StreamExt, stream};

use super::serving::{Serving, config, keys, user};

/// Files that are read or written at the same time.
const AT_ONCE: usize = 64;

/// Files up to this size are read and written in one go.
const SMALL: u64 = 1 << 20;

pub(crate) async fn run(source: &Path, work: &Path) {
    let [server, first, second, target] = ["server", "first", "second", "target"].map(|name| work.join(name));
    for folder in [&first, &second, &target] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let server = Serving::start(&server, 1);
    let names: Vec<String> =
        source.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let address = |name: &str| BlobAddress::new("files", name).unwrap();
    let device = async |folder: &Path| {
        let blobs = Blobs::open(folder, &config(), &user(0), &keys()).await.unwrap();
        let client = BlobClient::new(&config(), &blobs, &server.url(), &server.tokens[0]).unwrap();
        (blobs, client)
    };

    let (blobs, client) = device(&first).await;
    let begun = Instant::now();
    let put = async |name: &String| {
        let path = source.join(name);
        let length = path.metadata().unwrap().len();
        if length <= SMALL {
            let content = std::fs::read(path).unwrap();
            client.put(&address(name), length, &content[..], PutAs::Upload).await.unwrap();
        } else {
            let file = tokio::fs::File::open(path).await.unwrap();
            client.put(&address(name), length, file, PutAs::Upload).await.unwrap();
        }
    };
    stream::iter(&names).for_each_concurrent(AT_ONCE, put).await;
    let put = begun.elapsed();
    let report = client.sync("files").await.unwrap();
    let up = begun.elapsed();
    assert!(report.failed.is_empty(), "{report:?}");
    client.close().await;
    blobs.close().await;

    let (blobs, client) = device(&second).await;
    let begun = Instant::now();
    let report = client.sync("files").await.unwrap();
    assert_eq!((report.fetched as usize, report.failed.len()), (names.len(), 0));
    let fetched = begun.elapsed();
    let get = async |name: &String| {
        let path = target.join(name);
        if source.join(name).metadata().unwrap().len() <= SMALL {
            let mut content = Vec::new();
            blobs.get(&address(name), &mut content).await.unwrap();
            std::fs::write(path, content).unwrap();
        } else {
            let file = tokio::fs::File::create(path).await.unwrap();
            blobs.get(&address(name), file).await.unwrap();
        }
    };
    stream::iter(&names).for_each_concurrent(AT_ONCE, get).await;
    let down = begun.elapsed();
    client.close().await;
    blobs.close().await;
    for name in &names {
        assert!(std::fs::read(source.join(name)).unwrap() == std::fs::read(target.join(name)).unwrap(), "{name}");
    }
    println!(
        r#"{{"up":{},"down":{},"put":{},"fetched":{}}}"#,
        up.as_secs_f64(),
        down.as_secs_f64(),
        put.as_secs_f64(),
        fetched.as_secs_f64()
    );
}
