//! A worker process of a pool. It is started with the first job, and again after it died. The job that it died on is retried
//! once in a new process and then fails, so that no job kills processes forever. Keys reach it only through its standard
//! input.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::PoolError;
use super::frame::Frame;
use super::serve::{ARGUMENT, HELLO};
use super::work::{DONE, Work, perform};

/// Tries of a job before it fails.
const TRIES: usize = 2;

/// How long a process may take until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Most bytes that a program may print before that.
const MAX_PRELUDE: usize = 16 << 10;

/// The delay before a restart after consecutive deaths: doubled with each, up to [`MAX_RESTART_DELAY`].
const RESTART_DELAY: Duration = Duration::from_millis(20);
const MAX_RESTART_DELAY: Duration = Duration::from_secs(5);

/// The program that runs as worker processes.
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// Its file.
    pub program: PathBuf,
    /// The arguments that make it call [`super::serve_worker`].
    pub arguments: Vec<OsString>,
}

static PROGRAM: Mutex<Option<WorkerProgram>> = Mutex::new(None);

/// Sets the program for processes that are started from now on. By default it is this program, which has to call
/// [`super::worker_if_asked`].
pub fn set_worker_program(program: WorkerProgram) {
    *PROGRAM.lock().unwrap_or_else(PoisonError::into_inner) = Some(program);
}

fn worker_program() -> io::Result<WorkerProgram> {
    let named = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner).clone();
    named.map_or_else(|| Ok(WorkerProgram { program: std::env::current_exe()?, arguments: vec![ARGUMENT.into()] }), Ok)
}

/// One worker process, and its successors.
pub(super) struct Child {
    running: Option<Running>,
    /// Consecutive processes that died without completing a job.
    deaths: u32,
}

impl Child {
    pub(super) fn new() -> Self {
        Self { running: None, deaths: 0 }
    }

    /// Runs work in the process.
    pub(super) fn perform<W: Work>(&mut self, work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
        let mut request = Frame::new(W::KIND);
        work.pack(&mut request);
        let answer = self.request(&mut request)?;
        drop(request);
        if answer.kind() == DONE {
            let mut fields = answer.fields();
            if let Some(value) = W::unpack_value(&mut fields).filter(|_| fields.is_empty()) {
                return Ok(Ok(value));
            }
        }
        // It failed. Repeat it on this thread, which does not belong to the runtime, to get the error.
        perform(work)
    }

    fn request(&mut self, request: &mut Frame) -> Result<Frame, PoolError> {
        for _ in 0..TRIES {
            let running = match self.running.take() {
                Some(running) => running,
                None => self.start()?,
            };
            let running = self.running.insert(running);
            match running.exchange(request) {
                Ok(answer) => {
                    self.deaths = 0;
                    return Ok(answer);
                }
                Err(error) => {
                    tracing::warn!(%error, "a worker process died; it is restarted");
                    self.deaths += 1;
                    self.running = None;
                }
            }
        }
        Err(PoolError::Died)
    }

    fn start(&mut self) -> Result<Running, PoolError> {
        if self.deaths > 0 {
            let delay = RESTART_DELAY.saturating_mul(1 << self.deaths.min(16));
            thread::sleep(delay.min(MAX_RESTART_DELAY));
        }
        worker_program().and_then(|program| Running::start(&program)).map_err(|source| {
            self.deaths += 1;
            PoolError::Start { what: "crypto pool's process", source }
        })
    }
}

/// A process that is ready. It is killed when this value is dropped.
struct Running {
    process: Process,
    requests: std::process::ChildStdin,
    answers: std::process::ChildStdout,
}

/// Kills and reaps the process, so that it does not stay as a zombie.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(worker: &WorkerProgram) -> io::Result<Self> {
        let mut command = Command::new(&worker.program);
        command.args(&worker.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process(command.spawn()?);
        let pipes = process.0.stdin.take().zip(process.0.stdout.take());
        let (requests, answers) = pipes.ok_or_else(|| io::Error::other("its pipes are missing"))?;
        let answers = wait_until_ready(answers)?;
        Ok(Self { process, requests, answers })
    }

    fn exchange(&mut self, request: &mut Frame) -> io::Result<Frame> {
        request.write_to(&mut self.requests)?;
        let answer = Frame::read_from(&mut self.answers)?;
        answer.ok_or_else(|| match self.process.0.try_wait() {
            Ok(Some(status)) => io::Error::other(format!("it exited with {status}")),
            _ => io::Error::from(io::ErrorKind::UnexpectedEof),
        })
    }
}

/// Waits until a process is ready. A program that never is occupies a thread until the caller kills it.
fn wait_until_ready(mut answers: std::process::ChildStdout) -> io::Result<std::process::ChildStdout> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("crypto-pool-start".to_owned()).spawn(move || {
        let result = skip_greeting(&mut answers).map(|()| answers);
        // The receiver is dropped after a timeout.
        let _ = sender.send(result);
    })?;
    receiver.recv_timeout(START_TIMEOUT).unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "it did not become ready in time: does it call `worker_if_asked`?"))
    })
}

/// Reads up to the end of the greeting.
fn skip_greeting(mut answers: impl io::Read) -> io::Result<()> {
    let mut output = Vec::new();
    let mut byte = [0];
    while !output.ends_with(HELLO) {
        if output.len() == MAX_PRELUDE {
            return Err(io::Error::other("it printed something else: does it call `worker_if_asked`?"));
        }
        if answers.read(&mut byte)? == 0 {
            return Err(io::Error::other("it exited before it was ready: does it call `worker_if_asked`?"));
        }
        output.push(byte[0]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_a_worker_is_reported() {
        for (program, arguments) in [("true", vec![]), ("yes", vec![]), ("echo", vec!["BLpool".into()])] {
            let refused = Running::start(&WorkerProgram { program: program.into(), arguments }).err().unwrap();
            assert!(refused.to_string().contains("worker_if_asked"), "{refused}");
        }
        let absent = WorkerProgram { program: "/nowhere/at/all".into(), arguments: Vec::new() };
        assert_eq!(Running::start(&absent).err().unwrap().kind(), io::ErrorKind::NotFound);
    }
}
