//! `benchline-engine doc`: documents, which every device may edit, with a server or without. What was edited in two places is
//! kept twice, as a conflict, until somebody resolves it: see `conflicts`.

mod conflicts;
mod content;
mod edit;
mod read;

use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  echo '{\"title\":\"Tea\"}' | benchline-engine doc put shopping-1
  benchline-engine doc put shopping-1 shopping.json
  benchline-engine doc get shopping-1
  benchline-engine doc ls shopping-
  benchline-engine doc conflicts
  benchline-engine doc resolve shopping-1 --keep 2

Documents have at most 8 MiB; larger things are blobs. Edits are durable here at once, and \
`benchline-engine sync` exchanges them.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create a document, or replace what it says.
    Put(edit::PutArgs),
    /// Print a document.
    Get(read::GetArgs),
    /// List documents.
    Ls(read::LsArgs),
    /// Delete a document.
    Rm(edit::RmArgs),
    /// List documents that have concurrent versions, or the versions of one.
    Conflicts(conflicts::ConflictsArgs),
    /// End a conflict.
    Resolve(conflicts::ResolveArgs),
}

pub(super) fn doc(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Put(args) => edit::put(args),
        Command::Get(args) => read::get(args),
        Command::Ls(args) => read::ls(args),
        Command::Rm(args) => edit::rm(args),
        Command::Conflicts(args) => conflicts::conflicts(args),
        Command::Resolve(args) => conflicts::resolve(args),
    }
}
