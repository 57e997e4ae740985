//! `benchline-engine verify`: whether a server's data, or a backup of them, are what they should be. Nothing is repaired.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use benchline_engine::server::{self, Damage, VerifyReport};
use serde_json::json;

use crate::{
    data::DataArgs,
    output::{count, elapsed, say, say_json, size},
    spinner::Spinner,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine verify --data server             what a server works on; it may run meanwhile
  benchline-engine verify /mnt/copies/engine        a backup
  benchline-engine verify /mnt/copies/engine --json

Every database is checked, and every blob is read and compared with its digest, as sealed: nobody's key is \
needed. Exit code 1 where something is damaged. Contents that nothing refers to are reported, and are not damage.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A backup [default: the server's data]
    #[arg(value_name = "DIR")]
    backup: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn verify(args: &Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let folder = args.backup.as_ref().unwrap_or(&args.data.data);
    let spinner = Spinner::start("reading everything");
    let report = server::verify(folder, &args.data.config()?)?;
    drop(spinner);
    let damaged = report.damage.iter().filter(|damage| !is_harmless(damage)).count() as u64;
    if args.json {
        print_json(&report)?;
    } else {
        let time = elapsed(started);
        let (databases, blobs) = (count(report.databases as u64, "database"), count(report.blobs, "blob"));
        let verdict = if damaged == 0 { "whole".to_owned() } else { format!("{damaged} damaged") };
        let folder = folder.display();
        say(format_args!("{folder}: {databases}, {blobs}, {} read: {verdict} ({time})", size(report.bytes)));
        for damage in &report.damage {
            eprintln!("{} {damage}", if is_harmless(damage) { "·" } else { "✕" });
        }
        if damaged > 0 {
            eprintln!("{}", advice(args));
        }
    }
    Ok(if damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether it takes room and nothing else.
fn is_harmless(damage: &Damage) -> bool {
    matches!(damage, Damage::Unnamed(_))
}

fn advice(args: &Args) -> &'static str {
    if args.backup.is_some() {
        "take another backup while the server's data are whole (`benchline-engine verify` without a folder tells)"
    } else {
        "keep this folder, and restore a backup into another one with `benchline-engine restore`"
    }
}

fn print_json(report: &VerifyReport) -> anyhow::Result<()> {
    let damage = report.damage.iter();
    let damage = damage.map(|damage| json!({ "what": damage.to_string(), "harmless": is_harmless(damage) }));
    say_json(json!({
        "databases": report.databases, "blobs": report.blobs, "bytes": report.bytes,
        "damage": damage.collect::<Vec<_>>(),
    }))
}
