//! The subcommands: one file each. They import what they share from the modules beside this folder, and nothing from each other.

mod backup;
mod doc;
mod get;
mod init;
mod ls;
mod mail;
mod passphrase;
mod purge;
mod put;
mod replicas;
mod restore;
mod rm;
mod serve;
mod service;
mod status;
mod sync;
mod token;
mod user;
mod verify;
mod watch;

use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  benchline-engine serve --data server              a server on this machine
  benchline-engine user add ana --data server       a user of it
  benchline-engine token ana --data server          what her devices log in with
  benchline-engine init --server http://127.0.0.1:7878 --user ana
  benchline-engine put photo.jpg                    seal it here, then send it
  benchline-engine get photo.jpg                    on another device of hers
  benchline-engine sync                             everything that either side lacks
  benchline-engine mail fetch                       what mail services handed over for her
  benchline-engine backup copies --data server      a copy of everything, while the server runs

Secrets are asked for on a terminal, or come from files (--passphrase-file, --token-file), or from \
BENCHLINE_ENGINE_PASSPHRASE and BENCHLINE_ENGINE_TOKEN; never from an option.
Exit codes: 0 fine, 1 failed, 2 bad usage. docs/ENGINE.md begins with a first hour.";

/// An end-to-end-encrypted sync engine: its server, and one of a user's devices.
#[derive(Debug, clap::Parser)]
#[command(name = "benchline-engine", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run a server.
    Serve(serve::Args),
    /// Look after the users of a server.
    User(user::Args),
    /// Make or revoke what a user's devices log in with.
    Token(token::Args),
    /// Look after the mail services that may hand over messages.
    Service(service::Args),
    /// Copy a server's data, while it runs.
    Backup(backup::Args),
    /// Make a server's folder of a backup.
    Restore(restore::Args),
    /// Look for damage in a server's data, or in a backup.
    Verify(verify::Args),
    /// Make this machine one of a user's devices.
    Init(init::Args),
    /// Give this device another token, and fetch the user's recovery document anew.
    Login(init::LoginArgs),
    /// Change the user's passphrase, on this device and for all others.
    Passphrase(passphrase::Args),
    /// Show the state of this device.
    Status(status::Args),
    /// Store a file as a blob, and send it.
    Put(put::Args),
    /// Write a blob to a file, fetching it where it is not here.
    Get(get::Args),
    /// List blobs.
    Ls(ls::Args),
    /// Delete blobs, here and at the server.
    Rm(rm::Args),
    /// Work with documents: small things that can be edited on every device.
    Doc(doc::Args),
    /// Work with messages that mail services handed over.
    Mail(mail::Args),
    /// Exchange everything that either side lacks.
    Sync(sync::Args),
    /// List the devices that the server knows, or make it forget one.
    Replicas(replicas::Args),
    /// Remove the marks of deleted documents.
    Purge(purge::Args),
    /// Synchronise again and again, and print what changes.
    Watch(watch::Args),
}

impl Cli {
    /// What is logged where BENCHLINE_LOG says nothing. Commands of a device report failures themselves.
    pub(crate) fn log_level(&self) -> &'static str {
        if matches!(self.command, Command::Serve(_)) { "info" } else { "error" }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// When it fails; `advice` knows what to do about some errors.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.command {
            Command::Serve(args) => serve::serve(args),
            Command::User(args) => user::user(args),
            Command::Token(args) => token::token(args),
            Command::Service(args) => service::service(args),
            Command::Backup(args) => backup::backup(args),
            Command::Restore(args) => restore::restore(args),
            Command::Verify(args) => verify::verify(args),
            Command::Init(args) => init::init(args),
            Command::Login(args) => init::login(args),
            Command::Passphrase(args) => passphrase::passphrase(args),
            Command::Status(args) => status::status(args),
            Command::Put(args) => put::put(args),
            Command::Get(args) => get::get(args),
            Command::Ls(args) => ls::ls(args),
            Command::Rm(args) => rm::rm(args),
            Command::Doc(args) => doc::doc(args),
            Command::Mail(args) => mail::mail(args),
            Command::Sync(args) => sync::sync(args),
            Command::Replicas(args) => replicas::replicas(args),
            Command::Purge(args) => purge::purge(args),
            Command::Watch(args) => watch::watch(args),
        }
    }
}
