//! The `gpg` program with its own home directory, for one test.

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// If set, a missing `gpg` is a failure instead of a reason to skip a test.
const REQUIRE: &str = "BENCHLINE_REQUIRE_GPG";

pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// A new home without any key; `None`, with a message, where the program is missing and not required.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_ok() {
            let private = std::fs::Permissions::from_mode(0o700);
            let home = tempfile::Builder::new().permissions(private).tempdir().unwrap();
            // Its passphrases protect nothing: they need not be slow to try.
            std::fs::write(home.path().join("gpg-agent.conf"), "s2k-count 65536\n").unwrap();
            return Some(Self { home });
        }
        assert!(std::env::var_os(REQUIRE).is_none(), "{REQUIRE} is set, but gpg is not installed");
        eprintln!("skipped: gpg is not installed");
        None
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it, expects success, and returns its output.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]);
        command
            .args(["--trust-model", "always", "--s2k-count", "65536", "--homedir"])
            .arg(self.home.path())
            .args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // It may answer before it has read everything, or exit early.
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
