//! Many users at one server, each with a connection that is kept: whole blobs of 10 kB down, or up and durable. Closed loop,
//! or open at a rate: then a request counts from the moment at which it was due, so that waiting is not hidden.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::serving::{Serving, user};

/// Bytes of each blob.
const SIZE: usize = 10_000;

/// Blobs of each user that are downloaded in turn.
const STORED: u64 = 20;

/// Time before the measurement, for databases to open and files to reach their sizes.
const WARM_UP: Duration = Duration::from_secs(1);

/// `rate` requests a second in all, or as many as possible where it is 0.
pub(crate) async fn run(put: bool, clients: usize, seconds: u64, rate: u64, work: &Path) {
    let serving = Arc::new(Serving::start(&work.join("server"), clients));
    let mut connections = Vec::new();
    for n in 0..clients {
        let mut client = Client::connect(&serving, n).await;
        for serial in 0..if put { 0 } else { STORED } {
            assert_eq!(client.put(serial).await, 201);
        }
        connections.push(client);
    }
    let begun = Instant::now() + WARM_UP;
    let end = begun + Duration::from_secs(seconds);
    let due = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|client| tokio::spawn(work_until(client, put, rate, due.clone(), [begun, end])))
        .collect();
    let (mut times, mut errors) = (Vec::new(), 0);
    for task in tasks {
        let (took, failed) = task.await.unwrap();
        times.extend(took);
        errors += failed;
    }
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (rate, p50, p99) = (times.len() as f64 / seconds as f64, at(0.5), at(0.99));
    println!(r#"{{"rate":{rate},"p50":{p50},"p99":{p99},"errors":{errors}}}"#);
}

/// How long each request took that ended within the span, and how many failed.
async fn work_until(
    mut client: Client,
    put: bool,
    rate: u64,
    due: Arc<AtomicU64>,
    span: [Instant; 2],
) -> (Vec<Duration>, u64) {
    let start = span[0] - WARM_UP;
    let (mut times, mut errors) = (Vec::new(), 0);
    for serial in 0.. {
        let begun = match rate {
            0 => Instant::now(),
            _ => {
                let at = start + Duration::from_secs_f64(due.fetch_add(1, Ordering::Relaxed) as f64 / rate as f64);
                tokio::time::sleep_until(at.into()).await;
                at
            }
        };
        if begun >= span[1] {
            break;
        }
        let status = if put { client.put(serial).await } else { client.get(serial % STORED).await };
        let now = Instant::now();
        if now >= span[0] && now < span[1] {
            if status == if put { 201 } else { 200 } {
                times.push(now - begun);
            } else {
                errors += 1;
            }
        }
    }
    (times, errors)
}

struct Client {
    stream: TcpStream,
    head: String,
    path: String,
    content: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    async fn connect(serving: &Serving, n: usize) -> Self {
        let stream = TcpStream::connect(&serving.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut content = vec![0; SIZE];
        fill(&mut content).unwrap();
        let head = format!("Host: localhost\r\nAuthorization: Bearer {}\r\n", serving.tokens[n]);
        Self { stream, head, path: format!("/v1/users/{}/blobs/load", user(n as u64)), content, answer: Vec::new() }
    }

    async fn put(&mut self, serial: u64) -> u16 {
        self.content[..8].copy_from_slice(&serial.to_be_bytes());
        let hash = STANDARD.encode(digest(&SHA256, &self.content));
        let head = format!(
            "PUT {}/b{serial} HTTP/1.1\r\n{}Content-Length: {SIZE}\r\nRepr-Digest: sha-256=:{hash}:\r\n\r\n",
            self.path, self.head
        );
        let request = [head.as_bytes(), &self.content].concat();
        self.exchange(&request).await
    }

    async fn get(&mut self, serial: u64) -> u16 {
        let request = format!("GET {}/b{serial} HTTP/1.1\r\n{}\r\n", self.path, self.head);
        self.exchange(request.as_bytes()).await
    }

    /// Sends a request and reads its whole answer; the status is 0 where the connection fails.
    async fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.ok();
        self.answer.clear();
        let mut total = None;
        loop {
            if self.stream.read_buf(&mut self.answer).await.is_ok_and(|count| count > 0) {
                if total.is_none()
                    && let Some(end) = self.answer.windows(4).position(|window| window == b"\r\n\r\n")
                {
                    let head = String::from_utf8_lossy(&self.answer[..end]).to_ascii_lowercase();
                    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
                    total = Some(end + 4 + length.map_or(0, |length| length.parse().unwrap_or(0)));
                }
                if total.is_some_and(|total| self.answer.len() >= total) {
                    let status = self.answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
                    return status.and_then(|digits| digits.parse().ok()).unwrap_or(0);
                }
            } else {
                return 0;
            }
        }
    }
}
