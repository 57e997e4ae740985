//! Servers in processes of their own: this test binary, started again with options to be one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use benchline_engine::config::Config;
use benchline_engine::server::{BoundServer, PlainHttp, ServeError, ServeOptions, Shutdown, Supervisor, TlsFiles};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin};

use super::TIMEOUT;
use crate::support::run_test;

/// Tells the process what to be, as JSON.
const OPTIONS: &str = "BENCHLINE_TEST_SERVER";

/// How a process says where it listens.
const LISTENING: &str = "listening on ";

/// What a process shall be.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ProcessOptions {
    pub(super) data: PathBuf,
    pub(super) listen: Vec<SocketAddr>,
    /// A folder with `chain.pem` and `key.pem`.
    pub(super) tls: Option<PathBuf>,
    pub(super) config: Config,
    /// Whether it starts others, as many as the setting says, instead of serving itself.
    pub(super) supervisor: bool,
}

impl ProcessOptions {
    /// To serve the data in `folder` on one free port.
    pub(super) fn new(folder: &Path, config: &Config) -> Self {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        Self { data: folder.to_owned(), listen, tls: None, config: config.clone(), supervisor: false }
    }

    fn serve_options(&self) -> ServeOptions {
        let Self { data, listen, tls, config, .. } = self.clone();
        let tls = tls.map(|folder| TlsFiles { chain: folder.join("chain.pem"), key: folder.join("key.pem") });
        ServeOptions { data, listen, incoming: None, tls, plain: PlainHttp::Loopback, config }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["daemon::process::the_server", "--exact", "--nocapture"]);
        command.env(OPTIONS, serde_json::to_string(self).unwrap());
        command
    }
}

/// Not a test by itself: what the processes do.
#[test]
fn the_server() {
    let Ok(options) = std::env::var(OPTIONS) else { return };
    let options: ProcessOptions = serde_json::from_str(&options).unwrap();
    let mut outcome = None;
    run_test(async {
        let stop = Shutdown::new();
        stop.on_signals().unwrap();
        outcome = Some(if options.supervisor {
            let supervisor = Supervisor::reserve(&options.serve_options()).unwrap();
            let addresses = supervisor.addresses();
            let child = ProcessOptions { supervisor: false, listen: addresses.clone(), ..options };
            let command = |_| {
                let mut command = child.command();
                // The supervisor reports where it listens.
                command.stdout(Stdio::null());
                command
            };
            supervisor.run(command, || println!("\n{LISTENING}{addresses:?}"), stop).await
        } else {
            stop.on_end_of_input().unwrap();
            let serving = BoundServer::open(options.serve_options()).await.unwrap();
            println!("\n{LISTENING}{:?}", serving.addresses());
            Supervisor::notify_parent();
            serving.run(stop).await
        });
    });
    // Only after the runtime, which may have to wait for some of its threads, as that of any program.
    match outcome.unwrap() {
        Ok(()) => std::process::exit(0),
        Err(ServeError::Aborted) => std::process::exit(3),
        Err(error) => panic!("{error}"),
    }
}

/// A process that serves.
pub(super) struct ServerProcess {
    child: Child,
    /// While it is open, the process knows that it has a parent.
    input: Option<ChildStdin>,
    pub(super) addresses: Vec<String>,
}

impl ServerProcess {
    /// Starts one and waits until it listens.
    pub(super) async fn start(options: &ProcessOptions) -> Self {
        let mut command = tokio::process::Command::from(options.command());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses = loop {
            let line = lines.next_line().await.unwrap().expect("the process ended before it listened");
            if let Some(list) = line.strip_prefix(LISTENING) {
                break list.trim_matches(['[', ']']).split(", ").map(str::to_owned).collect();
            }
        };
        // What else it says is read, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let input = child.stdin.take();
        Self { child, input, addresses }
    }

    pub(super) fn address(&self) -> &str {
        &self.addresses[0]
    }

    pub(super) fn id(&self) -> i32 {
        self.child.id().unwrap().try_into().unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id()), signal).unwrap();
    }

    /// Ends what it reads from, as the end of its parent would.
    pub(super) fn orphan(&mut self) {
        self.input = None;
    }

    pub(super) async fn ended(mut self) -> ExitStatus {
        tokio::time::timeout(TIMEOUT, self.child.wait()).await.expect("the process does not end").unwrap()
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// The processes that this one started and that are alive.
pub(super) fn children_of(id: i32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// Whether a process is there that is not merely waiting to be forgotten.
pub(super) fn is_alive(id: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}
