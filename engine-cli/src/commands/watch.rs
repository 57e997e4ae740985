//! `benchline-engine watch`: synchronises again and again and prints what changes, wherever the change was made. The device
//! is closed between two rounds, so that other commands may use it.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::ensure;
use benchline_engine::{
    document::Generation,
    store::{BlobState, Change},
};
use serde_json::{Value, json};

use crate::{
    blobs::list_all,
    device::{Device, DeviceArgs},
    documents::sync_documents,
    options::{self, NamespaceArgs},
    output::{error_text, say, size},
    polling::{MIN_INTERVAL, is_transient, position},
    runtime::{runtime, unless_interrupted},
    transfer::with_client,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine watch
  benchline-engine watch --every 1s --json | while read -r change; do …; done

An unreachable server is reported once, and retried. Ctrl-C ends it, with exit code 0.";

/// Changes that are read at once.
const PAGE: usize = 1000;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pause between two rounds
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = options::duration)]
    every: Duration,
    /// A JSON object for each change, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// What was last seen of the device.
struct Seen {
    documents: Generation,
    blobs: BTreeMap<String, (BlobState, Option<u64>)>,
}

pub(super) fn watch(args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(args.every >= MIN_INTERVAL, "--every is too short: at least 100 ms");
    let device = args.device.open()?;
    runtime()?.block_on(async {
        unless_interrupted(rounds(args, &device)).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn rounds(args: &Args, device: &Device) -> anyhow::Result<()> {
    let mut seen = Seen { documents: position(device).await?, blobs: blobs(args, device).await? };
    eprintln!("watching {} and {}  (Ctrl-C ends)", device.home.folder.display(), device.home.server);
    let mut unreachable = false;
    loop {
        match exchange(args, device).await {
            Ok(()) if unreachable => {
                eprintln!("the server answers again");
                unreachable = false;
            }
            Ok(()) => {}
            Err(error) if is_transient(&error) => {
                if !unreachable {
                    eprintln!("{}; trying again every {:?}", error_text(&error), args.every);
                }
                unreachable = true;
            }
            Err(error) => return Err(error),
        }
        print_documents(args, device, &mut seen).await?;
        print_blobs(args, device, &mut seen).await?;
        tokio::time::sleep(args.every).await;
    }
}

/// One round. Interrupted anywhere, it is gone on with by the next.
async fn exchange(args: &Args, device: &Device) -> anyhow::Result<()> {
    sync_documents(device, false).await?;
    let opened = device.blobs().await?;
    let namespace = &args.namespace.namespace;
    let synced = with_client(device, &opened, None, async |client| Ok(client.sync(namespace).await?)).await;
    opened.close().await;
    if let Some(report) = synced? {
        for (_, failure) in &report.failed {
            tracing::info!("{failure}");
        }
    }
    Ok(())
}

async fn print_documents(args: &Args, device: &Device, seen: &mut Seen) -> anyhow::Result<()> {
    let replica = device.replica().await?;
    loop {
        let changes = replica.changes(seen.documents, PAGE).await?;
        let Some(last) = changes.last() else { break };
        seen.documents = last.generation;
        changes.iter().for_each(|change| print_document(args, change));
    }
    replica.close().await;
    Ok(())
}

fn print_document(args: &Args, change: &Change) {
    let what = match (change.conflicts > 0, change.deleted) {
        (true, _) => "conflict",
        (false, true) => "deleted",
        (false, false) => "changed",
    };
    print(
        args,
        format_args!("document {} {what}", change.id),
        &json!({ "document": change.id.as_str(), "revision": change.revision.to_string(), "change": what }),
    );
}

async fn blobs(args: &Args, device: &Device) -> anyhow::Result<BTreeMap<String, (BlobState, Option<u64>)>> {
    let opened = device.blobs().await?;
    let records = list_all(&opened, &args.namespace.namespace, None).await;
    opened.close().await;
    let records = records?.into_iter();
    Ok(records.map(|record| (record.address.id().to_owned(), (record.state, record.length))).collect())
}

async fn print_blobs(args: &Args, device: &Device, seen: &mut Seen) -> anyhow::Result<()> {
    let now = blobs(args, device).await?;
    let namespace = &args.namespace.namespace;
    let say_blob = |name: &str, state: &str, length: Option<u64>| {
        let shown = length.map_or(String::new(), |length| format!(" ({})", size(length)));
        print(
            args,
            format_args!("blob {namespace}/{name} {state}{shown}"),
            &json!({ "namespace": namespace, "blob": name, "change": state, "length": length }),
        );
    };
    for (name, (state, length)) in &now {
        if seen.blobs.get(name).map(|(state, _)| state) != Some(state) {
            say_blob(name, state.as_str(), *length);
        }
    }
    for name in seen.blobs.keys().filter(|name| !now.contains_key(*name)) {
        say_blob(name, "deleted", None);
    }
    seen.blobs = now;
    Ok(())
}

fn print(args: &Args, line: std::fmt::Arguments<'_>, value: &Value) {
    if args.json { say(format_args!("{value}")) } else { say(line) }
}
