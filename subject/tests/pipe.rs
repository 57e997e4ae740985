//! A subject as a runner sees it: a child process that is spoken to in lines. Dropping one that still runs kills it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use benchline_contract::{Access, Hello, Iterate, Prepare, Reply, Request, Reset, Role, Sample, Value};

/// A running subject that has said hello.
pub(crate) struct Subject {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) hello: Hello,
}

impl Subject {
    pub(crate) fn start() -> Self {
        Self::start_by(&mut Command::new(env!("CARGO_BIN_EXE_benchline-subject")))
    }

    /// One that is started by another program, told as its last argument.
    pub(crate) fn start_under(program: &mut Command) -> Self {
        Self::start_by(program.arg(env!("CARGO_BIN_EXE_benchline-subject")))
    }

    fn start_by(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let Reply::Hello(hello) = receive(&mut output) else { panic!("the first line is no hello") };
        Self { child, input, output, hello }
    }

    /// Number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn receive(&mut self) -> Reply {
        receive(&mut self.output)
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Reply {
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        self.send(&line);
        self.receive()
    }

    #[track_caller]
    pub(crate) fn prepare(&mut self, prepare: Prepare) -> Option<Access> {
        match self.ask(&Request::Prepare(prepare)) {
            Reply::Prepared(prepared) => prepared.server,
            other => panic!("not prepared: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn reset(&mut self, server: Option<Access>) -> Option<Access> {
        match self.ask(&Request::Reset(Reset { server })) {
            Reply::Ready(ready) => ready.server,
            other => panic!("not ready: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn iterate(&mut self, count: u64) -> Sample {
        match self.ask(&Request::Iterate(Iterate { count })) {
            Reply::Sample(sample) => sample,
            other => panic!("no sample: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn verify(&mut self) -> String {
        match self.ask(&Request::Verify) {
            Reply::Verified(verified) => verified.digest,
            other => panic!("not verified: {other:?}"),
        }
    }

    /// Ends the input and gives what is left of the output, and how the process ended.
    pub(crate) fn hang_up(mut self) -> (String, ExitStatus) {
        drop(self.input.take());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.output, &mut rest).unwrap();
        (rest, self.child.wait().unwrap())
    }

    /// Tells it to finish, and expects that it does.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        assert_eq!(self.ask(&Request::Finish), Reply::Finished);
        let (rest, status) = self.hang_up();
        assert!(rest.is_empty() && status.success(), "{rest} {status}");
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Fails for one that has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn receive(output: &mut impl BufRead) -> Reply {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// A request to prepare, without configuration.
pub(crate) fn case(role: Role, operation: &str, parameters: &[(&str, Value)], folder: &std::path::Path) -> Prepare {
    Prepare {
        role,
        operation: operation.to_owned(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        configuration: [].into(),
        seed: 1,
        folder: folder.to_str().unwrap().to_owned(),
        server: None,
        reactor: false,
        injection: None,
    }
}

pub(crate) fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}
