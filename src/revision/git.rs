//! Calls the `git` program: arguments never pass a shell, outputs are bounded, and neither the caller's `GIT_*`
//! variables nor the user's hooks can change what is read. Git is called nowhere else in this room.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use super::RevisionError;

/// The longest output that is read. Listings of a large tree are the longest.
const MAX_OUTPUT: u64 = 64 << 20;

/// How much of git's standard error is kept, from its beginning.
const MAX_STDERR: u64 = 16 << 10;

/// Variables of the caller with the places of git's own parts and settings. All other `GIT_*` variables go: set by
/// a hook, by `git rebase --exec` or by a test, they would point at another index, work tree or object store.
const KEPT: [&str; 6] = [
    "GIT_EXEC_PATH",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
];

/// Settings for every call: no hooks and no file-system monitor of the user's are started, nothing is written beside
/// the index in use, submodules are left alone.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "submodule.recurse=false",
    "advice.addEmbeddedRepo=false",
    "gc.auto=0",
];

/// One call of git.
pub(super) struct Git {
    folder: PathBuf,
    subcommand: String,
    settings: Vec<String>,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
}

/// The output of a call.
pub(super) struct GitOutput {
    /// Whether it succeeded.
    pub(super) success: bool,
    /// Its standard output.
    pub(super) stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub(super) stderr: String,
}

/// Why git refused, where that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The folder is not in a repository.
    NotARepository,
    /// The repository has no work tree here.
    NoWorkTree,
    /// Another user owns the repository.
    Untrusted,
    /// A name is the beginning of several ids.
    Ambiguous,
    /// Anything else.
    Other,
}

impl GitOutput {
    /// Why git refused. It states that only in text, in the language that [`Git::run`] sets.
    pub(super) fn refusal(&self) -> Refusal {
        let known = [
            ("not a git repository", Refusal::NotARepository),
            ("must be run in a work tree", Refusal::NoWorkTree),
            ("dubious ownership", Refusal::Untrusted),
            ("ambiguous", Refusal::Ambiguous),
        ];
        known.into_iter().find(|(text, _)| self.stderr.contains(text)).map_or(Refusal::Other, |(_, refusal)| refusal)
    }
}

impl Git {
    /// A call of `subcommand` in `folder`.
    pub(super) fn new(folder: &Path, subcommand: &str) -> Git {
        let settings = SETTINGS.iter().map(|setting| (*setting).to_owned()).collect();
        let (arguments, variables) = (Vec::new(), Vec::new());
        Git { folder: folder.to_owned(), subcommand: subcommand.to_owned(), settings, arguments, variables }
    }

    /// Runs it in another folder.
    pub(super) fn at(self, folder: &Path) -> Git {
        Git { folder: folder.to_owned(), ..self }
    }

    /// Overrides a setting of the user's.
    pub(super) fn setting(mut self, name: &str, value: &str) -> Git {
        self.settings.push(format!("{name}={value}"));
        self
    }

    /// Adds an argument.
    pub(super) fn arg(mut self, argument: impl AsRef<OsStr>) -> Git {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(super) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Git {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Git {
        self.variables.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs it. A failure of git itself is part of the output.
    pub(super) fn run(self) -> Result<GitOutput, RevisionError> {
        let child = self.command().spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => RevisionError::GitMissing,
            _ => RevisionError::Io { doing: "start git in", path: self.folder.clone(), source },
        })?;
        let output = collect(child).map_err(RevisionError::io("read git's output in", &self.folder))?;
        if output.stdout.len() as u64 > MAX_OUTPUT {
            let why = format!("it is longer than {} MiB", MAX_OUTPUT >> 20);
            return Err(RevisionError::UnexpectedOutput { command: self.subcommand, why });
        }
        Ok(output)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).args(["--no-pager", "--literal-pathspecs", "--no-replace-objects"]);
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        command.arg(&self.subcommand).args(&self.arguments);
        for (name, _) in env::vars_os().filter(|(name, _)| misleads(name)) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it and gives its standard output; a failure of git's is an error.
    pub(super) fn bytes(self) -> Result<Vec<u8>, RevisionError> {
        let (command, folder) = (self.subcommand.clone(), self.folder.clone());
        let output = self.run()?;
        if output.success {
            Ok(output.stdout)
        } else {
            Err(RevisionError::Git { command, folder, stderr: output.stderr.trim().to_owned() })
        }
    }

    /// Like [`Git::bytes`], as text without the newline at its end.
    pub(super) fn text(self) -> Result<String, RevisionError> {
        let command = self.subcommand.clone();
        let text = String::from_utf8(self.bytes()?)
            .map_err(|_| RevisionError::UnexpectedOutput { command, why: "it is not UTF-8".to_owned() })?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// Like [`Git::bytes`], as a path: any bytes but the newline at its end.
    pub(super) fn path(self) -> Result<PathBuf, RevisionError> {
        let mut bytes = self.bytes()?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Ok(PathBuf::from(OsString::from_vec(bytes)))
    }

    /// Like [`Git::text`], as the name of an object: 40 hex digits.
    pub(super) fn object(self) -> Result<String, RevisionError> {
        let command = self.subcommand.clone();
        let text = self.text()?;
        if is_object_name(&text) {
            Ok(text)
        } else {
            Err(RevisionError::UnexpectedOutput { command, why: "it is not the name of an object".to_owned() })
        }
    }

    /// Like [`Git::text`], as a number.
    pub(super) fn number(self) -> Result<u64, RevisionError> {
        let command = self.subcommand.clone();
        let parsed = self.text()?.parse();
        parsed.map_err(|_| RevisionError::UnexpectedOutput { command, why: "it is not a number".to_owned() })
    }
}

/// Is this the full name of an object in a sha1 repository?
pub(super) fn is_object_name(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn misleads(name: &OsStr) -> bool {
    // GIT_CONFIG_COUNT with its keys and values is how CI systems say which folders are safe.
    let counted = ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"];
    name.to_str().is_some_and(|name| {
        name.starts_with("GIT_") && !KEPT.contains(&name) && !counted.iter().any(|kept| name.starts_with(kept))
    })
}

/// Reads both pipes at once, so that git can never wait for us while we wait for it.
fn collect(mut child: Child) -> io::Result<GitOutput> {
    let stderr_reader = child.stderr.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut kept = Vec::new();
            // What is lost here is only the wording of an error.
            let _ = pipe.by_ref().take(MAX_STDERR).read_to_end(&mut kept);
            let _ = io::copy(&mut pipe, &mut io::sink());
            kept
        })
    });
    let mut stdout = Vec::new();
    let read = match child.stdout.take() {
        Some(pipe) => pipe.take(MAX_OUTPUT + 1).read_to_end(&mut stdout),
        None => Ok(0),
    };
    // Dropping the pipe above ends a git that has more to say than it may.
    let status = child.wait()?;
    read?;
    let stderr = stderr_reader.and_then(|thread| thread.join().ok()).unwrap_or_default();
    Ok(GitOutput { success: status.success(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_point_elsewhere_are_removed_and_settings_kept() {
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_CONFIG_PARAMETERS", "GIT_TRACE"] {
            assert!(misleads(OsStr::new(name)), "{name}");
        }
        for name in ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_GLOBAL", "PATH", "GITHUB_SHA"] {
            assert!(!misleads(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn object_names_are_forty_lower_case_hex_digits() {
        assert!(is_object_name("4b825dc642cb6eb9a060e54bf8d69288fbee4904"));
        assert!(!is_object_name("4B825DC642CB6EB9A060E54BF8D69288FBEE4904"));
        assert!(!is_object_name("^4b825dc642cb6eb9a060e54bf8d69288fbee490"));
        assert!(!is_object_name("4b825dc6"));
    }
}
