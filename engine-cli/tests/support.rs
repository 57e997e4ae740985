//! The program as people use it: real processes, real sockets, a server and devices of one user.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Running;

const PASSPHRASE: &str = "a horse on the roof";

/// A folder with a server's data and the homes of devices, all of a user called ana.
pub(crate) struct World {
    folder: TempDir,
}

/// A server that listens.
pub(crate) struct Served {
    pub(crate) process: Running,
    pub(crate) address: String,
    /// Where mail services hand over messages.
    pub(crate) incoming: Option<String>,
}

impl World {
    #[track_caller]
    pub(crate) fn new() -> World {
        let world = World { folder: tempfile::tempdir().unwrap() };
        world.run(&["user", "add", "ana"], 0);
        world.token("ana.token", "1d");
        world
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// `benchline-engine` in the folder, with nothing of the caller's environment that it obeys.
    pub(crate) fn engine(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchline-engine"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for variable in ["TOKEN", "NAMESPACE", "HOME"] {
            command.env_remove(format!("BENCHLINE_ENGINE_{variable}"));
        }
        command.env_remove("BENCHLINE_LOG");
        command.env("BENCHLINE_ENGINE_DATA", self.path("server")).env("BENCHLINE_ENGINE_PASSPHRASE", PASSPHRASE);
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], code: i32) -> Output {
        checked(&mut self.engine(arguments), code)
    }

    /// What it says to people.
    #[track_caller]
    pub(crate) fn says(&self, arguments: &[&str], code: i32) -> String {
        String::from_utf8(self.run(arguments, code).stderr).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str], code: i32) -> Value {
        serde_json::from_slice(&self.run(arguments, code).stdout).unwrap()
    }

    /// It with text on its standard input; gives its standard output.
    #[track_caller]
    pub(crate) fn fed(&self, arguments: &[&str], input: &str) -> String {
        let mut child = self.engine(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A token of ana's, in a file.
    #[track_caller]
    pub(crate) fn token(&self, file: &str, lifetime: &str) {
        let made = self.run(&["token", "ana", "--for", lifetime], 0);
        assert!(made.stdout.starts_with(b"bls_"));
        fs::write(self.path(file), made.stdout).unwrap();
    }

    #[track_caller]
    pub(crate) fn serve(&self, listen: &str) -> Served {
        self.serve_with(&["--listen", listen])
    }

    #[track_caller]
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Served {
        let mut child = self.engine(&[&["serve"], arguments].concat()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut lines = said.lines();
        let mut address_told = || {
            let told = lines.by_ref().map_while(Result::ok).find(|line| line.contains("http://")).unwrap();
            told.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
        };
        let address = address_told();
        let incoming = arguments.contains(&"--incoming").then(address_told);
        // Somebody has to read on, or the server's log fills the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Served { process: Running(child), address, incoming }
    }

    #[track_caller]
    pub(crate) fn init(&self, home: &str, server: &Served) {
        let server = server.address.as_str();
        self.run(&["init", "--server", server, "--user", "ana", "--token-file", "ana.token", "--home", home], 0);
    }

    /// How many blobs of a device are in each state.
    #[track_caller]
    pub(crate) fn states(&self, home: &str) -> Value {
        self.json(&["status", "--json", "--home", home], 0)["blobs"].clone()
    }

    #[track_caller]
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running(self.engine(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

#[track_caller]
pub(crate) fn checked(command: &mut Command, code: i32) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    output
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// Bytes without a pattern, the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 33) as u8)
    };
    std::iter::repeat_n((), length).scan(7, |state, ()| step(state)).collect()
}
