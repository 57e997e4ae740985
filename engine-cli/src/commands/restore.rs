//! `benchline-engine restore`: a server's folder, made of a backup. It must never write over anything.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use benchline_engine::server;
use serde_json::json;

use crate::{
    output::{count, elapsed, say, say_json, size},
    spinner::Spinner,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine restore /mnt/copies/engine --data server
  benchline-engine serve --data server

The folder of --data is empty or absent. Every database and every blob is verified on the way; where one is \
damaged, nothing is restored. Then put config.toml and the keys of TLS back, which no backup has, and revoke \
again the tokens that were revoked after the backup. Devices that have newer data report it at \
their next sync. An interrupted restore leaves a folder .NAME.… beside the folder of --data: remove it.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The folder of the backup
    #[arg(value_name = "DIR")]
    backup: PathBuf,
    /// The folder for the server's data, empty or absent
    #[arg(long, env = "BENCHLINE_ENGINE_DATA", default_value = "engine-data", value_name = "DIR")]
    data: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn restore(args: &Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let spinner = Spinner::start("copying and verifying");
    let report = server::restore(&args.backup, &args.data)?;
    drop(spinner);
    if args.json {
        say_json(json!({
            "databases": report.databases, "blobs": report.blobs, "bytes": report.bytes, "contents": report.contents,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let time = elapsed(started);
    let (databases, blobs) = (count(report.databases as u64, "database"), count(report.blobs, "blob"));
    say(format_args!("{}: {databases}, {blobs}, {} ({time})", args.data.display(), size(report.bytes)));
    if !report.contents {
        eprintln!("the backup has no contents of blobs: the object store must have them");
    }
    Ok(ExitCode::SUCCESS)
}
