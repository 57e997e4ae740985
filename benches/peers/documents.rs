//! Documents that do not compress go to a server and to another replica, durably: what PouchDB does with pouchdb-server.

use std::path::Path;
use std::time::Instant;

use aws_lc_rs::rand::fill;
use benchline_engine::client::SyncClient;
use benchline_engine::store::{Put, Replica};

use super::serving::{Serving, config, keys, user};

pub(crate) async fn run(count: usize, size: usize, work: &Path) {
    let [server, first, second] = ["server", "first", "second"].map(|name| work.join(name));
    for folder in [&first, &second] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let server = Serving::start(&server, 1);
    let puts = (0..count).map(|n| Put { id: format!("doc-{n}").parse().unwrap(), replaces: None, content: json(size) });
    let replica = async |folder: &Path| {
        Replica::open(&folder.join("replica.db"), &keys().database, &config().store).await.unwrap()
    };
    let client = || SyncClient::new(&config(), &server.url(), &user(0), &server.tokens[0], &keys()).unwrap();

    let here = replica(&first).await;
    here.put_many(puts.collect()).await.unwrap();
    let begun = Instant::now();
    client().sync(&here).await.unwrap();
    let up = begun.elapsed();

    let there = replica(&second).await;
    let begun = Instant::now();
    client().sync(&there).await.unwrap();
    let down = begun.elapsed();
    for n in 0..count {
        let id = format!("doc-{n}").parse().unwrap();
        assert_eq!(here.get(&id).await.unwrap().unwrap().content, there.get(&id).await.unwrap().unwrap().content);
    }
    println!(r#"{{"up":{},"down":{}}}"#, up.as_secs_f64(), down.as_secs_f64());
}

/// A JSON document of about `size` bytes, as hexadecimal digits.
fn json(size: usize) -> Vec<u8> {
    let mut random = vec![0; size / 2];
    fill(&mut random).unwrap();
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(r#"{{"body":"{digits}"}}"#).into_bytes()
}
