//! `benchline engine doc`: documents, which every device may edit, with a server or without. What was edited in two places is
//! kept twice, as a conflict, until somebody resolves it: see `conflicts`.

mod conflicts;
mod edit;
mod read;

use benchline_engine::store::Replica;

use super::{
    device::{Device, DeviceArgs},
    input::unless_interrupted,
};
use crate::cli::FAILED;

const AFTER_HELP: &str = "\
Examples:
  echo '{\"title\":\"Tea\"}' | benchline engine doc put shopping-1
  benchline engine doc put shopping-1 shopping.json
  benchline engine doc get shopping-1
  benchline engine doc ls shopping-
  benchline engine doc conflicts
  benchline engine doc resolve shopping-1 --keep 2

Documents have at most 8 MiB; larger things are blobs. Edits are durable here at once, and \
`benchline engine sync` exchanges them.";

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

pub(super) fn doc(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Put(args) => edit::put(args),
        Command::Get(args) => read::get(args),
        Command::Ls(args) => read::ls(args),
        Command::Rm(args) => edit::rm(args),
        Command::Conflicts(args) => conflicts::conflicts(args),
        Command::Resolve(args) => conflicts::resolve(args),
    }
}

/// Does `work` with the device's documents.
fn with_replica(
    device: &DeviceArgs,
    work: impl AsyncFnOnce(&Device, &Replica) -> anyhow::Result<u8>,
) -> anyhow::Result<u8> {
    let device = device.open()?;
    super::runtime()?.block_on(async {
        let replica = device.replica().await?;
        let outcome = unless_interrupted(work(&device, &replica)).await;
        replica.close().await;
        Ok(outcome?.unwrap_or(FAILED))
    })
}
