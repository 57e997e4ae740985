//! The programs that a build of the subject needs.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::finding::{Finding, Status};

/// What a build of the subject needs: the program, and what for.
const PROGRAMS: [(&str, &str); 5] = [
    ("git", "revisions are read with git 2.34 or newer: install it"),
    ("cargo", "subjects are built with cargo: install Rust with rustup"),
    ("cc", "the engine's libraries are partly C: install a C compiler, such as gcc"),
    ("perl", "OpenSSL's build is written in perl: install it"),
    ("make", "OpenSSL is built with make: install it"),
];

/// Looks for each program.
pub(super) fn examine() -> Vec<Finding> {
    PROGRAMS.iter().map(|(name, advice)| program(name, advice)).collect()
}

fn program(name: &'static str, advice: &str) -> Finding {
    let Some(path) = on_the_path(name) else { return Finding::new(name, Status::Bad, "not found", advice) };
    if name != "git" && name != "cargo" {
        return Finding::fine(name, path.display().to_string());
    }
    let Some(version) = version_of(&path) else {
        return Finding::new(name, Status::Bad, format!("{} does not start", path.display()), advice);
    };
    let old = name == "git" && git_version(&version).is_some_and(|found| found < (2, 34));
    Finding::new(name, if old { Status::Bad } else { Status::Ok }, version, advice)
}

/// Where a program lies that the shell would start.
fn on_the_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let starts =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
    env::split_paths(&path).map(|folder| folder.join(name)).find(starts)
}

/// The first line that a program answers to `--version`.
fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// Major and minor number of `git version 2.47.3`.
fn git_version(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.strip_prefix("git version ")?.split(['.', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_git_are_compared_as_numbers() {
        assert_eq!(git_version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(git_version("git version 2.9.0 (Apple Git-1)"), Some((2, 9)));
        assert_eq!(git_version("git version 2.50.rc1"), Some((2, 50)));
        assert!(git_version("git version 2.9.0") < Some((2, 34)));
        assert_eq!(git_version("something else"), None);
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let shell = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
        let expected = String::from_utf8(shell.stdout).unwrap();
        assert_eq!(on_the_path("git"), Some(PathBuf::from(expected.trim())));
        assert_eq!(program("no-such-program", "install it").status, Status::Bad);
    }
}
