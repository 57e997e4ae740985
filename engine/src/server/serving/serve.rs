//! One process that serves. It listens before it opens its data, so a port that is taken costs nothing; and it closes its data
//! after the last request, so nothing that was accepted is lost.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::connections::Protocol;
use super::descriptors;
use super::options::{ServeError, ServeOptions};
use super::runtimes::Runtimes;
use super::sockets;
use super::stop::Stop;
use super::tls::Certificate;
use crate::config::ServerConfig;
use crate::server::app::app;
use crate::server::blobs::keep_swept;
use crate::server::state::Server;

/// A server that listens, and answers once it runs.
pub struct Serving {
    server: Server,
    addresses: Vec<SocketAddr>,
    /// For each runtime, one on each address.
    listeners: Vec<Vec<std::net::TcpListener>>,
    certificate: Option<Arc<Certificate>>,
}

impl Serving {
    /// Listens as the options say, and opens the data.
    ///
    /// # Errors
    /// [`ServeError`] where the options make no sense, or something that they name cannot be used.
    pub async fn open(options: ServeOptions) -> Result<Self, ServeError> {
        options.check()?;
        let ServeOptions { data, listen, tls, config, .. } = options;
        let certificate = tls.map(Certificate::load).transpose()?;
        let (addresses, listeners) = bind(&listen, &config.server)?;
        descriptors::provide(&config.server);
        let server = Server::open(&data, &config).await?;
        Ok(Self { server, addresses, listeners, certificate })
    }

    /// Where it listens, with the ports that it got.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The data that it serves.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until told to end, lets requests under way finish (for as long as `server.stop_seconds`), and closes the data.
    ///
    /// # Errors
    /// [`ServeError::AtOnce`] where it was told to end at once; see there.
    pub async fn run(self, stop: Stop) -> Result<(), ServeError> {
        let Self { server, listeners, certificate, .. } = self;
        let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        let protocol = Protocol::new(server.config(), acceptor);
        let runtimes = Runtimes::start(listeners.len())?;
        let mut listening = Vec::new();
        for (runtime, listeners) in runtimes.handles().iter().zip(listeners) {
            for listener in listeners {
                let _inside = runtime.enter();
                let failed = |source| ServeError::System { what: "a socket cannot be waited for", source };
                listening.push((runtime.clone(), TcpListener::from_std(listener).map_err(failed)?));
            }
        }
        let fresh = certificate.map(|certificate| tokio::spawn(certificate.keep_fresh()));
        let outcome = conduct(server, listening, protocol, stop.child()).await;
        if let Some(fresh) = fresh {
            fresh.abort();
        }
        outcome
    }
}

/// Serves on a listener of the caller's until `shutdown` completes, then lets requests finish and closes the data: what
/// tests and other programs need, in the caller's own runtime and without TLS.
///
/// # Errors
/// [`ServeError`] where the listener does not work.
pub async fn run(listener: TcpListener, server: Server, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let stop = Stop::new();
    let protocol = Protocol::new(server.config(), None);
    let serving = conduct(server, vec![(Handle::current(), listener)], protocol, stop.clone());
    let telling = async {
        shutdown.await;
        stop.gently();
    };
    tokio::join!(serving, telling).0
}

/// A socket for each runtime on each address, and the addresses with their ports.
type Bound = (Vec<SocketAddr>, Vec<Vec<std::net::TcpListener>>);

fn bind(listen: &[SocketAddr], config: &ServerConfig) -> Result<Bound, ServeError> {
    let (runtimes, processes) = (config.runtimes.get(), config.processes.get());
    let mut addresses = Vec::new();
    let mut listeners: Vec<Vec<_>> = (0..runtimes).map(|_| Vec::new()).collect();
    for address in listen {
        // Where there are several processes, it was reserved for all of them.
        let reserved = if runtimes > 1 && processes == 1 { Some(sockets::reserve(*address)?) } else { None };
        let address = reserved.as_ref().map_or(*address, |reserved| reserved.address);
        let mut bound = address;
        for listeners in &mut listeners {
            let alone = runtimes == 1 && processes == 1;
            let listener = if alone { sockets::alone(address) } else { sockets::shared(bound) }?;
            bound = listener.local_addr().map_err(|source| ServeError::Listen { address, source })?;
            listeners.push(listener);
        }
        addresses.push(bound);
    }
    Ok((addresses, listeners))
}

/// Serves on all listeners, each in its runtime, from the first request to the last.
async fn conduct(
    server: Server,
    listeners: Vec<(Handle, TcpListener)>,
    protocol: Protocol,
    stop: Stop,
) -> Result<(), ServeError> {
    let farewell = Duration::from_secs(server.config().server.stop_seconds.into());
    let app = app(server.clone());
    let serving: Vec<_> = listeners
        .into_iter()
        .map(|(runtime, listener)| {
            let (connections, app, protocol, stop) =
                (server.connections().clone(), app.clone(), protocol.clone(), stop.clone());
            runtime.spawn(async move { connections.serve(listener, app, protocol, stop).await })
        })
        .collect();
    let sweeping = tokio::spawn(keep_swept(server.clone()));
    stop.asked().await;
    server.begin_to_stop();
    sweeping.abort();
    let ending = async {
        if tokio::time::timeout(farewell, join_all(serving)).await.is_err() {
            tracing::warn!("some requests did not finish in time and were broken off");
        }
        server.close().await;
    };
    tokio::select! {
        () = ending => {
            // What is still connected has nobody to talk to.
            stop.at_once();
            Ok(())
        }
        () = stop.asked_at_once() => Err(ServeError::AtOnce),
    }
}
