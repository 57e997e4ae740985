//! `benchline-engine mail`: messages that mail services handed over for a user, taken in by the user's devices. A message is
//! a stranger's: see `message`.

mod fetch;
mod message;
mod read;
mod setup;

use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  benchline-engine mail setup --owner 'Ana <ana@example.org>'
  benchline-engine mail fetch
  benchline-engine mail fetch --watch
  benchline-engine mail ls
  benchline-engine mail read m-1

The server takes messages with `benchline-engine serve --incoming ADDRESS:PORT`, from services that \
`benchline-engine service add` made. It encrypts each to the user's key before it is stored; a device \
opens it, keeps it as a document, and only then lets the server forget it.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the key that mail is encrypted to, and give it to the server.
    Setup(setup::Args),
    /// Take in the messages that wait at the server.
    Fetch(fetch::Args),
    /// List the messages on this device.
    Ls(read::LsArgs),
    /// Print a message.
    Read(read::ReadArgs),
}

pub(super) fn mail(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Setup(args) => setup::setup(args),
        Command::Fetch(args) => fetch::fetch(args),
        Command::Ls(args) => read::ls(args),
        Command::Read(args) => read::read(args),
    }
}
