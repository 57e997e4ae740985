//! Supervises several server processes on one port. The supervisor serves no requests itself: it holds the port, starts the
//! worker processes, restarts those that die, and forwards signals.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use nix::sys::signal::{Signal as SignalNumber, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::options::{ServeError, ServeOptions};
use super::shutdown::Shutdown;
use super::sockets::{self, Reserved};

/// A process that ends within this time after its start ended early.
const EARLY: Duration = Duration::from_secs(5);

/// After this many consecutive early ends, and no successful start before, the supervisor gives up.
const MAX_EARLY_ENDS: u32 = 5;

/// The pause before a process is restarted. It doubles with every early end, up to the maximum.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How much longer than their requests processes may take to shut down.
const GRACE: Duration = Duration::from_secs(15);

/// The supervisor of several processes that share a port.
pub struct Supervisor {
    reserved: Vec<Reserved>,
    count: usize,
    grace: Duration,
}

impl Supervisor {
    /// Reserves the addresses in the options for the number of processes in `server.processes`.
    ///
    /// # Errors
    /// [`ServeError`] if the options are invalid, or an address cannot be bound.
    pub fn reserve(options: &ServeOptions) -> Result<Self, ServeError> {
        options.check()?;
        let reserved = options.listen.iter().map(|address| sockets::reserve(*address)).collect::<Result<_, _>>()?;
        let limits = &options.config.server;
        let grace = Duration::from_secs(limits.stop_seconds.into()) + GRACE;
        Ok(Self { reserved, count: limits.processes.get(), grace })
    }

    /// The addresses that each process must listen on, with the actual ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.reserved.iter().map(|reserved| reserved.address).collect()
    }

    /// Keeps one process running for each number from 0, started by `command`, until shutdown begins. Each must serve on
    /// [`Supervisor::addresses`] with the same `server.processes`, report that it listens ([`Supervisor::notify_parent`]), and
    /// shut down gracefully on SIGTERM and at the end of its standard input ([`Shutdown::on_end_of_input`]), by which it detects
    /// that its parent has died. SIGHUP is forwarded. Once all processes listen, `listening` is called.
    ///
    /// # Errors
    /// [`ServeError::Process`] if a process ends repeatedly soon after its start, [`ServeError::Aborted`] if the supervisor was
    /// shut down immediately. In either case no process is left.
    pub async fn run(
        self,
        command: impl Fn(usize) -> Command,
        listening: impl FnOnce(),
        shutdown: Shutdown,
    ) -> Result<(), ServeError> {
        let shutdown = shutdown.child();
        let (ready, all_ready): (Vec<_>, Vec<_>) = (0..self.count).map(|_| oneshot::channel()).unzip();
        let workers = ready.into_iter().enumerate().map(|(number, ready)| {
            let (shutdown, command) = (shutdown.clone(), &command);
            let grace = self.grace;
            async move {
                let worker = Worker { number, grace, ready: Some(ready), shutdown: shutdown.clone() };
                let outcome = worker.keep_running(command).await;
                // If one worker fails for good, all of them end.
                shutdown.begin();
                outcome
            }
        });
        let announcing = async {
            // If a worker fails before it listens, there is nothing to announce.
            if try_join_all(all_ready).await.is_ok() {
                listening();
            }
        };
        tokio::join!(join_all(workers), announcing).0.into_iter().collect()
    }

    /// Reports to the supervisor that this process listens. If standard input is not the socket of a supervisor, nothing is
    /// reported.
    pub fn notify_parent() {
        let Ok(parent) = std::io::stdin().as_fd().try_clone_to_owned() else { return };
        // The end of the input shows that the parent has died.
        let _ = StdUnixStream::from(parent).write_all(b"\n");
    }
}

/// A worker process, including its restarts.
struct Worker {
    number: usize,
    grace: Duration,
    /// Reports once that the process listens.
    ready: Option<oneshot::Sender<()>>,
    shutdown: Shutdown,
}

impl Worker {
    /// Starts the process, and restarts it whenever it ends, until shutdown begins.
    async fn keep_running(mut self, command: impl Fn(usize) -> Command) -> Result<(), ServeError> {
        let mut hangups = signal(SignalKind::hangup()).map_err(system("cannot handle SIGHUP"))?;
        let (mut early, mut started_once) = (0, false);
        while !self.shutdown.has_begun() {
            let (child, mut socket) = start(command(self.number)).map_err(system("cannot start a process"))?;
            let begun = Instant::now();
            let Some(status) = self.watch(child, &mut socket, &mut hangups).await? else { return Ok(()) };
            if begun.elapsed() >= EARLY {
                (early, started_once) = (0, true);
            }
            early += 1;
            if early >= MAX_EARLY_ENDS && !started_once {
                return Err(ServeError::Process { number: self.number, times: early, status });
            }
            let pause = pause(early);
            tracing::warn!(number = self.number, %status, ?pause, "a process ended unexpectedly and is restarted");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shutdown.begun() => {}
            }
        }
        Ok(())
    }

    /// Waits for the end of a process: its status if it ended unexpectedly, `None` if shutdown ended it. The socket stays open
    /// until then, because its end would tell the process that its parent has died.
    async fn watch(
        &mut self,
        mut child: Child,
        socket: &mut UnixStream,
        hangups: &mut Signal,
    ) -> Result<Option<ExitStatus>, ServeError> {
        let mut notified = false;
        loop {
            tokio::select! {
                notification = socket.read_u8(), if !notified => {
                    notified = true;
                    // If the process has ended, `child.wait` reports it.
                    if let (Ok(_), Some(ready)) = (notification, self.ready.take()) {
                        let _ = ready.send(());
                    }
                }
                status = child.wait() => return status.map(Some).map_err(system("cannot wait for a process")),
                _ = hangups.recv() => send_signal(&child, SignalNumber::SIGHUP),
                () = self.shutdown.begun() => break,
            }
        }
        send_signal(&child, SignalNumber::SIGTERM);
        let aborted = tokio::select! {
            _ = child.wait() => return Ok(None),
            () = self.shutdown.aborted() => true,
            () = tokio::time::sleep(self.grace) => false,
        };
        tracing::warn!(number = self.number, "a process did not end in time and is killed");
        child.kill().await.map_err(system("cannot kill a process"))?;
        if aborted { Err(ServeError::Aborted) } else { Ok(None) }
    }
}

/// Starts a process, with a socket as its standard input.
fn start(mut command: Command) -> std::io::Result<(Child, UnixStream)> {
    let (socket, input) = StdUnixStream::pair()?;
    socket.set_nonblocking(true)?;
    // In a process group of its own, so that Ctrl-C in a terminal reaches it only once, through the supervisor.
    command.stdin(OwnedFd::from(input)).process_group(0);
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    Ok((child, UnixStream::from_std(socket)?))
}

/// Sends a signal to a process that has not been waited for, so that its id cannot belong to another process.
fn send_signal(child: &Child, number: SignalNumber) {
    let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) else { return };
    // This fails if the process has just ended.
    let _ = kill(Pid::from_raw(id), number);
}

/// The pause after this number of consecutive early ends.
fn pause(early: u32) -> Duration {
    MIN_PAUSE.saturating_mul(2_u32.saturating_pow(early.saturating_sub(1))).min(MAX_PAUSE)
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> ServeError {
    move |source| ServeError::System { what, source }
}
