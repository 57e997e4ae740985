//! The tools that `benchline replay` can put around a client: what starts them, what they say afterwards.
//! A tool that is missing is said to be missing; nothing is counted in its stead.

use std::{
    cell::Cell,
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;

use crate::units::Unit;

/// What runs the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// Counts instructions, by simulating the processor.
    Callgrind,
    /// Counts system calls.
    Syscalls,
    /// Takes a profile by interrupting.
    Perf,
}

/// A tool that was found, with the file that it writes.
pub(super) struct Found {
    tool: Tool,
    program: PathBuf,
    output: PathBuf,
    /// Requests to iterate that are still warm-up.
    warmup: Cell<u32>,
    counted: Cell<u32>,
}

impl Tool {
    /// How many times longer a step may take.
    pub(super) const fn patience(self) -> u32 {
        match self {
            Tool::Callgrind => 100,
            Tool::Syscalls => 20,
            Tool::Perf => 2,
        }
    }

    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Tool::Callgrind => ("valgrind", "instructions", "callgrind.out"),
            Tool::Syscalls => ("strace", "system calls", "syscalls.txt"),
            Tool::Perf => ("perf", "a profile", "perf.data"),
        }
    }

    /// Looks for the program. Its output goes into `folder`.
    pub(super) fn find(self, folder: &Path, warmup: u32) -> anyhow::Result<Found> {
        let (name, what, file) = self.names();
        let program = on_the_path(name).with_context(|| {
            let package = if self == Tool::Perf { "linux-perf" } else { name };
            format!(
                "{what} are unavailable: there is no `{name}` on this machine; `sudo apt install {package}` brings it"
            )
        })?;
        Ok(Found { tool: self, program, output: folder.join(file), warmup: Cell::new(warmup), counted: Cell::new(0) })
    }
}

impl Found {
    /// What is put before the client's command line.
    pub(super) fn command(&self) -> Vec<OsString> {
        let mut command = vec![self.program.clone().into_os_string()];
        let with = |option: &str| {
            let mut option = OsString::from(option);
            option.push(&self.output);
            option
        };
        match self.tool {
            Tool::Callgrind => {
                command.extend(["--tool=callgrind", "--instr-atstart=no", "--quiet"].map(OsString::from));
                command.push(with("--callgrind-out-file="));
            }
            Tool::Syscalls => {
                command.extend(["-f", "-c", "-o"].map(OsString::from));
                command.push(self.output.clone().into());
            }
            Tool::Perf => {
                command.extend(["record", "--quiet", "--call-graph", "fp", "--output"].map(OsString::from));
                command.push(self.output.clone().into());
                command.push("--".into());
            }
        }
        command
    }

    /// Counts only while a sample that counts is taken: valgrind can be told from outside.
    pub(super) fn around(&self, client: u32, begins: bool) {
        if self.tool != Tool::Callgrind {
            return;
        }
        if begins && self.warmup.get() > 0 {
            return;
        }
        if !begins && self.warmup.get() > 0 {
            self.warmup.set(self.warmup.get() - 1);
            return;
        }
        let wanted = if begins { "on" } else { "off" };
        let mut vgdb = Command::new(self.program.with_file_name("vgdb"));
        vgdb.args([&format!("--pid={client}"), "instrumentation", wanted]);
        let told = vgdb.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if begins && told.is_ok_and(|status| status.success()) {
            self.counted.set(self.counted.get() + 1);
        }
    }

    /// What it found, as lines for a person. `operations` is how many operations each sample performed.
    pub(super) fn tell(&self, operations: u64) -> anyhow::Result<Vec<String>> {
        let output = self.output.display();
        match self.tool {
            Tool::Callgrind => {
                let text = fs::read_to_string(&self.output)
                    .with_context(|| format!("valgrind left no profile in {output}"))?;
                let samples = self.counted.get();
                let total = instructions(&text)
                    .filter(|total| samples > 0 && *total > 0)
                    .with_context(|| format!("valgrind counted nothing: {output}. Could `vgdb` reach the client?"))?;
                let each = total as f64 / (f64::from(samples) * operations.max(1) as f64);
                Ok(vec![
                    format!(
                        "instructions  {} an operation ({total} in all, samples: {samples}; one role alone, all its threads)",
                        Unit::Count.format(each)
                    ),
                    format!("profile       {output}; `callgrind_annotate {output}` reads it"),
                ])
            }
            Tool::Syscalls => {
                let text =
                    fs::read_to_string(&self.output).with_context(|| format!("strace left no table in {output}"))?;
                let mut lines = vec!["system calls of the client from start to exit, set-up included:".to_owned()];
                lines.extend(text.lines().take(16).map(str::to_owned));
                lines.push(format!("all of them   {output}"));
                Ok(lines)
            }
            Tool::Perf => {
                let size =
                    fs::metadata(&self.output).with_context(|| format!("perf left no profile in {output}"))?.len();
                let size = Unit::Bytes.format(size as f64);
                Ok(vec![format!("profile       {output} ({size}); `perf report -i {output}` reads it")])
            }
        }
    }
}

/// The instructions that a file of callgrind's says were executed (callgrind's manual, "Callgrind Profile Format":
/// `totals:` holds one number an event, and instructions are the first).
fn instructions(profile: &str) -> Option<u64> {
    let of = |name: &str| {
        let line = profile.lines().rev().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    of("totals:").or_else(|| of("summary:"))
}

fn on_the_path(name: &str) -> Option<PathBuf> {
    let starts =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_read_as_the_format_is_documented() {
        let profile = "# callgrind format\nversion: 1\ncmd: ./a\npart: 1\n\nevents: Ir\nsummary: 0\n\nfn=(1) main\n1 90\n\
            totals: 6002352\n";
        assert_eq!(instructions(profile), Some(6_002_352));
        assert_eq!(instructions("events: Ir Dr\nsummary: 12 3\n"), Some(12));
        assert_eq!(instructions("fn=(1) main\n"), None);
    }

    #[test]
    fn a_missing_tool_is_named_with_what_brings_it() {
        assert_eq!(on_the_path("no-such-tool"), None);
        let folder = Path::new("/kept");
        let found = |tool| Found {
            tool,
            program: "/usr/bin/x".into(),
            output: folder.join("out"),
            warmup: Cell::new(0),
            counted: Cell::new(0),
        };
        for tool in [Tool::Callgrind, Tool::Syscalls, Tool::Perf] {
            let command = found(tool).command();
            assert_eq!(command[0], "/usr/bin/x");
            assert!(command.iter().any(|part| part.to_string_lossy().ends_with("/kept/out")), "{command:?}");
            assert!(found(tool).tell(1).is_err(), "nothing was written");
        }
    }
}
