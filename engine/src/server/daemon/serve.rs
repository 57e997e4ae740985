//! A single server process. It listens before it opens its data, so that a port that is in use is detected early. It closes its
//! data after the last request, so that nothing that was accepted is lost.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::connections::HttpSettings;
use super::descriptors;
use super::options::{ServeError, ServeOptions, is_loopback};
use super::runtimes::Runtimes;
use super::shutdown::Shutdown;
use super::sockets;
use super::tls::Certificate;
use crate::config::ServerConfig;
use crate::server::app::app;
use crate::server::blobs::sweep_periodically;
use crate::server::incoming::incoming_app;
use crate::server::state::Server;

/// How long aborted requests may take to send their answers.
const FLUSH: Duration = Duration::from_secs(1);

/// A server that listens, and answers once it runs.
pub struct BoundServer {
    server: Server,
    addresses: Vec<SocketAddr>,
    /// For each runtime, one listener on each address.
    listeners: Vec<Vec<std::net::TcpListener>>,
    /// The address for mail services, and for each runtime one listener there.
    incoming: Option<(SocketAddr, Vec<std::net::TcpListener>)>,
    certificate: Option<Arc<Certificate>>,
}

impl BoundServer {
    /// Listens on the addresses in the options, and opens the data.
    ///
    /// # Errors
    /// [`ServeError`] if the options are invalid, or something that they name cannot be used.
    pub async fn open(options: ServeOptions) -> Result<Self, ServeError> {
        options.check()?;
        let ServeOptions { data, listen, incoming, tls, config, .. } = options;
        let certificate = tls.map(Certificate::load).transpose()?;
        let (addresses, listeners) = bind(&listen, &config.server)?;
        descriptors::raise_limit(&config.server);
        let incoming = incoming.map(|address| bind(&[address], &config.server)).transpose()?;
        let incoming = incoming
            .and_then(|(addresses, listeners)| Some((*addresses.first()?, listeners.into_iter().flatten().collect())));
        let server = Server::open(&data, &config).await?;
        Ok(Self { server, addresses, listeners, incoming, certificate })
    }

    /// The addresses that it listens on, with the actual ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The address for mail services.
    pub fn incoming_address(&self) -> Option<SocketAddr> {
        self.incoming.as_ref().map(|(address, _)| *address)
    }

    /// The data that it serves.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until shutdown begins, lets current requests finish (for at most `server.stop_seconds`), and closes the data.
    ///
    /// # Errors
    /// [`ServeError::Aborted`] if it was shut down immediately.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), ServeError> {
        let Self { server, listeners, incoming, certificate, .. } = self;
        let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        let settings = HttpSettings::new(server.config(), acceptor);
        let runtimes = Runtimes::start(listeners.len())?;
        let mut endpoints = Vec::new();
        for (runtime, listeners) in runtimes.handles().iter().zip(listeners) {
            for listener in listeners {
                endpoints.push(Endpoint::open(runtime, listener, app(server.clone()), settings.clone())?);
            }
        }
        if let Some((address, listeners)) = incoming {
            let settings = if is_loopback(&address) { HttpSettings::new(server.config(), None) } else { settings };
            for (runtime, listener) in runtimes.handles().iter().zip(listeners) {
                endpoints.push(Endpoint::open(runtime, listener, incoming_app(server.clone()), settings.clone())?);
            }
        }
        let reloading = certificate.map(|certificate| tokio::spawn(certificate.reload_on_change()));
        let outcome = serve_endpoints(server, endpoints, shutdown.child()).await;
        if let Some(reloading) = reloading {
            reloading.abort();
        }
        outcome
    }
}

/// Serves on the caller's listener until `shutdown` completes, then lets requests finish and closes the data. It uses the
/// caller's runtime and no TLS, for tests and other programs.
///
/// # Errors
/// [`ServeError`] if the listener fails.
pub async fn run(listener: TcpListener, server: Server, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let endpoint = Endpoint::current(listener, app(server.clone()), &server);
    run_endpoints(vec![endpoint], server, shutdown).await
}

/// Like [`run`], with a second listener for mail services.
///
/// # Errors
/// [`ServeError`] if a listener fails.
pub async fn run_with_incoming(
    listener: TcpListener,
    incoming: TcpListener,
    server: Server,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let endpoint = Endpoint::current(listener, app(server.clone()), &server);
    let incoming = Endpoint::current(incoming, incoming_app(server.clone()), &server);
    run_endpoints(vec![endpoint, incoming], server, shutdown).await
}

async fn run_endpoints(
    endpoints: Vec<Endpoint>,
    server: Server,
    until: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let shutdown = Shutdown::new();
    let serving = serve_endpoints(server, endpoints, shutdown.clone());
    let waiting = async {
        until.await;
        shutdown.begin();
    };
    tokio::join!(serving, waiting).0
}

/// A listener, the routes and settings that it is served with, and the runtime.
struct Endpoint {
    runtime: Handle,
    listener: TcpListener,
    app: Router,
    settings: HttpSettings,
}

impl Endpoint {
    fn open(
        runtime: &Handle,
        listener: std::net::TcpListener,
        app: Router,
        settings: HttpSettings,
    ) -> Result<Self, ServeError> {
        let _inside = runtime.enter();
        let failed = |source| ServeError::System { what: "cannot register a socket with the runtime", source };
        Ok(Self { runtime: runtime.clone(), listener: TcpListener::from_std(listener).map_err(failed)?, app, settings })
    }

    /// An endpoint in the current runtime, without TLS.
    fn current(listener: TcpListener, app: Router, server: &Server) -> Self {
        Self { runtime: Handle::current(), listener, app, settings: HttpSettings::new(server.config(), None) }
    }
}

/// A socket for each runtime on each address, and the addresses with their ports.
type Bound = (Vec<SocketAddr>, Vec<Vec<std::net::TcpListener>>);

fn bind(listen: &[SocketAddr], config: &ServerConfig) -> Result<Bound, ServeError> {
    let (runtimes, processes) = (config.runtimes.get(), config.processes.get());
    let mut addresses = Vec::new();
    let mut listeners: Vec<Vec<_>> = (0..runtimes).map(|_| Vec::new()).collect();
    for address in listen {
        // If there are several processes, the supervisor has reserved it for all of them.
        let reserved = if runtimes > 1 && processes == 1 { Some(sockets::reserve(*address)?) } else { None };
        let address = reserved.as_ref().map_or(*address, |reserved| reserved.address);
        let mut bound = address;
        for listeners in &mut listeners {
            let exclusive = runtimes == 1 && processes == 1;
            let listener = if exclusive { sockets::exclusive(address) } else { sockets::shared(bound) }?;
            bound = listener.local_addr().map_err(|source| ServeError::Listen { address, source })?;
            listeners.push(listener);
        }
        addresses.push(bound);
    }
    Ok((addresses, listeners))
}

/// Serves at all endpoints, each in its runtime, from the first request to the last.
async fn serve_endpoints(server: Server, endpoints: Vec<Endpoint>, shutdown: Shutdown) -> Result<(), ServeError> {
    let grace = Duration::from_secs(server.config().server.stop_seconds.into());
    let serving: Vec<_> = endpoints
        .into_iter()
        .map(|Endpoint { runtime, listener, app, settings }| {
            let (connections, shutdown) = (server.connections().clone(), shutdown.clone());
            runtime.spawn(async move { connections.serve(listener, app, settings, shutdown).await })
        })
        .collect();
    let sweeping = tokio::spawn(sweep_periodically(server.clone()));
    shutdown.begun().await;
    server.set_stopping();
    sweeping.abort();
    let ending = async {
        let mut serving = std::pin::pin!(join_all(serving));
        let finished = tokio::time::timeout(grace, serving.as_mut()).await.is_ok();
        server.close().await;
        if !finished {
            tracing::warn!("some requests did not finish in time and were aborted");
            // Closing the data ends uploads with an answer, which still has to be sent.
            let _ = tokio::time::timeout(FLUSH, serving).await;
        }
    };
    tokio::select! {
        () = ending => {
            // Connections that are still open are closed.
            shutdown.abort();
            Ok(())
        }
        () = shutdown.aborted() => Err(ServeError::Aborted),
    }
}
