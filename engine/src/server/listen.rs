//! Serves connections until told to stop: bounded in number, in the size of their headers and in their patience.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::app::app;
use super::state::Server;

/// Connections that are open at once; more wait to be accepted.
const CONNECTIONS: usize = 1024;

/// Bytes that a connection buffers, and so the most that the head of a request may take: hyper answers 431 to more.
const BUFFER: usize = 64 << 10;

/// Headers that a request may have.
const HEADERS: usize = 64;

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How long requests may go on after the server was told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long to wait after a connection could not be accepted, for want of file descriptors, say.
const PAUSE: Duration = Duration::from_millis(50);

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The listener does not work.
    #[error("the listener failed: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves on `listener` until `shutdown` completes, then lets requests finish and closes the data.
///
/// # Errors
/// [`ServeError`] where the listener does not work.
pub async fn run(listener: TcpListener, server: Server, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    listener.local_addr()?;
    let http = server.config().http;
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(HEADERS)
        .max_buf_size(BUFFER)
        .keep_alive(http.keep_alive);
    let service = TowerToHyperService::new(app(server.clone()));
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            let place = connections.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // A socket that refuses the option works without it.
        let _ = stream.set_nodelay(http.nodelay);
        let connection = graceful.watch(protocol.serve_connection(TokioIo::new(stream), service.clone()));
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were broken off");
    }
    server.close().await;
    Ok(())
}
