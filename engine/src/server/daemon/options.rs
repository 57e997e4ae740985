//! The options of a server process, and its errors.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::server::OpenError;

/// The options of a server process.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The data folder, which is created if it does not exist.
    pub data: PathBuf,
    /// The addresses to listen on. Port 0 means any free port; [`super::BoundServer::addresses`] has the actual one. A process
    /// of a [`super::Supervisor`] gets the addresses that the supervisor reserved.
    pub listen: Vec<SocketAddr>,
    /// The address on which mail services deliver messages, if any. On the loopback they do so without TLS. Processes of a
    /// [`super::Supervisor`] share an explicit port, but not port 0.
    pub incoming: Option<SocketAddr>,
    /// The TLS certificate. Without it, connections are not encrypted.
    pub tls: Option<TlsFiles>,
    /// Where unencrypted connections are allowed.
    pub plain: PlainHttp,
    /// The settings.
    pub config: Config,
}

/// A certificate and its key, as PEM files. They are reloaded when they change, and on SIGHUP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by the intermediate certificates.
    pub chain: PathBuf,
    /// The private key of the server's certificate (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Where requests, including their tokens, may be sent without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only within this machine.
    #[default]
    Loopback,
    /// Anywhere: something else encrypts, for example a reverse proxy in another container.
    Anywhere,
}

/// The server could not start, or stopped with an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no address to listen on.
    #[error("no address to listen on: name at least one, such as 127.0.0.1:8008")]
    NoAddress,
    /// Tokens would be sent over the network unencrypted.
    #[error(
        "{0} can be reached from other machines, and without TLS anybody on the network could read the tokens: provide a \
         certificate and its key, or listen on the loopback behind a reverse proxy, or allow plain HTTP anywhere"
    )]
    PlainHttp(SocketAddr),
    /// Listening on an address failed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A certificate or its key cannot be used.
    #[error("{path}: {why}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// The cause.
        why: String,
    },
    /// The data cannot be opened.
    #[error("cannot open the server's data: {0}")]
    Open(#[from] OpenError),
    /// An operation of the system failed.
    #[error("{what}: {source}")]
    System {
        /// The operation.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// A process of a supervisor ends repeatedly soon after it starts.
    #[error(
        "process {number} ended {times} times within seconds of its start, the last time with {status}: see its log"
    )]
    Process {
        /// The number of the process, from 0.
        number: usize,
        /// The number of consecutive early ends.
        times: u32,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It was shut down immediately, so requests were aborted. Nothing that was acknowledged is lost.
    #[error("shut down immediately: current requests were aborted")]
    Aborted,
}

/// Whether an address can be reached only from this machine.
pub(super) fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

impl ServeOptions {
    /// Rejects options that would send tokens over the network unencrypted.
    pub(super) fn check(&self) -> Result<(), ServeError> {
        if self.listen.is_empty() {
            return Err(ServeError::NoAddress);
        }
        let exposed = self.listen.iter().chain(&self.incoming).find(|address| !is_loopback(address));
        match exposed {
            Some(address) if self.tls.is_none() && self.plain == PlainHttp::Loopback => {
                Err(ServeError::PlainHttp(*address))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &[&str], tls: bool, plain: PlainHttp) -> Result<(), ServeError> {
        let tls = tls.then(|| TlsFiles { chain: "chain.pem".into(), key: "key.pem".into() });
        let listen = listen.iter().map(|address| address.parse().unwrap()).collect();
        options(listen, None, tls, plain).check()
    }

    fn options(
        listen: Vec<SocketAddr>,
        incoming: Option<SocketAddr>,
        tls: Option<TlsFiles>,
        plain: PlainHttp,
    ) -> ServeOptions {
        ServeOptions { data: "data".into(), listen, incoming, tls, plain, config: Config::default() }
    }

    #[test]
    fn tokens_of_services_stay_within_the_machine_too() {
        let check = |incoming: &str, tls| {
            let listen = vec!["127.0.0.1:0".parse().unwrap()];
            options(listen, Some(incoming.parse().unwrap()), tls, PlainHttp::Loopback).check()
        };
        check("127.0.0.1:2525", None).unwrap();
        assert!(matches!(check("0.0.0.0:2525", None), Err(ServeError::PlainHttp(address)) if address.port() == 2525));
        check("0.0.0.0:2525", Some(TlsFiles { chain: "chain.pem".into(), key: "key.pem".into() })).unwrap();
    }

    #[test]
    fn plain_http_stays_within_the_machine_unless_allowed_explicitly() {
        check(&["127.0.0.1:0", "[::1]:0", "127.8.8.8:1", "[::ffff:127.0.0.1]:1"], false, PlainHttp::Loopback).unwrap();
        for exposed in ["0.0.0.0:80", "[::]:80", "192.168.1.2:80", "[::ffff:192.168.1.2]:80"] {
            let refused = check(&["127.0.0.1:0", exposed], false, PlainHttp::Loopback);
            assert!(matches!(refused, Err(ServeError::PlainHttp(address)) if address.to_string() == exposed));
            check(&[exposed], true, PlainHttp::Loopback).unwrap();
            check(&[exposed], false, PlainHttp::Anywhere).unwrap();
        }
        assert!(matches!(check(&[], true, PlainHttp::Anywhere), Err(ServeError::NoAddress)));
    }
}
