//! What whoever runs a server must say, and what may be wrong with it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::server::OpenError;

/// Everything that a process needs to know to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The folder of data, made where it is absent.
    pub data: PathBuf,
    /// Where to listen. Port 0 is any free one; [`super::Serving::addresses`] says which. A process of a
    /// [`super::Family`] gets what the family reserved.
    pub listen: Vec<SocketAddr>,
    /// What to prove who the server is with. Without, everything travels as it is.
    pub tls: Option<TlsFiles>,
    /// Where it may travel as it is.
    pub plain: Plain,
    /// The knobs.
    pub config: Config,
}

/// A certificate and its key, as PEM files. They are read again when they change, and on SIGHUP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those that lead from it to one that clients know.
    pub chain: PathBuf,
    /// The private key of the first of them (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Where requests, tokens included, may travel without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Plain {
    /// Within this machine.
    #[default]
    Loopback,
    /// Anywhere: someone else encrypts, such as a reverse proxy in another container.
    Anywhere,
}

/// Why a server does not serve, or no longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Nobody said where to listen.
    #[error("no address to listen on: name at least one, such as 127.0.0.1:8008")]
    Nowhere,
    /// Tokens would be shown to the network.
    #[error(
        "{0} can be reached from other machines, and without TLS the tokens would be shown to everyone on the way: \
         give a certificate and its key, or listen on the loopback behind a reverse proxy, or allow plain HTTP anywhere"
    )]
    Plain(SocketAddr),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A certificate or its key cannot be used.
    #[error("{path}: {why}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The data do not open.
    #[error("the server's data do not open: {0}")]
    Open(#[from] OpenError),
    /// A thread or a signal cannot be had.
    #[error("{what}: {source}")]
    System {
        /// What cannot be done.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Processes of a family end as soon as they begin.
    #[error(
        "process {number} ended {times} times in its first seconds, the last time with {status}: its messages say why"
    )]
    Process {
        /// Which one, counted from 0.
        number: usize,
        /// How often in a row.
        times: u32,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It was told to end at once, so requests were broken off. Nothing that was acknowledged is lost.
    #[error("ended at once: requests under way were broken off")]
    AtOnce,
}

impl ServeOptions {
    /// Refuses what would show tokens to the network.
    pub(super) fn check(&self) -> Result<(), ServeError> {
        if self.listen.is_empty() {
            return Err(ServeError::Nowhere);
        }
        let exposed = self.listen.iter().find(|address| !address.ip().to_canonical().is_loopback());
        match exposed {
            Some(address) if self.tls.is_none() && self.plain == Plain::Loopback => Err(ServeError::Plain(*address)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &[&str], tls: bool, plain: Plain) -> Result<(), ServeError> {
        let tls = tls.then(|| TlsFiles { chain: "chain.pem".into(), key: "key.pem".into() });
        let listen = listen.iter().map(|address| address.parse().unwrap()).collect();
        ServeOptions { data: "data".into(), listen, tls, plain, config: Config::default() }.check()
    }

    #[test]
    fn plain_http_stays_within_the_machine_unless_allowed_in_words() {
        check(&["127.0.0.1:0", "[::1]:0", "127.8.8.8:1", "[::ffff:127.0.0.1]:1"], false, Plain::Loopback).unwrap();
        for exposed in ["0.0.0.0:80", "[::]:80", "192.168.1.2:80", "[::ffff:192.168.1.2]:80"] {
            let refused = check(&["127.0.0.1:0", exposed], false, Plain::Loopback);
            assert!(matches!(refused, Err(ServeError::Plain(address)) if address.to_string() == exposed));
            check(&[exposed], true, Plain::Loopback).unwrap();
            check(&[exposed], false, Plain::Anywhere).unwrap();
        }
        assert!(matches!(check(&[], true, Plain::Anywhere), Err(ServeError::Nowhere)));
    }
}
