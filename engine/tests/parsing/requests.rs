//! Requests of strangers, given to the server without a network: method, path, headers and body are whatever the bytes
//! say. The fuzz target `requests` calls the same code. HTTP itself is hyper's; what it lets through is tried here.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use benchline_engine::config::{Config, Synchronous};
use benchline_engine::protocol::Problem;
use benchline_engine::server::{Server, Token, app};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

/// A server with two users, of whom one sends the requests.
pub(crate) struct Site {
    runtime: tokio::runtime::Runtime,
    service: TowerToHyperService<Router>,
    token: Token,
    // Last, so that the files go when nothing uses them any more.
    _folder: tempfile::TempDir,
}

impl Site {
    /// A server with a blob and little room.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.store.synchronous = Synchronous::Off;
        config.blobs.quota = 64 << 10;
        config.server.blob_bytes = 32 << 10;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (server, token) = runtime.block_on(async {
            let server = Server::open(folder.path(), &config).await.expect("a server");
            for name in ["ana", "bob"] {
                server.accounts().create_user(&name.parse().expect("a name")).await.expect("a user");
            }
            let hour = std::time::Duration::from_secs(3600);
            let token = server.accounts().create_token(&"ana".parse().expect("a name"), hour).await.expect("a token");
            (server, token)
        });
        let service = TowerToHyperService::new(app(server));
        let site = Self { runtime, service, token, _folder: folder };
        let digest = "Repr-Digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
        let put = format!("PUT /v1/users/ana/blobs/mail/a\n{digest}\nContent-Length: 3\n\nabc");
        assert_eq!(site.send(put.as_bytes()), Some(201));
        site
    }

    /// Sends what the bytes say: a line with method and path, lines with headers, an empty line, the body. Gives the status
    /// of the answer, where the bytes say a request at all.
    pub(crate) fn send(&self, bytes: &[u8]) -> Option<u16> {
        let request = self.request(bytes)?;
        let of_another = request.uri().path().starts_with("/v1/users/bob");
        let is_head = request.method() == "HEAD";
        let response = self.runtime.block_on(self.service.call(request)).expect("a router does not fail");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.runtime.block_on(axum::body::to_bytes(response.into_body(), 1 << 20)).expect("a body");
        assert!(!(of_another && status.is_success()), "it opened what is another's");
        assert_ne!(status.as_u16(), 500, "{}", String::from_utf8_lossy(&body));
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
            if is_head {
                assert!(body.is_empty());
                return Some(status.as_u16());
            }
            let problem: Problem = serde_json::from_slice(&body).expect("a problem");
            assert_eq!(problem.status, status.as_u16());
            assert!(!problem.detail.is_empty());
        }
        Some(status.as_u16())
    }

    fn request(&self, bytes: &[u8]) -> Option<Request> {
        let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
            Some(end) => (&bytes[..end], &bytes[end + 2..]),
            None => (bytes, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.next()?;
        let space = first.iter().position(|byte| *byte == b' ')?;
        let mut request = Request::builder().method(&first[..space]).uri(&first[space + 1..]);
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
        }
        let mut request = request.body(Body::from(Bytes::copy_from_slice(body))).ok()?;
        let token = format!("Bearer {}", self.token.as_str());
        request.headers_mut().entry(AUTHORIZATION).or_insert(token.parse().ok()?);
        Some(request)
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{Config, TestRunner};

    use super::*;
    use crate::parsing::{cases, hostile, seeds};

    #[test]
    fn no_request_makes_the_server_fail() {
        let site = Site::new();
        let seeds = seeds("requests");
        seeds.iter().for_each(|seed| assert!(site.send(seed).is_some(), "{}", String::from_utf8_lossy(seed)));
        let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&hostile(seeds), |bytes| {
            site.send(&bytes);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }
}
