//! A bad network: a relay on the loopback between a client and a server, that cuts connections. What it cuts follows from
//! numbers alone, so that the same goes wrong each time. It must never run in a process while that is measured: what it
//! costs is nobody's work.

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

/// The longest wait for a cut.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that are passed on at once.
const PIECE: usize = 64 << 10;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Towards {
    Server,
    Client,
}

/// A relay that lets so many bytes pass one way, then cuts what is connected and takes no more.
pub(crate) struct Cutting {
    pub(crate) address: SocketAddr,
    cut: Receiver<()>,
    /// Has no senders left when every connection is over, at both ends.
    over: Receiver<()>,
}

impl Cutting {
    /// Relays to `server` until `bytes` went `towards` one side, over all connections.
    pub(crate) fn start(server: SocketAddr, towards: Towards, bytes: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, cut) = mpsc::channel();
        let (open, over) = mpsc::channel();
        let way = Arc::new(Way { towards, left: AtomicU64::new(bytes), entrance: address });
        std::thread::spawn(move || {
            accept(&listener, server, &way, &tell, &open);
            // Nobody is let in any more when this is said to be over.
            drop(listener);
            drop(open);
        });
        Ok(Self { address, cut, over })
    }

    /// Waits until connections are cut: nothing comes through any more.
    pub(crate) fn wait(self) -> io::Result<Self> {
        match self.cut.recv_timeout(PATIENCE) {
            Ok(()) => Ok(self),
            Err(_) => Err(late("the transfer ended before it could be cut")),
        }
    }

    /// Waits until both ends have taken in what came through, and know that it was all. The client has to be closed before.
    pub(crate) fn wait_for_the_end(self) -> io::Result<()> {
        match self.over.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            _ => Err(late("connections that were cut do not end")),
        }
    }
}

fn late(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// What the connections of a [`Cutting`] share.
struct Way {
    towards: Towards,
    /// Bytes that may still go that way.
    left: AtomicU64,
    /// Where the relay listens.
    entrance: SocketAddr,
}

/// Takes connections until the cut. `open` is held by each that is not over.
fn accept(listener: &TcpListener, server: SocketAddr, way: &Arc<Way>, tell: &Sender<()>, open: &Sender<()>) {
    for client in listener.incoming() {
        if way.left.load(Ordering::SeqCst) == 0 {
            return;
        }
        let Ok((client, server)) = client.and_then(|client| connect(client, server)) else { continue };
        let (way, tell, open) = (way.clone(), tell.clone(), open.clone());
        std::thread::spawn(move || {
            pass_until_cut(&client, &server, &way, &tell);
            drop(open);
        });
    }
}

/// Both ends of a way through. A client whose server cannot be reached finds out by itself.
fn connect(client: TcpStream, server: SocketAddr) -> io::Result<(TcpStream, TcpStream)> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

/// Passes both ways, counts down one of them, and cuts both when nothing is left to pass there. Other connections end with
/// their next piece.
fn pass_until_cut(client: &TcpStream, server: &TcpStream, way: &Way, tell: &Sender<()>) {
    let (from, to) = match way.towards {
        Towards::Server => (client, server),
        Towards::Client => (server, client),
    };
    std::thread::scope(|scope| {
        // Read to its end: an end that is closed with something unread would take back what it has sent.
        scope.spawn(|| {
            pass(to, from, |length| length);
            drain(to);
        });
        pass(from, to, |length| {
            let less = |left: u64| Some(left.saturating_sub(length as u64));
            let before = way.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).unwrap_or(0);
            usize::try_from(before).map_or(length, |left| left.min(length))
        });
        if way.left.load(Ordering::SeqCst) == 0 {
            // What was passed arrives, and then an end; the other side is told nothing.
            let _ = to.shutdown(Shutdown::Write);
            let _ = from.shutdown(Shutdown::Both);
            // The listener looks again whether it is over.
            let _ = TcpStream::connect(way.entrance);
            let _ = tell.send(());
        }
    });
}

/// Passes bytes on until one side ends, or `take` lets fewer through than there are.
fn pass(mut from: &TcpStream, mut to: &TcpStream, take: impl Fn(usize) -> usize) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let taken = take(length);
        if to.write_all(&piece[..taken]).is_err() || taken < length {
            return;
        }
    }
    // One that has broken has nothing to be told.
    let _ = to.shutdown(Shutdown::Write);
}

/// Reads what still comes, to no purpose.
fn drain(mut from: &TcpStream) {
    let mut piece = vec![0; PIECE];
    while let Ok(1..) = from.read(&mut piece) {}
}

/// Becomes a relay whose connections fail now and then, where the arguments ask for that, and ends with its input. Each line
/// of input is answered with one of output: `reset` begins anew, anything else tells how many connections there were.
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

/// One connection: of those whose fate is below the share, every second one does not reach the server, and of the others
/// the answer is lost.
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

    /// Answers each connection with what it got, once its other end is over.
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
        let relay = Cutting::start(listener.local_addr().unwrap(), Towards::Server, 100_000).unwrap();
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
        assert!(sender.join().unwrap().is_err(), "the sender was told nothing");
        relay.wait_for_the_end().unwrap();
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
