//! `benchline-engine passphrase`: wraps the user's secret under another passphrase. The secret stays the same, so nothing has
//! to be sealed again.

use std::{path::PathBuf, process::ExitCode};

use anyhow::ensure;
use benchline_engine::crypto::Cost;

use crate::{
    device::{Home, HomeArgs},
    runtime::{runtime, unless_interrupted},
    secrets::{self, PassphraseArgs},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine passphrase
  benchline-engine passphrase --passphrase-file old --new-passphrase-file new

Other devices go on with the old one until `benchline-engine login` there. It does not lock out who \
knows the old passphrase and has kept a copy of the old recovery document.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Read the new passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn passphrase(args: &Args) -> anyhow::Result<ExitCode> {
    let home = Home::find(&args.home)?;
    let old = match args.passphrase.given()? {
        Some(old) => old,
        None => secrets::ask_passphrase(&format!("present passphrase of {}", home.user), false)?,
    };
    let new = match &args.new_passphrase_file {
        Some(file) => secrets::first_line(file)?,
        None => secrets::ask_passphrase("new passphrase", true)?,
    };
    ensure!(!new.is_empty(), "the new passphrase is empty; choose one that nobody guesses");
    let slot = home.slot()?;
    runtime()?.block_on(async {
        let local = Home::recovery_file(&home.folder);
        let changed = async { Ok(slot.change_passphrase(&local, &old, &new, Cost::default()).await?) };
        if unless_interrupted(changed).await?.is_none() {
            eprintln!("interrupted: `benchline-engine login` tells which passphrase counts");
            return Ok(ExitCode::FAILURE);
        }
        eprintln!("the passphrase of {} is changed", home.user);
        Ok(ExitCode::SUCCESS)
    })
}
