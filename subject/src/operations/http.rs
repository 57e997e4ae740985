//! A minimal HTTP client for requests that the engine's client does not make: those of a mail service and of a monitor. It
//! understands only the answers of the engine's own server, and must never be part of another measurement.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The longest line of an answer's head.
const LINE_LIMIT: u64 = 8 << 10;
/// The longest body of an answer.
const BODY_LIMIT: usize = 1 << 20;

/// A connection that is used for one request after another.
pub(super) struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Connection {
    /// Connects to `host`, an address and a port.
    pub(super) async fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { host: host.to_owned(), stream: BufReader::new(stream) })
    }

    /// Sends a request with a token, where there is one, and reads the answer.
    pub(super) async fn send(&mut self, method: &str, path: &str, token: Option<&str>, body: &[u8]) -> Result<Answer> {
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let (host, length) = (&self.host, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{bearer}\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(body).await?;
        self.stream.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| strange(&first))?;
        let mut length = 0;
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length =
                    value.trim().parse().ok().filter(|length| *length <= BODY_LIMIT).ok_or_else(|| strange(&line))?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(strange(&line));
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, body })
    }

    /// A line of the head, without its end; the empty one ends the head.
    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        (&mut self.stream).take(LINE_LIMIT).read_line(&mut line).await?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn strange(line: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the server answers `{line}`"))
}
