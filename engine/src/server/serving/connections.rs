//! The connections of one listener, from the moment that they are accepted: bounded in number, in the size of their heads
//! and in their patience. None may hold up another.

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

use super::patient::Patient;
use super::stop::Stop;
use crate::config::Config;

/// Bytes that a connection buffers, and so about the most that the head of a request may take: hyper answers 431
/// to much more.
const BUFFER: usize = 64 << 10;

/// How many times the silence that a body is allowed a client may take to read something. More, because the system holds
/// megabytes for a client and tells of progress in large steps only.
const READING: u32 = 4;

/// How long to wait after a connection could not be accepted, for want of file descriptors, say.
const PAUSE: Duration = Duration::from_millis(50);

/// How long someone waits for a place before connections that are idle must go.
const CROWDED: Duration = Duration::from_secs(1);

/// How HTTP is spoken.
#[derive(Clone)]
pub(in crate::server) struct Protocol {
    http: http1::Builder,
    nodelay: bool,
    /// For the handshake of TLS, too.
    head: Duration,
    reading: Duration,
    tls: Option<TlsAcceptor>,
}

impl Protocol {
    /// As the knobs say; encrypted with `tls`.
    pub(in crate::server) fn new(config: &Config, tls: Option<TlsAcceptor>) -> Self {
        let limits = &config.server;
        let head = Duration::from_secs(limits.head_seconds.into());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(head)
            .max_headers(limits.headers)
            .max_buf_size(BUFFER)
            .keep_alive(config.http.keep_alive);
        let reading = Duration::from_secs(limits.body_seconds.into()).saturating_mul(READING);
        Self { http, nodelay: config.http.nodelay, head, reading, tls }
    }
}

/// The places for connections, which all listeners of a process share.
#[derive(Clone)]
pub(in crate::server) struct Connections {
    places: Arc<Semaphore>,
    /// Tells connections that others wait for their places.
    crowded: Arc<Notify>,
    open: Arc<AtomicUsize>,
}

impl Connections {
    /// This many at once; more wait to be accepted, and make those that are idle go.
    pub(in crate::server) fn new(places: usize) -> Self {
        let places = Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)));
        Self { places, crowded: Arc::default(), open: Arc::default() }
    }

    /// How many there are.
    pub(in crate::server) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Serves `app` on `listener` until told to end, and completes when the last request is answered.
    pub(in crate::server) async fn serve(&self, listener: TcpListener, app: Router, protocol: Protocol, stop: Stop) {
        let tasks = TaskTracker::new();
        let service = TowerToHyperService::new(app);
        loop {
            let accepted = if stop.is_asked() {
                // Those who were let in by the system before it was time to end still get an answer.
                let Some(accepted) = listener.accept().now_or_never() else { break };
                accepted
            } else {
                tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.asked() => continue,
                }
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // Only now, so that a listener that nobody comes to holds no place.
            let place = tokio::select! {
                biased;
                place = self.place() => place,
                () = stop.asked() => None,
            };
            // A socket that refuses the option works without it.
            let _ = stream.set_nodelay(protocol.nodelay);
            let conversation = Conversation { connections: self.clone(), service: service.clone(), stop: stop.clone() };
            tasks.spawn(conversation.hold(stream, protocol.clone(), place));
        }
        drop(listener);
        tasks.close();
        tasks.wait().await;
    }

    /// A place for one more. Where there is none, those that nobody needs at the moment are given up.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        let waiting = self.places.clone().acquire_owned();
        let mut waiting = std::pin::pin!(waiting);
        loop {
            match tokio::time::timeout(CROWDED, waiting.as_mut()).await {
                Ok(place) => return place.ok(),
                Err(_) => self.crowded.notify_waiters(),
            }
        }
    }
}

/// One connection.
struct Conversation {
    connections: Connections,
    service: TowerToHyperService<Router>,
    stop: Stop,
}

impl Conversation {
    async fn hold(self, stream: TcpStream, protocol: Protocol, place: Option<OwnedSemaphorePermit>) {
        let _place = place;
        let _counted = Counted::new(self.connections.open.clone());
        let stream = Patient::new(stream, protocol.reading);
        match &protocol.tls {
            None => self.converse(stream, &protocol).await,
            Some(tls) => {
                if let Some(stream) = self.agree(tls, stream, protocol.head).await {
                    self.converse(stream, &protocol).await;
                }
            }
        }
    }

    /// The handshake of TLS, while there is time for it: before its end nothing was asked that could be left unanswered.
    async fn agree<S>(&self, tls: &TlsAcceptor, stream: S, patience: Duration) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let agreed = tokio::select! {
            agreed = tokio::time::timeout(patience, tls.accept(stream)) => agreed,
            () = self.stop.asked() => return None,
        };
        match agreed {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%error, "a client and the server do not agree on TLS"),
            Err(_) => tracing::debug!("a client took too long to agree on TLS"),
        }
        None
    }

    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin, protocol: &Protocol) {
        let connection = protocol.http.serve_connection(TokioIo::new(stream), self.service.clone());
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            // Read first: who has sent something is not idle.
            biased;
            ended = connection.as_mut() => ended,
            () = self.enough() => {
                // Closes it if it is idle, and else after the request that is under way.
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.stop.asked_at_once() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Completes when the connection shall serve no further request.
    async fn enough(&self) {
        tokio::select! {
            () = self.stop.asked() => {}
            () = self.connections.crowded.notified() => {}
        }
    }
}

/// Counts itself for as long as it lives, even if its task panics.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
