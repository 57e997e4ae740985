//! How the server is run: with real sockets and, where processes matter, with real processes that get real signals.

mod monitoring;
mod process;
mod processes;
mod shutdown;
mod supervisor;
mod talk;
mod timeouts;
mod tls;

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use benchline_engine::config::Config;
use benchline_engine::crypto::{Keys, RootSecret};
use benchline_engine::server::Server;

use crate::support::{Account, quick};

/// Longer than anything here takes, on the slowest machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until something is so; how long that takes decides nothing.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < TIMEOUT, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Settings with which nothing that only waits is ended before a test loses its patience.
fn long_timeouts() -> Config {
    let mut config = quick();
    (config.server.stop_seconds, config.server.head_seconds) = (600, 600);
    config
}

/// A new user in data that are perhaps being served by others at the moment.
async fn user_in(folder: &Path, config: &Config, name: &str) -> Account {
    let server = Server::open(folder, config).await.unwrap();
    let name = name.parse().unwrap();
    server.accounts().create_user(&name).await.unwrap();
    let token = server.accounts().create_token(&name, Duration::from_secs(3600)).await.unwrap();
    server.close().await;
    Account { name, token, keys: Keys::derive(&RootSecret::from_bytes([1; 32])) }
}
