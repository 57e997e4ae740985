//! Runs what is not timed, and is how every program is started here: in its folder, with a small environment.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    error::{AdapterError, UNAVAILABLE, shown},
    substitutions::Substitutions,
};
use crate::model::external::CommandLine;

/// A command that is ready to be started. Its errors go to this process's own standard error, whose end the runner keeps;
/// nothing of it reaches standard output, which is the contract's.
pub(super) fn command(line: &[String], folder: &Path) -> Command {
    let mut command = Command::new(line.first().map_or("", String::as_str));
    command.args(line.get(1..).unwrap_or_default()).current_dir(folder).stdin(Stdio::null()).stdout(io::stderr());
    // What a program keeps for its user must not be the person's who measures, and begins empty in every trial.
    command.env("HOME", folder);
    command
}

/// Runs each line, one after the other. The first that ends badly ends them.
pub(super) fn run_all(lines: &[CommandLine], substitutions: &Substitutions, folder: &Path) -> Result<(), AdapterError> {
    lines.iter().try_for_each(|line| run(line, substitutions, folder))
}

fn run(line: &CommandLine, substitutions: &Substitutions, folder: &Path) -> Result<(), AdapterError> {
    let line = substitutions.line(line)?;
    let status = command(&line, folder).status().map_err(|error| AdapterError::start(&line, error))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(UNAVAILABLE) => Err(AdapterError::Unavailable(shown(&line))),
        _ => Err(AdapterError::ended(&line, status, 0)),
    }
}
