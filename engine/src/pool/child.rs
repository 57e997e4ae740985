//! A process that works for a pool. It is started with the first work, and again where it died; the work that it died over is
//! tried once more, in a fresh process, and then given back, so that no work kills processes for ever. Keys reach it through
//! its standard input alone.

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

/// How often work is given to a process before it is given back.
const TRIES: usize = 2;

/// How long a process may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most bytes that a program may print before it does so.
const NOISE: usize = 16 << 10;

/// Pause before a process is started after others that died in a row: this, doubled with each, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The program that works in a pool's processes.
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// Its file.
    pub program: PathBuf,
    /// What makes a worker of it: it has to end up in [`super::serve_worker`].
    pub arguments: Vec<OsString>,
}

static PROGRAM: Mutex<Option<WorkerProgram>> = Mutex::new(None);

/// Names the program for processes that are started from now on. By default it is this program, which has to call
/// [`super::worker_if_asked`].
pub fn set_worker_program(program: WorkerProgram) {
    *PROGRAM.lock().unwrap_or_else(PoisonError::into_inner) = Some(program);
}

fn worker_program() -> io::Result<WorkerProgram> {
    let named = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner).clone();
    named.map_or_else(|| Ok(WorkerProgram { program: std::env::current_exe()?, arguments: vec![ARGUMENT.into()] }), Ok)
}

/// The place of one process.
pub(super) struct Child {
    running: Option<Running>,
    /// Processes in a row that did no work.
    deaths: u32,
}

impl Child {
    pub(super) fn new() -> Self {
        Self { running: None, deaths: 0 }
    }

    /// Has the process do a piece of work.
    pub(super) fn perform<W: Work>(&mut self, work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
        let mut request = Frame::new(W::KIND);
        work.pack(&mut request);
        let answer = self.ask(&mut request)?;
        drop(request);
        if answer.kind() == DONE {
            let mut fields = answer.fields();
            if let Some(value) = W::unpack_value(&mut fields).filter(|_| fields.is_empty()) {
                return Ok(Ok(value));
            }
        }
        // Refused. Why is found out here, on this thread, which is not the reactor's.
        perform(work)
    }

    fn ask(&mut self, request: &mut Frame) -> Result<Frame, PoolError> {
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
                    tracing::warn!(%error, "a worker process ended; another one is started");
                    self.deaths += 1;
                    self.running = None;
                }
            }
        }
        Err(PoolError::Died)
    }

    fn start(&mut self) -> Result<Running, PoolError> {
        if self.deaths > 0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.deaths.min(16));
            thread::sleep(pause.min(LONGEST_PAUSE));
        }
        worker_program().and_then(|program| Running::start(&program)).map_err(|source| {
            self.deaths += 1;
            PoolError::Start { what: "crypto pool's process", source }
        })
    }
}

/// A process that said it is ready. It ends with this value.
struct Running {
    process: Process,
    requests: std::process::ChildStdin,
    answers: std::process::ChildStdout,
}

/// Ends the process and takes note of its end, so that none stays behind as a zombie.
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
        let answers = ready(answers)?;
        Ok(Self { process, requests, answers })
    }

    fn exchange(&mut self, request: &mut Frame) -> io::Result<Frame> {
        request.write_to(&mut self.requests)?;
        let answer = Frame::read_from(&mut self.answers)?;
        answer.ok_or_else(|| match self.process.0.try_wait() {
            Ok(Some(status)) => io::Error::other(format!("it ended with {status}")),
            _ => io::Error::from(io::ErrorKind::UnexpectedEof),
        })
    }
}

/// Waits until a process says that it is ready. A program that says nothing keeps a thread for as long as it lives, which
/// is until the caller ends it.
fn ready(mut answers: std::process::ChildStdout) -> io::Result<std::process::ChildStdout> {
    let (tell, told) = mpsc::channel();
    thread::Builder::new().name("crypto-pool-start".to_owned()).spawn(move || {
        let greeted = pass_over(&mut answers).map(|()| answers);
        // Nobody listens where it took too long.
        let _ = tell.send(greeted);
    })?;
    told.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "it does not say that it is ready: does it call `worker_if_asked`?",
        ))
    })
}

/// Reads up to the end of the greeting.
fn pass_over(mut answers: impl io::Read) -> io::Result<()> {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(HELLO) {
        if heard.len() == NOISE {
            return Err(io::Error::other("it prints something else: does it call `worker_if_asked`?"));
        }
        if answers.read(&mut byte)? == 0 {
            return Err(io::Error::other("it ended before it was ready: does it call `worker_if_asked`?"));
        }
        heard.push(byte[0]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_worker_is_an_error_that_says_so() {
        for (program, arguments) in [("true", vec![]), ("yes", vec![]), ("echo", vec!["BLpool".into()])] {
            let refused = Running::start(&WorkerProgram { program: program.into(), arguments }).err().unwrap();
            assert!(refused.to_string().contains("worker_if_asked"), "{refused}");
        }
        let absent = WorkerProgram { program: "/nowhere/at/all".into(), arguments: Vec::new() };
        assert_eq!(Running::start(&absent).err().unwrap().kind(), io::ErrorKind::NotFound);
    }
}
