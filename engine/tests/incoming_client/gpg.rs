//! The `gpg` program in a home of its own, for one test.

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Set where a missing `gpg` is a failure and not a reason to pass over a test.
const REQUIRE: &str = "BENCHLINE_REQUIRE_GPG";

pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// A new home without any key; `None`, with a message, where the program is missing and need not be there.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_ok() {
            let private = std::fs::Permissions::from_mode(0o700);
            return Some(Self { home: tempfile::Builder::new().permissions(private).tempdir().unwrap() });
        }
        assert!(std::env::var_os(REQUIRE).is_none(), "{REQUIRE} is set, and there is no gpg");
        eprintln!("passed over: there is no gpg on this machine");
        None
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it, and expects success. What it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]);
        command.args(["--trust-model", "always", "--homedir"]).arg(self.home.path()).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // It may answer before it has read everything, or go away early.
        let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// A new key pair of gpg's own.
    pub(crate) fn generate(&self, user: &str, algorithm: &str, usage: &str, more: &[&str]) {
        let arguments = [more, &["--quick-generate-key", user, algorithm, usage, "1d"]].concat();
        self.run(&arguments, b"");
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent that gpg started for this home.
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output();
    }
}
