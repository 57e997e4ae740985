//! One connection to the server of `reactor/pool`, kept alive, on a thread that waits for each answer. It must never be
//! used for another server: it understands only that server's HTTP.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A server that does not answer within this time has failed.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer.
const BODY_LIMIT: u64 = 64 << 20;

/// A connection.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to `http://HOST:PORT`.
    pub(super) fn open(address: &str) -> io::Result<Self> {
        let host = address.strip_prefix("http://").ok_or_else(|| io::Error::other("the address is not one of HTTP"))?;
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Makes a request without a body, and gives the body of the answer.
    pub(super) fn ask(&mut self, method: &str, path: &str) -> io::Result<Vec<u8>> {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: reactor\r\ncontent-length: 0\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let mut length = None;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok().filter(|length| *length <= BODY_LIMIT);
            }
        }
        let length = length.ok_or_else(|| io::Error::other("an answer without a length, or with too much of one"))?;
        let mut body = Vec::new();
        let read = (&mut self.stream).take(length).read_to_end(&mut body)?;
        if !status.starts_with("HTTP/1.1 200 ") || read as u64 != length {
            return Err(io::Error::other(format!("{method} {path} was answered with `{status}` and {read} bytes")));
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        (&mut self.stream).take(8 << 10).read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::Error::other("the answer's head ended too early")),
        }
    }
}
