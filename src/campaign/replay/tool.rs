//! The tools that a replay can put around a client: what starts them, what they found. A tool that is missing is an error;
//! nothing is counted in its stead.

use std::{
    cell::Cell,
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::campaign::error::ReplayError;

/// What runs the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Counts instructions, by simulating the processor.
    Callgrind,
    /// Counts system calls.
    Syscalls,
    /// Takes a profile by interrupting.
    Perf,
}

/// What a tool found.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolReport {
    /// Instructions of the client while samples that count were taken.
    Instructions {
        /// Per operation.
        each: f64,
        /// In all samples.
        total: u64,
        /// Samples that were counted.
        samples: u32,
        /// The profile.
        file: PathBuf,
    },
    /// System calls of the client from start to exit.
    Syscalls {
        /// The table as the tool wrote it.
        table: String,
        /// The file that holds it.
        file: PathBuf,
    },
    /// A profile to be read with another program.
    Profile {
        /// Its size in bytes.
        bytes: u64,
        /// The profile.
        file: PathBuf,
    },
}

/// A tool that is installed, with the file that it writes.
pub(super) struct InstalledTool {
    tool: Tool,
    program: PathBuf,
    output: PathBuf,
    /// Requests to iterate that are still warm-up.
    warmup: Cell<u32>,
    counted: Cell<u32>,
}

impl Tool {
    /// How many times longer a step may take.
    pub(super) const fn slowdown(self) -> u32 {
        match self {
            Tool::Callgrind => 100,
            Tool::Syscalls => 20,
            Tool::Perf => 2,
        }
    }

    /// Program, what it finds, the file that it writes.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Tool::Callgrind => ("valgrind", "instructions", "callgrind.out"),
            Tool::Syscalls => ("strace", "system calls", "syscalls.txt"),
            Tool::Perf => ("perf", "a profile", "perf.data"),
        }
    }

    /// Looks for the program. Its output goes into `folder`; the first `warmup` samples are not counted.
    pub(super) fn find(self, folder: &Path, warmup: u32) -> Result<InstalledTool, ReplayError> {
        let (program, counts, file) = self.names();
        let package = if self == Tool::Perf { "linux-perf" } else { program };
        let found = on_the_path(program).ok_or(ReplayError::ToolMissing { counts, program, package })?;
        Ok(InstalledTool {
            tool: self,
            program: found,
            output: folder.join(file),
            warmup: Cell::new(warmup),
            counted: Cell::new(0),
        })
    }
}

impl InstalledTool {
    /// What is put before the client's command line.
    pub(super) fn command(&self) -> Vec<OsString> {
        let mut command = vec![self.program.clone().into_os_string()];
        match self.tool {
            Tool::Callgrind => {
                let mut output = OsString::from("--callgrind-out-file=");
                output.push(&self.output);
                command.extend(["--tool=callgrind", "--instr-atstart=no", "--quiet"].map(OsString::from));
                command.push(output);
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

    /// What it found. `operations` is how many operations each sample performed.
    pub(super) fn report(&self, operations: u64) -> Result<ToolReport, ReplayError> {
        let file = self.output.clone();
        let missing =
            |source| ReplayError::NoOutput { program: self.tool.names().0, path: self.output.clone(), source };
        match self.tool {
            Tool::Callgrind => {
                let text = fs::read_to_string(&file).map_err(missing)?;
                let samples = self.counted.get();
                let total = instructions(&text).filter(|total| samples > 0 && *total > 0);
                let total = total.ok_or_else(|| ReplayError::NothingCounted(self.output.clone()))?;
                let each = total as f64 / (f64::from(samples) * operations.max(1) as f64);
                Ok(ToolReport::Instructions { each, total, samples, file })
            }
            Tool::Syscalls => Ok(ToolReport::Syscalls { table: fs::read_to_string(&file).map_err(missing)?, file }),
            Tool::Perf => Ok(ToolReport::Profile { bytes: fs::metadata(&file).map_err(missing)?.len(), file }),
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
    fn a_tool_that_wrote_nothing_is_an_error() {
        assert_eq!(on_the_path("no-such-tool"), None);
        for tool in [Tool::Callgrind, Tool::Syscalls, Tool::Perf] {
            let installed = InstalledTool {
                tool,
                program: "/usr/bin/x".into(),
                output: Path::new("/kept").join("out"),
                warmup: Cell::new(0),
                counted: Cell::new(0),
            };
            let command = installed.command();
            assert_eq!(command[0], "/usr/bin/x");
            assert!(command.iter().any(|part| part.to_string_lossy().ends_with("/kept/out")), "{command:?}");
            assert!(installed.report(1).is_err(), "nothing was written");
        }
    }
}
