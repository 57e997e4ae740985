//! Several processes that serve on one port. The parent serves nothing itself: it holds the port, starts the others, starts
//! again those that die, and passes on what it is told.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use nix::sys::signal::{Signal as Number, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::options::{ServeError, ServeOptions};
use super::sockets::{self, Reserved};
use super::stop::Stop;

/// A process that ends sooner is taken for one that cannot begin.
const EARLY: Duration = Duration::from_secs(5);

/// So many early ends in a row, and no start that went better, end the family.
const TRIES: u32 = 5;

/// The pause before a process is started again, which doubles with every early end up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How much longer than their requests processes may take to end.
const FAREWELL: Duration = Duration::from_secs(15);

/// A port that several processes are about to share.
pub struct Family {
    reserved: Vec<Reserved>,
    count: usize,
    farewell: Duration,
}

impl Family {
    /// Takes the addresses of the options for as many processes as `server.processes` says.
    ///
    /// # Errors
    /// [`ServeError`] where the options make no sense, or an address cannot be had.
    pub fn reserve(options: &ServeOptions) -> Result<Self, ServeError> {
        options.check()?;
        let reserved = options.listen.iter().map(|address| sockets::reserve(*address)).collect::<Result<_, _>>()?;
        let limits = &options.config.server;
        let farewell = Duration::from_secs(limits.stop_seconds.into()) + FAREWELL;
        Ok(Self { reserved, count: limits.processes.get(), farewell })
    }

    /// What each process must listen on, with the ports that were got.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.reserved.iter().map(|reserved| reserved.address).collect()
    }

    /// Keeps one process running for each number from 0, made by `command`, until told to end. Each must serve on
    /// [`Family::addresses`] with the same `server.processes`, say so ([`Family::tell_parent`]), and end gently on SIGTERM
    /// and when its standard input does ([`Stop::on_end_of_input`]), which is how it learns that its parent was killed.
    /// SIGHUP is passed on. Once all listen, `listening` is called.
    ///
    /// # Errors
    /// [`ServeError::Process`] where a process ends again and again as soon as it begins, [`ServeError::AtOnce`] where
    /// the family was told to end at once. Either way none is left.
    pub async fn run(
        self,
        command: impl Fn(usize) -> Command,
        listening: impl FnOnce(),
        stop: Stop,
    ) -> Result<(), ServeError> {
        let stop = stop.child();
        let (told, hearing): (Vec<_>, Vec<_>) = (0..self.count).map(|_| oneshot::channel()).unzip();
        let members = told.into_iter().enumerate().map(|(number, told)| {
            let (stop, command) = (stop.clone(), &command);
            let farewell = self.farewell;
            async move {
                let outcome = Member { number, farewell, told: Some(told), stop: stop.clone() }.keep(command).await;
                // Where one cannot go on, none shall.
                stop.gently();
                outcome
            }
        });
        let announcing = async {
            // One that ends before it listened has nothing to announce.
            if try_join_all(hearing).await.is_ok() {
                listening();
            }
        };
        tokio::join!(join_all(members), announcing).0.into_iter().collect()
    }

    /// Tells the parent of a process of a family that this process listens. Standard input is a socket then, and where it
    /// is none, nobody is told.
    pub fn tell_parent() {
        let Ok(parent) = std::io::stdin().as_fd().try_clone_to_owned() else { return };
        // A parent that is gone is noticed by the end of the input.
        let _ = Pair::from(parent).write_all(b"\n");
    }
}

/// The place of one process, which many may take one after the other.
struct Member {
    number: usize,
    farewell: Duration,
    /// Where to tell that the first process listens, which is done once.
    told: Option<oneshot::Sender<()>>,
    stop: Stop,
}

impl Member {
    async fn keep(mut self, command: impl Fn(usize) -> Command) -> Result<(), ServeError> {
        let mut hangups = signal(SignalKind::hangup()).map_err(system("SIGHUP cannot be caught"))?;
        let (mut early, mut settled) = (0, false);
        while !self.stop.is_asked() {
            let (child, mut line) = start(command(self.number)).map_err(system("a process cannot be started"))?;
            let begun = Instant::now();
            let Some(status) = self.watch(child, &mut line, &mut hangups).await? else { return Ok(()) };
            if begun.elapsed() >= EARLY {
                (early, settled) = (0, true);
            }
            early += 1;
            if early >= TRIES && !settled {
                return Err(ServeError::Process { number: self.number, times: early, status });
            }
            let pause = pause(early);
            tracing::warn!(number = self.number, %status, ?pause, "a process ended by itself and is started again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.asked() => {}
            }
        }
        Ok(())
    }

    /// Waits for the end of a process: how it ended by itself, or nothing where it was told to. Its line is held until
    /// then, as the end of that would tell it that its parent is gone.
    async fn watch(
        &mut self,
        mut child: Child,
        line: &mut UnixStream,
        hangups: &mut Signal,
    ) -> Result<Option<ExitStatus>, ServeError> {
        let mut heard = false;
        loop {
            tokio::select! {
                said = line.read_u8(), if !heard => {
                    heard = true;
                    // Of its end the process itself tells.
                    if let (Ok(_), Some(told)) = (said, self.told.take()) {
                        let _ = told.send(());
                    }
                }
                status = child.wait() => return status.map(Some).map_err(system("a process cannot be waited for")),
                _ = hangups.recv() => tell(&child, Number::SIGHUP),
                () = self.stop.asked() => break,
            }
        }
        tell(&child, Number::SIGTERM);
        let at_once = tokio::select! {
            _ = child.wait() => return Ok(None),
            () = self.stop.asked_at_once() => true,
            () = tokio::time::sleep(self.farewell) => false,
        };
        tracing::warn!(number = self.number, "a process did not end in time and is killed");
        child.kill().await.map_err(system("a process cannot be killed"))?;
        if at_once { Err(ServeError::AtOnce) } else { Ok(None) }
    }
}

/// A process, and the line to it that is its standard input.
fn start(mut command: Command) -> std::io::Result<(Child, UnixStream)> {
    let (line, input) = Pair::pair()?;
    line.set_nonblocking(true)?;
    // In a group of its own, so that Ctrl-C in a terminal reaches it only once, through the parent.
    command.stdin(OwnedFd::from(input)).process_group(0);
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    Ok((child, UnixStream::from_std(line)?))
}

/// Sends a signal to a process that has not been waited for, so that its number is nobody else's.
fn tell(child: &Child, number: Number) {
    let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) else { return };
    // One that has just ended need not be told.
    let _ = kill(Pid::from_raw(id), number);
}

/// The pause after so many early ends in a row.
fn pause(early: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(early.saturating_sub(1))).min(LONGEST_PAUSE)
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> ServeError {
    move |source| ServeError::System { what, source }
}
