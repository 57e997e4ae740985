//! `benchline-engine ls`: which blobs there are, here or at the server.

use std::process::ExitCode;

use benchline_engine::{
    client::Blobs,
    protocol::BlobEntry,
    store::{BlobRecord, BlobState},
};
use serde_json::{Value, json};

use crate::{
    blobs::list_all,
    device::{Device, DeviceArgs},
    options::NamespaceArgs,
    output::{count, say, say_json, size, table},
    runtime::{runtime, unless_interrupted},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine ls
  benchline-engine ls --state failed_upload
  benchline-engine ls --remote --json

Here: names, sizes and states as of the last sync, without a server. At the server: what it has, \
with the sealed sizes that count against the quota.
States: synced, pending_upload, pending_download, pending_delete, failed_upload, failed_download, \
quarantined, local_only.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What the server has
    #[arg(long, conflicts_with = "state")]
    remote: bool,
    /// What this device knows of, which is the default
    #[arg(long, conflicts_with = "remote")]
    local: bool,
    /// Only blobs in this state
    #[arg(long, value_parser = state)]
    state: Option<BlobState>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

fn state(text: &str) -> Result<BlobState, String> {
    let names = || BlobState::ALL.map(BlobState::as_str).join(", ");
    let found = BlobState::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| format!("no state has this name; there are {}", names()))
}

pub(super) fn ls(args: &Args) -> anyhow::Result<ExitCode> {
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let blobs = device.blobs().await?;
        let listed = unless_interrupted(async {
            if args.remote { remote(args, &device, &blobs).await } else { local(args, &blobs).await }
        })
        .await;
        blobs.close().await;
        Ok(if listed?.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn local(args: &Args, blobs: &Blobs) -> anyhow::Result<()> {
    let records = list_all(blobs, &args.namespace.namespace, args.state).await?;
    if args.json {
        return print_json(args, &records.iter().map(local_json).collect::<Vec<_>>());
    }
    let mut rows = vec![["name", "size", "state", ""].map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        let length = record.length.map_or_else(|| "–".to_owned(), size);
        let note = record.failure.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![record.address.id().to_owned(), length, record.state.as_str().to_owned(), note]
    }));
    let total = records.iter().filter_map(|record| record.length).sum();
    print_table(&rows, records.len(), total);
    Ok(())
}

async fn remote(args: &Args, device: &Device, blobs: &Blobs) -> anyhow::Result<()> {
    let client = device.blob_client(blobs)?;
    let mut entries: Vec<BlobEntry> = Vec::new();
    loop {
        let after = entries.last().map_or("", |entry| entry.id.as_str());
        let (page, more) = client.list_remote(&args.namespace.namespace, after).await?;
        entries.extend(page);
        if !more {
            break;
        }
    }
    client.close().await;
    if args.json {
        return print_json(args, &entries.iter().map(remote_json).collect::<Vec<_>>());
    }
    let mut rows = vec![["name", "sealed size", "since"].map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|entry| {
        let since = jiff::Timestamp::from_second(entry.created);
        let since = since.map_or_else(|_| "–".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
        vec![entry.id.as_str().to_owned(), size(entry.length), since]
    }));
    let total = entries.iter().map(|entry| entry.length).sum();
    print_table(&rows, entries.len(), total);
    Ok(())
}

fn print_json(args: &Args, blobs: &[Value]) -> anyhow::Result<()> {
    say_json(json!({ "namespace": args.namespace.namespace, "blobs": blobs }))
}

fn print_table(rows: &[Vec<String>], blobs: usize, total: u64) {
    if blobs > 0 {
        say(format_args!("{}", table(rows, &[false, true]).trim_end()));
    }
    eprintln!("{}, {}", count(blobs as u64, "blob"), size(total));
}

fn local_json(record: &BlobRecord) -> Value {
    json!({
        "name": record.address.id(), "length": record.length, "state": record.state.as_str(), "draft": record.draft,
        "failure": record.failure.as_ref().map(|failure| &failure.message),
    })
}

fn remote_json(entry: &BlobEntry) -> Value {
    json!({ "name": entry.id.as_str(), "sealed_length": entry.length, "created": entry.created })
}
