//! A server in plain threads that answers as a test wants, and keeps its own log. It shares no code with the generator.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A request as it came.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// By lowercase name.
    pub(super) fields: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// What was answered, and when the answer had been written.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) request: Arc<Request>,
    pub(super) answered: Instant,
}

/// A running server. Its threads end with the test's process. An answer is in the log a moment after it was given.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Vec<Entry>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Each request is given to `answer`, which writes what it likes and says whether the connection goes on.
    pub(super) fn start(answer: impl Fn(&Request, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log: Arc<Mutex<Vec<Entry>>> = Arc::default();
        let connections: Arc<AtomicUsize> = Arc::default();
        let (answer, kept, counted) = (Arc::new(answer), Arc::clone(&log), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&kept));
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream.unwrap(), &*answer, &log));
            }
        });
        Self { address, log, connections }
    }

    pub(super) fn log(&self) -> Vec<Entry> {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst) as u64
    }
}

/// Writes a whole answer and goes on. A client that is gone is no failure.
pub(super) fn say(stream: &mut TcpStream, status: u16, body: &[u8]) -> bool {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).is_ok()
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Request, &mut TcpStream) -> bool, log: &Mutex<Vec<Entry>>) {
    stream.set_nodelay(true).unwrap();
    let mut input = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut input) {
        let goes_on = answer(&request, &mut stream);
        let close = request.fields.get("connection").is_some_and(|value| value == "close");
        log.lock().unwrap().push(Entry { request: Arc::new(request), answered: Instant::now() });
        if close || !goes_on {
            break;
        }
    }
}

fn read(input: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut fields = BTreeMap::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        fields.insert(name.to_lowercase(), value.to_owned());
    }
    let length = fields.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some(Request { method, path, fields, body })
}
