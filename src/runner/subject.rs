//! One subject process at the other end of a pipe.

use std::{
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Read, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use benchline_contract::{CONTRACT_VERSION, FailureKind as Reported, Hello, LINE_LIMIT, Reply, Request, Role};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

use super::{
    pipe_trace::{PipeDirection, PipeTrace},
    stop::Stop,
};
use crate::{
    model::FailureKind,
    probe::{
        child::{self, ChildExit, ChildUsage},
        tree::{Root, descendants},
    },
};

/// How long a subject may take to exit after `finish`.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// How often a wait looks whether it should stop.
const STOP_POLL: Duration = Duration::from_millis(100);

/// How much of a subject's standard error is kept, from its end.
const LOG_LIMIT: usize = 16 << 10;

/// How long the rest of the log of a process that has ended is waited for.
const LOG_GRACE: Duration = Duration::from_secs(1);

/// A started subject that has sent its hello. Dropping it kills its process group and all of its descendants.
pub(super) struct Subject {
    role: Role,
    root: Root,
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<Line>,
    log: Log,
    timeout: Duration,
    trace: Option<PipeTrace>,
    /// How it ended, once it was waited for: a process can be waited for only once.
    exit: Option<ChildExit>,
    /// Its hello.
    pub(super) hello: Hello,
    /// Bytes of the last request and the last reply, so that the pipe's own traffic can be subtracted from the subject's.
    pub(super) last_exchange: (u64, u64),
}

/// What is started.
pub(super) struct Program<'a> {
    pub(super) binary: &'a Path,
    pub(super) arguments: Vec<OsString>,
    /// Whether the process itself is what is measured, or only holds it.
    pub(super) root: Root,
    /// A program and its arguments that start it; empty for none.
    pub(super) tool: &'a [OsString],
    /// Receives each line of the pipe.
    pub(super) trace: Option<PipeTrace>,
}

impl Program<'_> {
    /// A program without arguments, tool or trace.
    pub(super) fn plain(binary: &Path) -> Program<'_> {
        Program { binary, arguments: Vec::new(), root: Root::Counts, tool: &[], trace: None }
    }

    fn command(&self) -> Command {
        let mut command = match self.tool {
            [] => Command::new(self.binary),
            [tool, options @ ..] => {
                let mut command = Command::new(tool);
                command.args(options).arg(self.binary);
                command
            }
        };
        command.args(&self.arguments);
        command
    }
}

enum Line {
    Text(String),
    TooLong,
    Unreadable(io::Error),
}

/// Why a step did not end with the expected reply.
#[derive(Debug)]
pub(super) enum StepError {
    /// The measurement failed.
    Failed(FailureKind, String),
    /// A person asked to stop.
    Stopped,
}

fn failed<T>(kind: FailureKind, message: impl Into<String>) -> Result<T, StepError> {
    Err(StepError::Failed(kind, message.into()))
}

impl Subject {
    /// Starts `program` for `role` in `folder` and waits for its hello.
    pub(super) fn start(
        program: &Program<'_>,
        role: Role,
        folder: &Path,
        timeout: Duration,
        stop: &Stop,
    ) -> Result<Subject, StepError> {
        let mut command = program.command();
        // A fixed, small environment: what the caller happens to export moves the stack and so the timings. A process
        // group of its own: an interrupt typed at the terminal reaches the runner, which then decides.
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let started = command.get_program().display();
                return failed(FailureKind::Start, format!("{started} cannot be started: {error}"));
            }
        };
        let input = child.stdin.take();
        let lines = read_lines(child.stdout.take());
        let log = collect_log(child.stderr.take());
        let hello = Hello { contract: 0, engine: String::new(), operations: Vec::new() };
        let (trace, exit, last_exchange) = (program.trace.clone(), None, (0, 0));
        let mut subject =
            Subject { role, root: program.root, child, input, lines, log, timeout, trace, exit, hello, last_exchange };
        let hello = match subject.receive("hello", stop) {
            // A program that ends successfully without a word is not a broken subject: it is no subject.
            Err(StepError::Failed(FailureKind::Crashed, _))
                if subject.exit.is_some_and(|exit| exit.status.success()) =>
            {
                return failed(FailureKind::Unsupported, "the subject does not speak the contract: it said no hello");
            }
            hello => hello?,
        };
        match hello {
            Reply::Hello(hello) if hello.contract == CONTRACT_VERSION => subject.hello = hello,
            Reply::Hello(hello) => {
                let spoken = hello.contract;
                let message = format!("the subject speaks version {spoken} of the contract, not {CONTRACT_VERSION}");
                return failed(FailureKind::Unsupported, message);
            }
            other => return Err(subject.unexpected("hello", &other)),
        }
        Ok(subject)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Whether the process itself is what is measured.
    pub(super) fn root(&self) -> Root {
        self.root
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(&mut self, request: &Request, step: &str, stop: &Stop) -> Result<Reply, StepError> {
        let mut line = serde_json::to_string(request)
            .map_err(|error| StepError::Failed(FailureKind::Protocol, format!("{step}: {error}")))?;
        self.trace(PipeDirection::Request, &line);
        line.push('\n');
        self.last_exchange = (line.len() as u64, 0);
        let sent = self.input.as_mut().map(|input| input.write_all(line.as_bytes()).and_then(|()| input.flush()));
        match sent {
            Some(Ok(())) => self.receive(step, stop),
            Some(Err(_)) | None => self.ended(step),
        }
    }

    /// The failure of a reply of the wrong type.
    pub(super) fn unexpected(&self, step: &str, reply: &Reply) -> StepError {
        let text = serde_json::to_string(reply).unwrap_or_default();
        let start: String = text.chars().take(200).collect();
        StepError::Failed(FailureKind::Protocol, format!("the {} answered {step} with {start}", self.role.as_str()))
    }

    fn receive(&mut self, step: &str, stop: &Stop) -> Result<Reply, StepError> {
        let deadline = Instant::now() + self.timeout;
        let role = self.role.as_str();
        let text = loop {
            if stop.is_set() {
                return Err(StepError::Stopped);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(STOP_POLL)) {
                Ok(Line::Text(text)) => break text,
                Ok(Line::TooLong) => {
                    let message = format!("the {role} wrote a line of more than {LINE_LIMIT} bytes during {step}");
                    return failed(FailureKind::Protocol, message);
                }
                Ok(Line::Unreadable(error)) => {
                    let message = format!("what the {role} wrote during {step} cannot be read: {error}");
                    return failed(FailureKind::Protocol, message);
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.ended(step),
                Err(mpsc::RecvTimeoutError::Timeout) if left.is_zero() => {
                    let message = format!("the {role} did not answer {step} within {:?}", self.timeout);
                    return failed(FailureKind::TimedOut, message);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        };
        self.last_exchange.1 = text.len() as u64 + 1;
        self.trace(PipeDirection::Reply, &text);
        match serde_json::from_str(&text) {
            Ok(Reply::Failed(report)) => {
                let kind = match report.kind {
                    Reported::Unsupported => FailureKind::Unsupported,
                    Reported::Error => FailureKind::Reported,
                };
                failed(kind, format!("the {role} failed at {step}: {}", report.message))
            }
            Ok(reply) => Ok(reply),
            Err(error) => {
                let start: String = text.chars().take(200).collect();
                let message = format!("the {role} answered {step} with what is not the contract ({error}): {start}");
                failed(FailureKind::Protocol, message)
            }
        }
    }

    fn trace(&self, direction: PipeDirection, line: &str) {
        if let Some(trace) = &self.trace {
            trace(self.role, direction, line);
        }
    }

    /// The pipe is closed: reports how the process ended.
    fn ended<T>(&mut self, step: &str) -> Result<T, StepError> {
        let role = self.role.as_str();
        let how = match self.wait(Duration::from_secs(1)) {
            Some(exit) => format!("ended with {}", exit.status),
            None => "closed its pipe but goes on".to_owned(),
        };
        failed(FailureKind::Crashed, format!("the {role} {how} before it answered {step}"))
    }

    /// Asks the subject to finish and waits until it is gone. Returns what it used from start to exit, by the kernel's
    /// account of this child alone.
    pub(super) fn finish(mut self, stop: &Stop) -> Result<ChildUsage, StepError> {
        match self.ask(&Request::Finish, "finish", stop)? {
            Reply::Finished => {}
            other => return Err(self.unexpected("finish", &other)),
        }
        drop(self.input.take());
        let Some(exit) = self.wait(STOP_GRACE) else {
            let message = format!("the {} was told to finish and went on for {STOP_GRACE:?}", self.role.as_str());
            return failed(FailureKind::TimedOut, message);
        };
        Ok(exit.usage)
    }

    /// The end of what it wrote to its standard error. Of a process that has ended all of it is waited for, unless another
    /// that it left behind holds the pipe.
    pub(super) fn log(&self) -> String {
        let deadline = Instant::now() + LOG_GRACE;
        while self.exit.is_some() && !self.log.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        let log = self.log.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    fn wait(&mut self, at_most: Duration) -> Option<ChildExit> {
        let deadline = Instant::now() + at_most;
        while self.exit.is_none() {
            match child::try_wait(&self.child) {
                Ok(Some(exit)) => self.exit = Some(exit),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
        self.exit
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.exit.is_none() {
            // The whole group, so that nothing that the subject started outlives it; and what left the group.
            let strays = descendants(self.child.id());
            let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
            for id in strays {
                let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// Reads lines on a thread of its own, so that waiting for one can end.
fn read_lines(output: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Line> {
    let (sender, receiver) = mpsc::channel();
    let Some(output) = output else { return receiver };
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            let line = match output.by_ref().take(LINE_LIMIT as u64 + 1).read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(length) if length > LINE_LIMIT => Line::TooLong,
                Ok(_) => match String::from_utf8(line) {
                    Ok(text) => Line::Text(text.trim_end().to_owned()),
                    Err(error) => Line::Unreadable(io::Error::other(error)),
                },
                Err(error) => Line::Unreadable(error),
            };
            let last = !matches!(line, Line::Text(_));
            if sender.send(line).is_err() || last {
                return;
            }
        }
    });
    receiver
}

/// The end of a subject's standard error, and the thread that reads it until there is no more.
struct Log {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

/// Keeps the end of the subject's standard error, always reading, so that the subject is never held up by it.
fn collect_log(errors: Option<impl Read + Send + 'static>) -> Log {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&kept);
    let reader = thread::spawn(move || {
        let Some(mut errors) = errors else { return };
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = errors.read(&mut buffer) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.extend_from_slice(&buffer[..length]);
            let excess = log.len().saturating_sub(LOG_LIMIT);
            log.drain(..excess);
        }
    });
    Log { kept, reader }
}
