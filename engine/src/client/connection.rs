//! One user's way to a server: the HTTP client, the address and the token, and what every answer is checked for.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, Url};

use super::error::{SyncError, chain};
use crate::config::HttpConfig;
use crate::protocol::{Problem, ProblemKind, UserName};

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may say nothing. It says something at least once for each batch.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Most bytes of an answer that is not a stream.
const ANSWER_LIMIT: usize = 64 << 10;

/// A way to one user's part of a server. It holds the token.
pub(super) struct Connection {
    client: Client,
    base: Url,
}

impl Connection {
    /// A connection that waits for `patience` when the server says nothing, its own silence during a long body included.
    pub(super) fn new(
        config: &HttpConfig,
        patience: Option<Duration>,
        address: &str,
        user: &UserName,
        token: &str,
    ) -> Result<Self, SyncError> {
        let wrong = |why| SyncError::Address { address: address.to_owned(), why };
        let mut base = Url::parse(address).map_err(|_| wrong("is no URL, such as https://sync.example.org"))?;
        let local = is_loopback(&base);
        match base.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => {
                return Err(wrong("is not encrypted, and the token would be shown to everyone on the way; use https"));
            }
            _ => return Err(wrong("begins with neither https:// nor http://")),
        }
        base.path_segments_mut().map_err(|()| wrong("cannot have a path"))?.pop_if_empty().extend([
            "v1",
            "users",
            user.as_str(),
        ]);

        let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| SyncError::Token)?;
        authorization.set_sensitive(true);
        let mut builder = Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]))
            .connect_timeout(CONNECT_PATIENCE)
            .redirect(Policy::none())
            .http1_only()
            .tcp_nodelay(config.nodelay);
        if let Some(patience) = patience {
            builder = builder.read_timeout(patience);
        }
        if !config.keep_alive {
            builder = builder.pool_max_idle_per_host(0);
        }
        if let Some(path) = &config.ca {
            builder = builder.tls_certs_only(authorities(path)?);
        } else if base.scheme() == "http" {
            // Nobody's certificate will be asked for, and reading those of the system takes longer than a small exchange.
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

/// Sends a request and lets nothing but a success through.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, SyncError> {
    check(request.send().await?).await
}

/// Lets nothing but a success through.
pub(super) async fn check(response: Response) -> Result<Response, SyncError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem = serde_json::from_slice::<Problem>(&read(response).await?);
    Err(refused(problem.unwrap_or_else(|_| Problem {
        uri: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Unknown").to_owned(),
        status: status.as_u16(),
        detail: "the answer is not this server's: is there something else at its address?".to_owned(),
    })))
}

/// What a problem means to an exchange.
pub(super) fn refused(problem: Problem) -> SyncError {
    match problem.kind() {
        ProblemKind::Unauthorized => SyncError::Unauthorized,
        ProblemKind::HistoryMismatch => SyncError::ServerMismatch,
        ProblemKind::ReplicaForgotten => SyncError::Forgotten,
        ProblemKind::ReplicaMismatch => SyncError::Overtaken,
        _ => SyncError::Refused(problem),
    }
}

/// A whole answer of bounded size.
pub(super) async fn read(response: Response) -> Result<Vec<u8>, SyncError> {
    read_up_to(response, ANSWER_LIMIT).await
}

/// A whole answer of at most `limit` bytes.
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

/// The certificates in a PEM file, of which there must be some: to trust nobody is a mistake.
fn authorities(path: &Path) -> Result<Vec<Certificate>, SyncError> {
    let wrong = |why| SyncError::Authorities { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|error| wrong(chain(&error)))?;
    if certificates.is_empty() { Err(wrong("holds no certificate in PEM".to_owned())) } else { Ok(certificates) }
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
        Connection::new(&HttpConfig::default(), Some(PATIENCE), address, &"ana".parse().unwrap(), "token")
    }

    #[test]
    fn tokens_do_not_travel_in_clear() {
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
