//! A server that is killed over and over while messages come. What it answered 201 to is there, whole; what it had begun is
//! there, whole, or not at all; nothing is left over, and nothing was ever written in the clear.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use benchline_engine::protocol::MessageState;
use benchline_engine::server::blobs::{Sweep, SweepReport};
use benchline_engine::server::{Server, run_with_incoming};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::{Mail, contents};
use crate::support::{Http, MARK, TestServer, is_in_files, payload, quick, run_test};

/// Tells the child which folder to serve.
const ORDERS: &str = "BENCHLINE_TEST_INCOMING_CHILD";
const ROUNDS: usize = 6;
const AT_ONCE: usize = 6;

/// Not a test by itself: the server that is killed.
#[test]
fn the_child() {
    let Ok(folder) = std::env::var(ORDERS) else { return };
    run_test(async {
        let server = Server::open(Path::new(&folder), &quick()).await.unwrap();
        let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let services = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening {} {}", clients.local_addr().unwrap(), services.local_addr().unwrap());
        run_with_incoming(clients, services, server, std::future::pending()).await.unwrap();
    });
}

/// A process that serves `folder`, and the same mail at it.
async fn start(folder: &Path, mail: &Mail, beside: &TestServer) -> (Child, Mail, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["incoming::kills::the_child", "--exact", "--nocapture"])
        .env(ORDERS, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let addresses = loop {
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        if let Some(addresses) = line.strip_prefix("listening ") {
            break addresses.to_owned();
        }
    };
    let (clients, services) = addresses.split_once(' ').unwrap();
    let there = Mail { http: Http::to(clients), services: Http::to(services), ..mail.at(beside) };
    (child, there, services.to_owned())
}

#[test]
fn kills_during_delivery_lose_nothing_and_leave_no_incomplete_message() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let server = Arc::new(server);
        let mut said = BTreeSet::new();
        for round in 0..ROUNDS {
            let (mut child, there, address) = start(server.folder(), &mail, &server).await;
            let mut half = TcpStream::connect(&address).await.unwrap();
            let head = format!(
                "PUT /v1/incoming/ana/half-{round} HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\
                 Authorization: Bearer {}\r\n\r\n",
                mail.service.as_str()
            );
            half.write_all(&[head.as_bytes(), &payload(99, 200_000)].concat()).await.unwrap();
            let there = Arc::new(there);
            let mut puts: FuturesUnordered<_> = (0..AT_ONCE)
                .map(|n| {
                    let (there, message) = (there.clone(), message(round, n));
                    tokio::spawn(async move { (n, there.put(&format!("m-{round}-{n}"), &message).await.status) })
                })
                .collect();
            // Killed when so many were answered, and others are under way.
            for _ in 0..round {
                let (n, status) = puts.next().await.unwrap().unwrap();
                assert_eq!(status, 201);
                said.insert(format!("m-{round}-{n}"));
            }
            child.kill().await.unwrap();
            drop(half);
            // Answers that were on their way count; who got none knows nothing.
            while let Some(outcome) = puts.next().await {
                if let Ok((n, 201)) = outcome {
                    said.insert(format!("m-{round}-{n}"));
                }
            }
        }
        check(&server, &mail, &said).await;
    });
}

fn message(round: usize, n: usize) -> Vec<u8> {
    payload(round * AT_ONCE + n, [300, 40_000, 1_300_000][n % 3])
}

async fn check(server: &TestServer, mail: &Mail, said: &BTreeSet<String>) {
    assert!(said.len() >= ROUNDS * (ROUNDS - 1) / 2, "{said:?}");
    let report = server.server().sweep(Sweep::Everything).await;
    assert_eq!(SweepReport { orphans: 0, ..report }, SweepReport::default(), "only orphans may be found");
    let states = mail.states().await;
    assert!(states.iter().all(|(_, state)| *state == MessageState::Pending));
    let there: BTreeSet<String> = states.into_iter().map(|(id, _)| id).collect();
    assert!(said.is_subset(&there), "lost: {:?}", said.difference(&there));
    assert!(!there.iter().any(|id| id.starts_with("half")), "half of a message is visible");
    assert_eq!(contents(server.folder()), there.len(), "left over");
    assert!(!is_in_files(server.folder(), MARK), "something was written in the clear");
    for lease in mail.reserve(100).await {
        let mut numbers = lease.id.as_str().split('-').skip(1).map(|number| number.parse::<usize>().unwrap());
        let (round, n) = (numbers.next().unwrap(), numbers.next().unwrap());
        assert_eq!(mail.read(&lease).await, message(round, n));
    }
}
