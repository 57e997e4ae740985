//! One client's connection: sends a request, reads the whole answer, and checks whether it was right. Buffers are kept from
//! one request to the next. It must never keep more of an answer than a buffer holds.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::{Framing, Head};
use super::exchange::Answer;
use super::request::RequestTemplate;
use super::tally::{Fault, Volume};

/// Also the longest head.
const BUFFER: usize = 64 << 10;

/// A connection, open or not.
pub(super) struct Connection {
    target: SocketAddr,
    keep_alive: bool,
    timeout: Duration,
    answer_limit: u64,
    stream: Option<TcpStream>,
    request: String,
    buffer: Box<[u8]>,
    /// What was read into the buffer and not taken yet.
    read: std::ops::Range<usize>,
    /// Since the last [`Connection::take_used`].
    used: Used,
}

/// What a connection was used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) sent: Volume,
    pub(super) received: Volume,
    pub(super) opened: u64,
}

impl Connection {
    pub(super) fn new(target: SocketAddr, keep_alive: bool, timeout: Duration, answer_limit: u64) -> Self {
        Self {
            target,
            keep_alive,
            timeout,
            answer_limit,
            stream: None,
            request: String::new(),
            buffer: vec![0; BUFFER].into(),
            read: 0..0,
            used: Used::default(),
        }
    }

    /// Connects ahead of time, where connections are kept. Where that fails, the next request tries again and reports why.
    pub(super) async fn prepare(&mut self) {
        if self.keep_alive
            && let Ok(Ok(stream)) = tokio::time::timeout(self.timeout, open(self.target)).await
        {
            self.stream = Some(stream);
            self.used.opened += 1;
        }
    }

    /// Does one exchange, opening a connection where there is none.
    pub(super) async fn exchange(&mut self, request: &RequestTemplate, number: u64, turn: u64) -> Result<(), Fault> {
        let timeout = self.timeout;
        let outcome = match tokio::time::timeout(timeout, self.send_and_read(request, number, turn)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::Timeout),
        };
        // After a whole answer the connection is as before; after anything else its state is unknown.
        if !matches!(outcome, Ok(()) | Err(Fault::Status | Fault::Content)) {
            self.stream = None;
        }
        outcome
    }

    /// What it was used for since this was last asked.
    pub(super) fn take_used(&mut self) -> Used {
        std::mem::take(&mut self.used)
    }

    async fn send_and_read(&mut self, request: &RequestTemplate, number: u64, turn: u64) -> Result<(), Fault> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = open(self.target).await.map_err(|error| connecting(&error))?;
                self.used.opened += 1;
                stream
            }
        };
        self.read = 0..0;
        let rest = request.render(number, turn, &mut self.request);
        let templated = self.request.len() - self.request.find("\r\n\r\n").map_or(0, |end| end + 4);
        let written = send(&mut stream, self.request.as_bytes(), rest).await;
        self.used
            .sent
            .add(Volume { bodies: (templated + rest.len()) as u64, whole: (self.request.len() + rest.len()) as u64 });
        // A server may answer and close before it has read everything; then its answer is more informative than the failed write.
        let answered = self.read_answer(&mut stream, request).await;
        let (status, right, again) = match (written, answered) {
            (_, Ok(answer)) => answer,
            (Ok(()), Err(fault)) => return Err(fault),
            (Err(_), Err(_)) => return Err(Fault::Reset),
        };
        if again {
            self.stream = Some(stream);
        }
        match (status == request.status, right) {
            (false, _) => Err(Fault::Status),
            (true, false) => Err(Fault::Content),
            (true, true) => Ok(()),
        }
    }

    /// Status, whether the body is right, and whether the connection can be used again.
    async fn read_answer(
        &mut self,
        stream: &mut TcpStream,
        request: &RequestTemplate,
    ) -> Result<(u16, bool, bool), Fault> {
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer[self.read.clone()], request.is_head)? {
                self.read.start += head.length;
                if head.status >= 200 {
                    break head;
                }
            } else if self.fill(stream).await? == 0 {
                return Err(Fault::TooShort);
            }
        };
        let mut body = Body { read: 0, limit: self.answer_limit, answer: &request.answer, as_wanted: true };
        let Head { status, framing, keep_alive, .. } = head;
        match framing {
            Framing::Length(length) => self.read_counted(stream, length, &mut body).await?,
            Framing::Chunked(mut chunks) => {
                while !chunks.is_done() {
                    if self.read.is_empty() && self.fill(stream).await? == 0 {
                        return Err(Fault::TooShort);
                    }
                    let (skip, length) = chunks.next(&self.buffer[self.read.clone()])?;
                    let start = self.read.start + skip;
                    body.take(&self.buffer[start..start + length])?;
                    self.read.start = start + length;
                }
            }
            Framing::Close => loop {
                body.take(&self.buffer[self.read.clone()])?;
                self.read = 0..0;
                if self.fill(stream).await? == 0 {
                    break;
                }
            },
        }
        self.used.received.bodies += body.read;
        // Nothing was asked for beyond this answer.
        if !self.read.is_empty() {
            return Err(Fault::Malformed);
        }
        Ok((status, body.is_right(), keep_alive && self.keep_alive))
    }

    async fn read_counted(&mut self, stream: &mut TcpStream, length: u64, body: &mut Body<'_>) -> Result<(), Fault> {
        if length > body.limit {
            return Err(Fault::TooLong);
        }
        loop {
            let here = (length - body.read).min(self.read.len() as u64) as usize;
            let start = self.read.start;
            body.take(&self.buffer[start..start + here])?;
            self.read.start += here;
            if body.read == length {
                return Ok(());
            }
            if self.fill(stream).await? == 0 {
                return Err(Fault::TooShort);
            }
        }
    }

    /// Reads more behind what is in the buffer: how many bytes, 0 at the end.
    async fn fill(&mut self, stream: &mut TcpStream) -> Result<usize, Fault> {
        if self.read.is_empty() {
            self.read = 0..0;
        } else if self.read.start > 0 {
            self.buffer.copy_within(self.read.clone(), 0);
            self.read = 0..self.read.len();
        }
        if self.read.end == self.buffer.len() {
            return Err(Fault::TooLong);
        }
        let count = stream.read(&mut self.buffer[self.read.end..]).await.map_err(|_| Fault::Reset)?;
        self.read.end += count;
        self.used.received.whole += count as u64;
        Ok(count)
    }
}

/// A body on its way past.
struct Body<'a> {
    read: u64,
    limit: u64,
    answer: &'a Answer,
    as_wanted: bool,
}

impl Body<'_> {
    fn take(&mut self, piece: &[u8]) -> Result<(), Fault> {
        if let Answer::Bytes(wanted) = self.answer {
            let at = usize::try_from(self.read).unwrap_or(usize::MAX);
            self.as_wanted &= wanted.get(at..).is_some_and(|rest| rest.starts_with(piece));
        }
        self.read += piece.len() as u64;
        if self.read > self.limit { Err(Fault::TooLong) } else { Ok(()) }
    }

    fn is_right(&self) -> bool {
        let length = match self.answer {
            Answer::Any => return true,
            Answer::Length(length) => *length,
            Answer::Bytes(wanted) => wanted.len() as u64,
        };
        self.as_wanted && self.read == length
    }
}

async fn open(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes both, in one call where the socket takes them.
async fn send(stream: &mut TcpStream, mut first: &[u8], mut second: &[u8]) -> io::Result<()> {
    while !second.is_empty() && !first.is_empty() {
        let count = stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]).await?;
        if count == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        let of_first = count.min(first.len());
        first = &first[of_first..];
        second = &second[count - of_first..];
    }
    stream.write_all(first).await?;
    stream.write_all(second).await
}

fn connecting(error: &io::Error) -> Fault {
    match error.kind() {
        ErrorKind::ConnectionRefused => Fault::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Fault::Reset,
        _ => Fault::Unreachable,
    }
}
