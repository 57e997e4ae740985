//! A connection to one user's part of a server: HTTP client, address and token, and the checks that every answer passes.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::error::{SyncError, chain};
use crate::config::HttpConfig;
use crate::protocol::{Problem, ProblemKind, UserName};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may send nothing. It sends something at least once for each batch.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// Most bytes of an answer that is not a stream.
const ANSWER_LIMIT: usize = 64 << 10;

/// A connection to one user's part of a server. It holds the token.
pub(super) struct Connection {
    client: Client,
    base: Url,
}

impl Connection {
    /// A connection that fails when the server sends nothing for `timeout`, also while a long request body is sent.
    pub(super) fn new(
        config: &HttpConfig,
        timeout: Option<Duration>,
        address: &str,
        user: &UserName,
        token: &str,
    ) -> Result<Self, SyncError> {
        let invalid = |why| SyncError::Address { address: address.to_owned(), why };
        let mut base = Url::parse(address).map_err(|_| invalid("is not a URL such as https://sync.example.org"))?;
        let local = is_loopback(&base);
        match base.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => {
                return Err(invalid("is not encrypted, so the network could read the token; use https"));
            }
            _ => return Err(invalid("must begin with https:// or http://")),
        }
        base.path_segments_mut().map_err(|()| invalid("cannot have a path"))?.pop_if_empty().extend([
            "v1",
            "users",
            user.as_str(),
        ]);

        let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| SyncError::Token)?;
        authorization.set_sensitive(true);
        let mut builder = Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .http1_only()
            .tcp_nodelay(config.nodelay);
        if let Some(timeout) = timeout {
            builder = builder.read_timeout(timeout);
        }
        if !config.keep_alive {
            builder = builder.pool_max_idle_per_host(0);
        }
        if let Some(path) = &config.ca {
            builder = builder.tls_certs_only(read_authorities(path)?);
        } else if base.scheme() == "http" {
            // No certificate is checked, and loading those of the system takes longer than a small exchange.
            builder = builder.tls_certs_only([]);
        }
        if local {
            builder = builder.no_proxy();
        }
        Ok(Self { client: builder.build()?, base })
    }

    /// A request for a path below the user's.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        self.client.request(method, url)
    }
}

/// Sends a request; anything but a success is an error.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, SyncError> {
    check(request.send().await?).await
}

/// Anything but a success is an error.
pub(super) async fn check(response: Response) -> Result<Response, SyncError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem = serde_json::from_slice::<Problem>(&read(response).await?);
    Err(rejection(problem.unwrap_or_else(|_| Problem {
        uri: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Unknown").to_owned(),
        status: status.as_u16(),
        detail: "this is not an answer of a Benchline server: is the address right?".to_owned(),
    })))
}

/// The error of an exchange that a problem means.
pub(super) fn rejection(problem: Problem) -> SyncError {
    match problem.kind() {
        ProblemKind::Unauthorized => SyncError::Unauthorized,
        ProblemKind::HistoryMismatch => SyncError::ServerMismatch,
        ProblemKind::ReplicaForgotten => SyncError::Forgotten,
        ProblemKind::ReplicaMismatch => SyncError::Overtaken,
        _ => SyncError::Rejected(problem),
    }
}

/// The body of an answer, of bounded size.
pub(super) async fn read(response: Response) -> Result<Vec<u8>, SyncError> {
    read_up_to(response, ANSWER_LIMIT).await
}

/// The body of an answer, of at most `limit` bytes.
pub(super) async fn read_up_to(mut response: Response, limit: usize) -> Result<Vec<u8>, SyncError> {
    let mut whole = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if whole.len() + piece.len() > limit {
            return Err(SyncError::Protocol(format!("an answer is longer than {limit} bytes")));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Parses an answer in JSON.
pub(super) fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, SyncError> {
    serde_json::from_slice(answer).map_err(|error| SyncError::Protocol(error.to_string()))
}

/// The certificates in a PEM file. A file without any is an error: it would trust no server.
fn read_authorities(path: &Path) -> Result<Vec<Certificate>, SyncError> {
    let wrong = |why| SyncError::Authorities { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|error| wrong(chain(&error)))?;
    if certificates.is_empty() {
        Err(wrong("contains no certificate in PEM format".to_owned()))
    } else {
        Ok(certificates)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(address: &str) -> Result<Connection, SyncError> {
        Connection::new(&HttpConfig::default(), Some(TIMEOUT), address, &"ana".parse().unwrap(), "token")
    }

    #[test]
    fn tokens_are_never_sent_unencrypted() {
        for good in ["https://sync.example.org", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1/base/"] {
            connect(good).unwrap();
        }
        for bad in ["http://sync.example.org", "http://127.0.0.1.example.org", "ftp://127.0.0.1", "nonsense", "data:x"]
        {
            assert!(matches!(connect(bad), Err(SyncError::Address { .. })), "{bad}");
        }
    }

    #[test]
    fn paths_are_built_from_parts() {
        let connection = connect("http://localhost:1/base/").unwrap();
        let request = connection.request(Method::GET, &["a/b", ".."]).build().unwrap();
        assert_eq!(request.url().path(), "/base/v1/users/ana/a%2Fb");
    }
}
