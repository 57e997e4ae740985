//! Blobs over HTTP: what a client may rely on, what it is refused, and the defects of an earlier server that must not
//! come back.

mod bundles;
mod defects;
mod deletion;
mod limits;
mod resume;
mod storage;
mod sweep;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use benchline_engine::protocol::{BlobList, BlobUsage};
use tokio::net::TcpStream;

use crate::support::{Account, Answer, Http};

/// One user's blobs at a server.
pub(crate) struct Blobs<'a> {
    pub(crate) http: Http,
    account: &'a Account,
}

impl<'a> Blobs<'a> {
    pub(crate) fn of(account: &'a Account, address: &str) -> Self {
        Self { http: Http::to(address), account }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/users/{}/blobs/{rest}", self.account.name)
    }

    pub(crate) async fn ask(&self, method: &str, rest: &str, headers: &str, body: &[u8]) -> Answer {
        self.http.of(self.account, method, &self.path(rest), headers, body).await
    }

    /// A request whose body of `length` bytes the server has asked for. None of it was sent.
    async fn start(&self, method: &str, path: &str, headers: &str, length: usize) -> TcpStream {
        self.http.begin(method, path, &format!("{}{headers}", self.account.bearer()), length).await
    }

    /// Puts a whole blob.
    pub(crate) async fn put(&self, rest: &str, content: &[u8]) -> Answer {
        self.ask("PUT", rest, &repr_digest(content), content).await
    }

    pub(crate) async fn get(&self, rest: &str) -> Answer {
        self.ask("GET", rest, "", b"").await
    }

    pub(crate) async fn list(&self, rest: &str) -> BlobList {
        let answer = self.get(rest).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    async fn ids(&self, rest: &str) -> Vec<String> {
        self.list(rest).await.blobs.into_iter().map(|entry| entry.id.into()).collect()
    }

    pub(crate) async fn usage(&self) -> BlobUsage {
        let path = format!("/v1/users/{}/blobs", self.account.name);
        serde_json::from_slice(&self.http.of(self.account, "GET", &path, "", b"").await.body).unwrap()
    }

    /// Appends to an upload.
    pub(crate) async fn append(&self, rest: &str, offset: usize, last: bool, body: &[u8]) -> Answer {
        let headers = format!(
            "Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: ?{}\r\n",
            u8::from(last)
        );
        self.ask("PATCH", &format!("{rest}/upload"), &headers, body).await
    }

    /// Begins an upload of `content` with its first bytes.
    pub(crate) async fn begin(&self, rest: &str, content: &[u8], first: usize) -> Answer {
        let headers = format!("{}Upload-Length: {}\r\nUpload-Complete: ?0\r\n", repr_digest(content), content.len());
        self.ask("PUT", rest, &headers, &content[..first]).await
    }
}

/// The header that announces this content.
fn repr_digest(content: &[u8]) -> String {
    format!("Repr-Digest: sha-256=:{}:\r\n", STANDARD.encode(digest(&SHA256, content)))
}

/// A header of an answer.
fn field(answer: &Answer, name: &str) -> Option<String> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}
