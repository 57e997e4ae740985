//! Accepts and serves the connections of one listener, with limits on their number, on the size of request heads, and on
//! waiting times. No connection may block another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use super::shutdown::Shutdown;
use super::timeouts::WriteTimeout;
use crate::config::Config;

/// Bytes that a connection buffers, which is roughly the largest head of a request: hyper answers 431 to much larger ones.
const BUFFER: usize = 64 << 10;

/// The timeout for a client that does not read, as a multiple of the timeout for a body. It is longer because the system
/// buffers megabytes for a client and reports progress only in large steps.
const READ_FACTOR: u32 = 4;

/// How long to wait after accepting a connection failed, for example for lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a new connection waits for a slot before idle connections are closed.
const SLOT_WAIT: Duration = Duration::from_secs(1);

/// The HTTP settings of connections.
#[derive(Clone)]
pub(in crate::server) struct HttpSettings {
    http: http1::Builder,
    nodelay: bool,
    /// For the head of a request, and for the TLS handshake.
    head_timeout: Duration,
    /// For a client that does not read.
    write_timeout: Duration,
    tls: Option<TlsAcceptor>,
}

impl HttpSettings {
    /// The settings in `config`, with TLS if `tls` is given.
    pub(in crate::server) fn new(config: &Config, tls: Option<TlsAcceptor>) -> Self {
        let limits = &config.server;
        let head_timeout = Duration::from_secs(limits.head_seconds.into());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_headers(limits.headers)
            .max_buf_size(BUFFER)
            .keep_alive(config.http.keep_alive);
        let write_timeout = Duration::from_secs(limits.body_seconds.into()).saturating_mul(READ_FACTOR);
        Self { http, nodelay: config.http.nodelay, head_timeout, write_timeout, tls }
    }
}

/// The slots for connections, which all listeners of a process share.
#[derive(Clone)]
pub(in crate::server) struct Connections {
    slots: Arc<Semaphore>,
    /// Notifies idle connections that others wait for their slots.
    slots_needed: Arc<Notify>,
    open: Arc<AtomicUsize>,
}

impl Connections {
    /// At most `slots` connections at a time. If there are more, idle ones are closed.
    pub(in crate::server) fn new(slots: usize) -> Self {
        let slots = Arc::new(Semaphore::new(slots.clamp(1, Semaphore::MAX_PERMITS)));
        Self { slots, slots_needed: Arc::default(), open: Arc::default() }
    }

    /// The number of open connections.
    pub(in crate::server) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Serves `app` on `listener` until shutdown begins, and completes when the last request is answered.
    pub(in crate::server) async fn serve(
        &self,
        listener: TcpListener,
        app: Router,
        settings: HttpSettings,
        shutdown: Shutdown,
    ) {
        let tasks = TaskTracker::new();
        let service = TowerToHyperService::new(app);
        loop {
            let accepted = if shutdown.has_begun() {
                // Connections that the system accepted before shutdown began still get an answer.
                let Some(accepted) = listener.accept().now_or_never() else { break };
                accepted
            } else {
                tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = shutdown.begun() => continue,
                }
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // Only after accepting, so that a listener without clients holds no slot.
            let slot = tokio::select! {
                biased;
                slot = self.acquire_slot() => slot,
                () = shutdown.begun() => None,
            };
            // A socket that does not support the option works without it.
            let _ = stream.set_nodelay(settings.nodelay);
            let connection =
                Connection { connections: self.clone(), service: service.clone(), shutdown: shutdown.clone() };
            tasks.spawn(connection.run(stream, settings.clone(), slot));
        }
        drop(listener);
        tasks.close();
        tasks.wait().await;
    }

    /// A slot for one more connection. If there is none, idle connections are closed.
    async fn acquire_slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Some(slot);
        }
        let waiting = self.slots.clone().acquire_owned();
        let mut waiting = std::pin::pin!(waiting);
        loop {
            match tokio::time::timeout(SLOT_WAIT, waiting.as_mut()).await {
                Ok(slot) => return slot.ok(),
                Err(_) => self.slots_needed.notify_waiters(),
            }
        }
    }
}

/// One connection.
struct Connection {
    connections: Connections,
    service: TowerToHyperService<Router>,
    shutdown: Shutdown,
}

impl Connection {
    async fn run(self, stream: TcpStream, settings: HttpSettings, slot: Option<OwnedSemaphorePermit>) {
        let _slot = slot;
        let _open = OpenGuard::new(self.connections.open.clone());
        let stream = WriteTimeout::new(stream, settings.write_timeout);
        match &settings.tls {
            None => self.serve(stream, &settings).await,
            Some(tls) => {
                if let Some(stream) = self.handshake(tls, stream, settings.head_timeout).await {
                    self.serve(stream, &settings).await;
                }
            }
        }
    }

    /// The TLS handshake. Shutdown aborts it, because no request can be pending before it ends.
    async fn handshake<S>(&self, tls: &TlsAcceptor, stream: S, timeout: Duration) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = tokio::select! {
            accepted = tokio::time::timeout(timeout, tls.accept(stream)) => accepted,
            () = self.shutdown.begun() => return None,
        };
        match accepted {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake timed out"),
        }
        None
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, settings: &HttpSettings) {
        let connection = settings.http.serve_connection(TokioIo::new(stream), self.service.clone());
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            // Read first: a client that has sent something is not idle.
            biased;
            ended = connection.as_mut() => ended,
            () = self.should_close() => {
                // Closes the connection if it is idle, otherwise after the current request.
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.shutdown.aborted() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection failed");
        }
    }

    /// Completes when the connection should serve no further request.
    async fn should_close(&self) {
        tokio::select! {
            () = self.shutdown.begun() => {}
            () = self.connections.slots_needed.notified() => {}
        }
    }
}

/// Counts an open connection until it is dropped, even if its task panics.
struct OpenGuard(Arc<AtomicUsize>);

impl OpenGuard {
    fn new(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
