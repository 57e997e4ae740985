//! `benchline-engine backup`: a copy of a server's data, taken while the server runs.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use benchline_engine::server::{self, BackupReport, Progress};
use serde_json::json;

use crate::{
    data::DataArgs,
    output::{count, elapsed, say, say_json, size},
    spinner::Spinner,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine backup /mnt/copies/engine --data server
  benchline-engine backup /mnt/copies/engine --data server --json
  benchline-engine verify /mnt/copies/engine

The server may run meanwhile. DIR is empty, absent, or holds an earlier backup of the same server: then \
only blobs that are new are copied, and the earlier one goes when the new one is whole and durable. \
Interrupt it where you like; the next one begins anew and copies no blob twice.
Not in it: config.toml, the keys of TLS, and uploads under way.
Exit code 1 where the server itself had lost blobs, which are named.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The folder of the backup
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn backup(args: &Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let mut spinner = Spinner::start("copying");
    let config = args.data.config()?;
    let show = |progress| spinner.set_message(place(progress));
    let report = server::backup(&args.data.data, &args.target, &config, show)?;
    drop(spinner);
    if args.json {
        print_json(&report)?;
    } else {
        print(args, &report, started);
    }
    Ok(if report.lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn place(progress: Progress) -> String {
    match progress {
        Progress::Databases { done, all } => format!("databases: {done} of {all}"),
        Progress::Blobs { done } => format!("blobs: {done}"),
    }
}

fn print(args: &Args, report: &BackupReport, started: Instant) {
    let time = elapsed(started);
    let users = count(report.databases as u64, "database");
    let copied = size(report.bytes_copied);
    let target = args.target.display();
    say(format_args!("{target}: {users}, {}, {copied} copied ({time})", count(report.blobs, "blob")));
    if !report.contents {
        eprintln!("the contents of blobs are in an object store: copy that by its own means");
    }
    for lost in &report.lost {
        eprintln!("✕ the content {lost} of a blob of user {} was lost at the server already", lost.user);
    }
}

fn print_json(report: &BackupReport) -> anyhow::Result<()> {
    say_json(json!({
        "databases": report.databases, "blobs": report.blobs, "bytes_copied": report.bytes_copied,
        "contents": report.contents, "lost": report.lost.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
