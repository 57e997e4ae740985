//! One connection, over which a test says what it wants when it wants, and reads what it wants when it wants.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::TIMEOUT;
use crate::support::{Account, Answer};

/// A connection to a server.
pub(super) struct Talk {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Talk {
    /// To `address`, with or without `http://`.
    pub(super) async fn to(address: &str) -> Self {
        Self::try_to(address).await.unwrap()
    }

    pub(super) async fn try_to(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address.trim_start_matches("http://")).await?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends a whole request and reads its answer. The connection stays.
    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        self.send(head.as_bytes()).await;
        self.send(body).await;
        self.answer().await
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends what the other side may not want any more; answers whether it went.
    pub(super) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads the head of an answer and as much of the body as it announces.
    pub(super) async fn answer(&mut self) -> Answer {
        let end = self.read_until(b"\r\n\r\n").await;
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let body = match length {
            Some(length) => self.take(length).await,
            None => Vec::new(),
        };
        Answer { status, head, body }
    }

    /// Reads up to these bytes, and answers where they end.
    pub(super) async fn read_until(&mut self, end: &[u8]) -> usize {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return at + end.len();
            }
            assert!(self.read_more().await, "the connection ended: {}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Reads this many bytes.
    pub(super) async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.read_more().await, "the connection ended {} bytes early", count - self.read.len());
        }
        self.read.drain(..count).collect()
    }

    /// Whether the server ends the connection without another word.
    pub(super) async fn is_closed(&mut self) -> bool {
        assert!(self.read.is_empty(), "{}", String::from_utf8_lossy(&self.read));
        !self.read_more().await
    }

    /// Whether the server has ended it already.
    pub(super) async fn is_closed_by_now(&mut self) -> bool {
        let reading = tokio::time::timeout(Duration::from_millis(20), self.stream.read_buf(&mut self.read));
        matches!(reading.await, Ok(Ok(0) | Err(_)))
    }

    /// Whether anything is answered before the connection ends.
    pub(super) async fn has_answer(&mut self) -> bool {
        self.read_more().await
    }

    /// Whether some of an answer is there already.
    pub(super) async fn has_answer_by_now(&mut self) -> bool {
        let reading = tokio::time::timeout(Duration::from_millis(20), self.stream.read_buf(&mut self.read));
        matches!(reading.await, Ok(Ok(1..)))
    }

    /// Reads whatever comes, up to the end of the connection.
    pub(super) async fn drain(&mut self) {
        while self.read_more().await {}
    }

    async fn read_more(&mut self) -> bool {
        let read = tokio::time::timeout(TIMEOUT, self.stream.read_buf(&mut self.read)).await;
        matches!(read.expect("the server says nothing"), Ok(1..))
    }
}

/// The headers of a blob that is put.
pub(super) fn announcing(account: &Account, content: &[u8]) -> String {
    let digest = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content));
    format!("{}Repr-Digest: sha-256=:{digest}:\r\n", account.bearer())
}

/// The head of a request with a body of `length` bytes.
pub(super) fn head(method: &str, path: &str, headers: &str, length: usize) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes()
}
