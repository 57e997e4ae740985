//! The Fibonacci load, in pools of its own that are built like the first experiments': on the reactor, on threads of the
//! runtime, in child processes over pipes. The engine's pool does its own kinds of work only. It must never let more work
//! run at once than its pool has workers.

use std::io::{self, BufRead, Write};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use benchline_engine::config::PoolConfig;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

/// The argument that asks this program to calculate.
const ARGUMENT: &str = "fibonacci-worker";
/// The most that is calculated: more takes minutes.
const MAX_PLACE: u32 = 50;

/// A pool that calculates.
pub(super) struct Calculator {
    config: PoolConfig,
    free: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

/// A process that calculates. It ends with this value.
struct Worker {
    _process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Calculator {
    pub(super) fn new(config: PoolConfig) -> Self {
        let workers = match config {
            PoolConfig::Inline => 1,
            PoolConfig::Threads(workers) | PoolConfig::Processes(workers) => workers.get(),
        };
        Self { config, free: Semaphore::new(workers), idle: Mutex::default() }
    }

    /// The number at this place of the sequence.
    pub(super) async fn fibonacci(&self, place: u32) -> io::Result<u64> {
        let _free = self.free.acquire().await.map_err(io::Error::other)?;
        match self.config {
            PoolConfig::Inline => Ok(fibonacci(place)),
            PoolConfig::Threads(_) => {
                tokio::task::spawn_blocking(move || fibonacci(place)).await.map_err(io::Error::other)
            }
            PoolConfig::Processes(_) => {
                // One that fails is dropped, which ends it.
                let mut worker = self.worker()?;
                let answer = worker.ask(place).await?;
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                Ok(answer)
            }
        }
    }

    fn worker(&self) -> io::Result<Worker> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(Worker::start, Ok)
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (requests, answers) =
            pipes.ok_or_else(|| io::Error::other("the pipes of a calculating process are missing"))?;
        Ok(Self { _process: process, requests, answers: BufReader::new(answers) })
    }

    async fn ask(&mut self, place: u32) -> io::Result<u64> {
        self.requests.write_all(format!("{place}\n").as_bytes()).await?;
        let mut line = String::new();
        self.answers.read_line(&mut line).await?;
        line.trim_end().parse().map_err(|_| io::Error::other("a calculating process ended"))
    }
}

/// Makes this process calculate, and ends it with its input, if it was started for that.
pub(crate) fn worker_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        let served = serve(io::stdin().lock(), io::stdout().lock());
        std::process::exit(i32::from(served.is_err()));
    }
}

/// Answers each line, a place, with a line, the number there.
fn serve(places: impl BufRead, mut numbers: impl Write) -> io::Result<()> {
    for line in places.lines() {
        let place = line?.parse().map_err(io::Error::other)?;
        writeln!(numbers, "{}", fibonacci(place))?;
        numbers.flush()?;
    }
    Ok(())
}

/// Slow on purpose: it is the work.
fn fibonacci(place: u32) -> u64 {
    match place.min(MAX_PLACE) {
        0 => 0,
        1 => 1,
        place => fibonacci(std::hint::black_box(place - 1)) + fibonacci(std::hint::black_box(place - 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of <https://oeis.org/A000045>.
    #[test]
    fn the_numbers_are_those_of_the_sequence() {
        let mut answers = Vec::new();
        serve(&b"0\n1\n2\n3\n10\n25\n"[..], &mut answers).unwrap();
        assert_eq!(String::from_utf8(answers).unwrap(), "0\n1\n1\n2\n55\n75025\n");
        assert!(serve(&b"many\n"[..], Vec::new()).is_err());
    }
}
