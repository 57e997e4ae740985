//! `benchline-engine`: the sync engine by hand, as its server and as one of a user's devices. A secret must never be taken from
//! the command line, where every process of the machine can read it, nor be printed unless it was asked for.
//!
//! `commands` has a file for each subcommand; what several of them need is in the modules beside it.

mod advice;
mod blobs;
mod commands;
mod data;
mod device;
mod documents;
mod options;
mod output;
mod polling;
mod runtime;
mod secrets;
mod spinner;
mod transfer;

use std::{
    io::{IsTerminal as _, stderr},
    process::ExitCode,
};

use clap::Parser as _;

fn main() -> ExitCode {
    // A process of the engine's crypto pool is this program, too.
    benchline_engine::pool::worker_if_asked();
    let cli = commands::Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("BENCHLINE_LOG");
    let filter = filter.unwrap_or_else(|_| cli.log_level().into());
    // A log in a file must have no colours.
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colours).init();
    cli.run().unwrap_or_else(|error| {
        eprintln!("benchline-engine: {}", output::error_text(&advice::with_advice(error)));
        ExitCode::FAILURE
    })
}
