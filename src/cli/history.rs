//! `benchline history`: looks after the database.

use super::{
    exit::{FAILED, FINE},
    output::say,
    settings::Settings,
};
use crate::history::Writer;

const AFTER_HELP: &str = "\
Examples:
  benchline history verify
  benchline history verify --database elsewhere.sqlite";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that the database is whole: its pages, its references, every packed sample, every derived count.
    Verify,
}

pub(super) fn history(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    match args.command {
        Command::Verify => verify(settings),
    }
}

fn verify(settings: &Settings) -> anyhow::Result<u8> {
    let database = settings.database.display();
    // Opening would make a database; verifying one that is not there must not.
    anyhow::ensure!(settings.database.is_file(), "there is no database {database}; `benchline run` makes one");
    let problems = Writer::open(&settings.database)?.verify()?;
    for problem in &problems {
        say(format_args!("✕ {problem}"));
    }
    if problems.is_empty() {
        say(format_args!("● {database} is whole"));
    }
    Ok(if problems.is_empty() { FINE } else { FAILED })
}
