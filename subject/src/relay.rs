//! A bad network: a relay on the loopback, between a client and a server, that cuts connections. Numbers alone decide what it
//! cuts, so that the same connections fail each time. It must never run in a process that is measured at the same time: its
//! cost would be counted as the engine's.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::payload::Payload;

/// The argument that makes the program a relay and nothing else; after it come the address of the server, the failing
/// share in percent, and the seed.
pub(crate) const ARGUMENT: &str = "relay";

/// How long to wait for a cut.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that are passed on at a time.
const BUFFER_SIZE: usize = 64 << 10;

/// The direction of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// A relay that passes a number of bytes in one direction, then cuts all connections and accepts no more.
pub(crate) struct CuttingRelay {
    pub(crate) address: SocketAddr,
    cut: Receiver<()>,
    /// Disconnected when every connection is closed at both ends.
    over: Receiver<()>,
}

impl CuttingRelay {
    /// Relays to `server` until `bytes` went `direction` one side, over all connections.
    pub(crate) fn start(server: SocketAddr, direction: Direction, bytes: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, cut) = mpsc::channel();
        let (open, over) = mpsc::channel();
        let link = Arc::new(Link { direction, left: AtomicU64::new(bytes), listener: address });
        std::thread::spawn(move || {
            accept(&listener, server, &link, &tell, &open);
            // No connection can be accepted any more once `over` is disconnected.
            drop(listener);
            drop(open);
        });
        Ok(Self { address, cut, over })
    }

    /// Waits until the connections are cut.
    pub(crate) fn wait(self) -> io::Result<Self> {
        match self.cut.recv_timeout(TIMEOUT) {
            Ok(()) => Ok(self),
            Err(_) => Err(late("the transfer ended before it could be cut")),
        }
    }

    /// Waits until both ends have read everything that was passed, and its end. The client must be closed before.
    pub(crate) fn wait_for_close(self) -> io::Result<()> {
        match self.over.recv_timeout(TIMEOUT) {
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            _ => Err(late("connections that were cut do not end")),
        }
    }
}

fn late(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// What the connections of a [`CuttingRelay`] share.
struct Link {
    direction: Direction,
    /// Bytes that may still go that link.
    left: AtomicU64,
    /// Where the relay listens.
    listener: SocketAddr,
}

/// Accepts connections until the cut. Each holds `open` until it is closed.
fn accept(listener: &TcpListener, server: SocketAddr, link: &Arc<Link>, tell: &Sender<()>, open: &Sender<()>) {
    for client in listener.incoming() {
        if link.left.load(Ordering::SeqCst) == 0 {
            return;
        }
        let Ok((client, server)) = client.and_then(|client| connect(client, server)) else { continue };
        let (link, tell, open) = (link.clone(), tell.clone(), open.clone());
        std::thread::spawn(move || {
            pass_until_cut(&client, &server, &link, &tell);
            drop(open);
        });
    }
}

/// Connects a client to the server. If the server cannot be reached, the client's connection closes.
fn connect(client: TcpStream, server: SocketAddr) -> io::Result<(TcpStream, TcpStream)> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

/// Passes bytes in both directions, and cuts the connection when the limit of one is reached. Other connections end with
/// their next bytes.
fn pass_until_cut(client: &TcpStream, server: &TcpStream, link: &Link, tell: &Sender<()>) {
    let (from, to) = match link.direction {
        Direction::ToServer => (client, server),
        Direction::ToClient => (server, client),
    };
    std::thread::scope(|scope| {
        // Reads to the end: closing a socket with unread data resets it, and what it has sent is lost.
        scope.spawn(|| {
            pass(to, from, |length| length);
            drain(to);
        });
        pass(from, to, |length| {
            let less = |left: u64| Some(left.saturating_sub(length as u64));
            let before = link.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).unwrap_or(0);
            usize::try_from(before).map_or(length, |left| left.min(length))
        });
        if link.left.load(Ordering::SeqCst) == 0 {
            // What was passed arrives, followed by an end; the other side gets no answer.
            let _ = to.shutdown(Shutdown::Write);
            let _ = from.shutdown(Shutdown::Both);
            // Wakes the listener, which then sees that the limit is reached.
            let _ = TcpStream::connect(link.listener);
            let _ = tell.send(());
        }
    });
}

/// Passes bytes on until one side ends, or `take` lets fewer through than there are.
fn pass(mut from: &TcpStream, mut to: &TcpStream, take: impl Fn(usize) -> usize) {
    let mut piece = vec![0; BUFFER_SIZE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let taken = take(length);
        if to.write_all(&piece[..taken]).is_err() || taken < length {
            return;
        }
    }
    // Fails when the connection is broken, which is no matter here.
    let _ = to.shutdown(Shutdown::Write);
}

/// Reads and discards everything.
fn drain(mut from: &TcpStream) {
    let mut piece = vec![0; BUFFER_SIZE];
    while let Ok(1..) = from.read(&mut piece) {}
}

/// Becomes a relay whose connections sometimes fail, if the arguments ask for it, and ends at the end of its input. It answers
/// each line of input with the number of connections since the last line `reset`.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ARGUMENT) {
        return None;
    }
    let arguments: Vec<String> = arguments.collect();
    match fail_now_and_then(&arguments) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("benchline-subject {ARGUMENT}: {error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn fail_now_and_then(arguments: &[String]) -> io::Result<()> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "it takes an address, a share in percent and a seed");
    let [server, percent, seed] = arguments else { return Err(wrong()) };
    let server: SocketAddr = server.parse().map_err(|_| wrong())?;
    let percent: u64 = percent.parse().map_err(|_| wrong())?;
    let payload = Payload::new(seed.parse().map_err(|_| wrong())?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    say(&listener.local_addr()?.to_string())?;
    let count = Arc::new(AtomicU64::new(0));
    std::thread::spawn({
        let count = count.clone();
        move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                let fate = payload.fate(count.fetch_add(1, Ordering::SeqCst));
                std::thread::spawn(move || serve_one(client, server, fate, percent));
            }
        }
    });
    for line in io::stdin().lock().lines() {
        if line? == "reset" {
            count.store(0, Ordering::SeqCst);
        }
        say(&count.load(Ordering::SeqCst).to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Serves one connection. Of those whose fate is below the share, every second one does not reach the server; the others lose
/// the answer.
fn serve_one(client: TcpStream, server: SocketAddr, fate: u64, percent: u64) {
    let fails = fate % 100 < percent;
    if fails && (fate / 100).is_multiple_of(2) {
        return;
    }
    let Ok((client, server)) = connect(client, server) else { return };
    let (client, server) = (&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| pass(client, server, |length| length));
        pass(server, client, |length| if fails { 0 } else { length });
        if fails {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Echoes each connection's bytes when its other end is closed.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut got = Vec::new();
                stream.read_to_end(&mut got).unwrap();
                let _ = stream.write_all(&got);
            }
        });
        address
    }

    #[test]
    fn exactly_what_was_allowed_comes_through_and_then_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = CuttingRelay::start(listener.local_addr().unwrap(), Direction::ToServer, 100_000).unwrap();
        let address = relay.address;
        let sender = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            // More than any buffers on the way hold.
            stream.write_all(&vec![7; 64 << 20])
        });
        let mut got = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), 100_000);
        let relay = relay.wait().unwrap();
        assert!(sender.join().unwrap().is_err(), "the sender got no error");
        relay.wait_for_close().unwrap();
        assert!(TcpStream::connect(address).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused));
    }

    #[test]
    fn connections_fail_before_or_after_the_server_or_not_at_all() {
        let server = echo();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for (fate, works) in [(9, false), (109, false), (10, true), (110, true)] {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            let serving = std::thread::spawn(move || serve_one(accepted, server, fate, 10));
            let mut got = Vec::new();
            let talked = client
                .write_all(b"hello")
                .and_then(|()| client.shutdown(Shutdown::Write))
                .and_then(|()| client.read_to_end(&mut got));
            assert_eq!(talked.is_ok() && got == b"hello", works, "{fate}");
            serving.join().unwrap();
        }
    }
}
