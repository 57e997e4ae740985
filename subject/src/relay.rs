//! A bad network: a relay on the loopback between a client and a server, that cuts connections. What it cuts follows from
//! numbers alone, so that the same goes wrong each time. It must never run in a process while that is measured: what it
//! costs is nobody's work.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
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
}

impl Cutting {
    /// Relays to `server` until `bytes` went `towards` one side, over all connections.
    pub(crate) fn start(server: SocketAddr, towards: Towards, bytes: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, cut) = mpsc::channel();
        let left = Arc::new(AtomicU64::new(bytes));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if left.load(Ordering::SeqCst) == 0 {
                    return;
                }
                let Ok((client, server)) = client.and_then(|client| connect(client, server)) else { continue };
                let (left, tell) = (left.clone(), tell.clone());
                std::thread::spawn(move || pass_until_cut(&client, &server, towards, &left, &tell));
            }
        });
        Ok(Self { address, cut })
    }

    /// Waits until everything is cut.
    pub(crate) fn wait(self) -> io::Result<()> {
        let never = |_| io::Error::new(io::ErrorKind::TimedOut, "the transfer ended before it could be cut");
        self.cut.recv_timeout(PATIENCE).map_err(never)?;
        // The listener's thread ends with the next connection, which is this one.
        TcpStream::connect(self.address).map(drop)
    }
}

/// Both ends of a way through. A client whose server cannot be reached finds out by itself.
fn connect(client: TcpStream, server: SocketAddr) -> io::Result<(TcpStream, TcpStream)> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

/// Passes both ways, counts down one of them, and ends both when nothing is left to pass there. Other connections end with
/// their next piece.
fn pass_until_cut(client: &TcpStream, server: &TcpStream, towards: Towards, left: &AtomicU64, tell: &Sender<()>) {
    let (from, to, back) = match towards {
        Towards::Server => (client, server, (server, client)),
        Towards::Client => (server, client, (client, server)),
    };
    std::thread::scope(|scope| {
        scope.spawn(|| pass(back.0, back.1, |length| length));
        let take = |length: usize| {
            let before =
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(length as u64)));
            usize::try_from(before.unwrap_or(0)).map_or(length, |left| left.min(length))
        };
        pass(from, to, take);
        if left.load(Ordering::SeqCst) == 0 {
            // What was passed arrives: this end is said in order.
            let _ = to.shutdown(Shutdown::Write);
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Read);
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
    println_line(&listener.local_addr()?.to_string())?;
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
        println_line(&count.load(Ordering::SeqCst).to_string())?;
    }
    Ok(())
}

fn println_line(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// One connection: of those whose fate is below the share, every second one does not reach the server, and of the others
/// the answer is lost.
fn serve_one(client: TcpStream, server: SocketAddr, fate: u64, percent: u64) {
    let fails = fate % 100 < percent;
    if fails && fate / 100 % 2 == 0 {
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
            stream.write_all(&vec![7; 300_000])
        });
        let mut got = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), 100_000);
        relay.wait().unwrap();
        let _ = sender.join().unwrap();
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
