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
use super::blobs::Sweep;
use super::state::Server;

/// Connections that are open at once; more wait to be accepted. Together with the databases that may be open they stay
/// below the 1024 file descriptors that a process has by default.
const CONNECTIONS: usize = 256;

/// Bytes that a connection buffers, and so about the most that the head of a request may take: hyper answers 431
/// to much more.
const BUFFER: usize = 64 << 10;

/// How long requests may go on after the server was told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long uploads that are given up may stay.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(60 * 60);

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
    let (http, limits) = (server.config().http, server.config().server);
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.head_seconds.into()))
        .max_headers(limits.headers)
        .max_buf_size(BUFFER)
        .keep_alive(http.keep_alive);
    let service = TowerToHyperService::new(app(server.clone()));
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let sweeping = tokio::spawn(sweep_forever(server.clone()));
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
    sweeping.abort();
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were broken off");
    }
    server.close().await;
    Ok(())
}

/// Clears away what a process that was killed left behind, and from then on what nobody goes on with.
async fn sweep_forever(server: Server) {
    server.sweep(Sweep::Everything).await;
    loop {
        tokio::time::sleep(BETWEEN_SWEEPS).await;
        server.sweep(Sweep::Uploads).await;
    }
}
