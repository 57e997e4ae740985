//! Processes of a test's own: this very program started again, to do one thing until it is killed. A child finds its orders
//! in the environment, and what it prints behind a mark is read by who started it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use benchline_engine::config::Config;
use benchline_engine::crypto::{Keys, RootSecret};
use benchline_engine::server::{Server, run};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::{Account, run_test};

/// Where a child finds its orders.
const ORDERS: &str = "BENCHLINE_TEST_ORDERS";
/// Before each line that a child prints for its parent; the harness prints lines of its own.
const MARK: &str = "\u{1}";

/// A process that is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the test of this path as a child with these orders.
    pub(crate) fn start(test: &str, orders: &impl Serialize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
        command.env(ORDERS, serde_json::to_string(orders).unwrap());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that the child says; none when it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness does not end its own line before the test speaks.
            if let Some((_, said)) = line.trim_end().split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// Kills it, and checks that it had not failed before.
    pub(crate) fn kill(mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("a child ended by itself: {status}");
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended, which it must do in good order.
    pub(crate) fn finish(mut self) {
        while self.line().is_some() {}
        assert!(self.child.wait().unwrap().success());
    }

    /// The number under which the system knows it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A figure of memory from the system, in bytes: `VmRSS`, or `VmHWM` for the most there was.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        memory(&format!("/proc/{}", self.child.id()), name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where a test fails; one that has ended already is not killed again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A figure of memory of the process with this folder below `/proc`, in bytes.
pub(crate) fn memory(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// In a child: what it is told to do. None where nobody started it: then the tests run as usual.
pub(crate) fn orders<T: DeserializeOwned>() -> Option<T> {
    Some(serde_json::from_str(&std::env::var(ORDERS).ok()?).unwrap())
}

/// In a child: says a line to the parent.
#[allow(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn say(text: &str) {
    println!("{MARK}{text}");
}

#[derive(Serialize, Deserialize)]
struct ServerOrders {
    folder: String,
    config: Config,
    port: u16,
}

/// A server in a process of its own, on a port that stays.
pub(crate) struct ServerProcess {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl ServerProcess {
    /// Starts a server on the data in `folder`. It is known to answer then.
    pub(crate) fn start(folder: &Path, config: &Config, port: u16) -> Self {
        let folder = folder.to_str().unwrap().to_owned();
        let orders = ServerOrders { folder, config: config.clone(), port };
        let mut process = Process::start("support::process::the_server", &orders);
        let address = process.line().expect("the server starts");
        Self { process, address }
    }
}

/// Not a test by itself: what the process of a server does.
#[test]
fn the_server() {
    let Some(ServerOrders { folder, config, port }) = orders() else { return };
    run_test(async {
        let server = Server::open(Path::new(&folder), &config).await.unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        say(&format!("http://{}", listener.local_addr().unwrap()));
        run(listener, server, std::future::pending()).await.unwrap();
    });
}

/// A port that nobody listens on, below those from which the system takes the other ends of connections: there, a client
/// that connects while the server is away could meet itself.
pub(crate) fn free_port(seed: u64) -> u16 {
    let candidates = (0..).map(|n| 20_000 + ((seed + n) % 10_000) as u16);
    candidates.into_iter().find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Makes users at a server that does not run yet, each with a token for a day.
pub(crate) async fn users(folder: &Path, config: &Config, names: &[&str]) -> Vec<Account> {
    let server = Server::open(folder, config).await.unwrap();
    let mut users = Vec::new();
    for name in names {
        let name: benchline_engine::protocol::UserName = name.parse().unwrap();
        server.accounts().create_user(&name).await.unwrap();
        let token = server.accounts().create_token(&name, Duration::from_secs(24 * 3600)).await.unwrap();
        users.push(Account { keys: keys_of(name.as_str()), name, token });
    }
    server.close().await;
    users
}

/// The keys of the user of this name in all tests.
pub(crate) fn keys_of(name: &str) -> Keys {
    let mut secret = [0; 32];
    secret[..name.len()].copy_from_slice(name.as_bytes());
    Keys::derive(&RootSecret::from_bytes(secret))
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
