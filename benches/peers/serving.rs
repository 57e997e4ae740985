//! The server in a process of its own, as a peer's server is, and what its clients must know.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use benchline_engine::config::Config;
use benchline_engine::crypto::{Keys, RootSecret};
use benchline_engine::protocol::UserName;
use benchline_engine::server::{Server, run};
use tokio::io::AsyncReadExt;

/// Settings of both sides: what everyone gets, but for what the environment variable `PEERS_CONFIG` says as JSON.
pub(crate) fn config() -> Config {
    std::env::var("PEERS_CONFIG").map_or_else(|_| Config::default(), |text| serde_json::from_str(&text).unwrap())
}

/// The name of user `n`.
pub(crate) fn user(n: u64) -> UserName {
    format!("user{n}").parse().unwrap()
}

/// The keys of every user here.
pub(crate) fn keys() -> Keys {
    Keys::derive(&RootSecret::from_bytes([7; 32]))
}

/// Serves until standard input ends. The first line of the output is the address and a token for each user.
pub(crate) async fn serve(folder: &Path, users: u64) {
    let server = Server::open(folder, &config()).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut line = listener.local_addr().unwrap().to_string();
    for n in 0..users {
        server.accounts().create_user(&user(n)).await.unwrap();
        let token = server.accounts().create_token(&user(n), Duration::from_secs(24 * 3600)).await.unwrap();
        line += " ";
        line += token.as_str();
    }
    println!("{line}");
    let end = async {
        // Whatever it says, it has ended.
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    run(listener, server, end).await.unwrap();
}

/// A server that runs until this is dropped.
pub(crate) struct Serving {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
    /// One token for each user.
    pub(crate) tokens: Vec<String>,
}

impl Serving {
    pub(crate) fn start(folder: &Path, users: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", folder.to_str().unwrap(), &users.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        Self { child, address: words.next().unwrap(), tokens: words.collect() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
