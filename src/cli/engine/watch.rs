//! `benchline engine watch`: synchronises again and again and prints what changes, wherever the change was made. The device
//! is closed between two rounds, so that other commands may use it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use benchline_engine::{
    client::{BlobError, SyncError},
    document::Generation,
    store::{BlobState, Change},
};
use serde_json::{Value, json};

use super::{
    device::{Device, DeviceArgs},
    input::{self, NamespaceArgs, unless_interrupted},
    ls,
    output::size,
    sync,
    transfer::with_client,
};
use crate::cli::{FINE, one_text, output::say};

const AFTER_HELP: &str = "\
Examples:
  benchline engine watch
  benchline engine watch --every 1s --json | while read -r change; do …; done

A server that is out of reach is told once, and tried again. Ctrl-C ends it, with exit code 0.";

/// Changes that are read at once.
const PAGE: usize = 1000;

/// The shortest pause between two rounds: each asks for the device's files and the server.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pause between two rounds
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = input::duration)]
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

pub(super) fn watch(args: &Args) -> anyhow::Result<u8> {
    ensure!(args.every >= SHORTEST, "--every is too short: at least 100 ms");
    let device = args.device.open()?;
    super::runtime()?.block_on(async {
        unless_interrupted(rounds(args, &device)).await?;
        Ok(FINE)
    })
}

async fn rounds(args: &Args, device: &Device) -> anyhow::Result<()> {
    let mut seen = Seen { documents: position(device).await?, blobs: blobs(args, device).await? };
    eprintln!("watching {} and {}  (Ctrl-C ends)", device.home.folder.display(), device.home.server);
    let mut away = false;
    loop {
        match exchange(args, device).await {
            Ok(()) if away => {
                eprintln!("the server answers again");
                away = false;
            }
            Ok(()) => {}
            Err(error) if is_passing(&error) => {
                if !away {
                    eprintln!("{}; trying again every {:?}", one_text(&error), args.every);
                }
                away = true;
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
    sync::documents(device, false).await?;
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

/// Whether it may be over by itself.
pub(super) fn is_passing(error: &anyhow::Error) -> bool {
    let passes = |error: &SyncError| {
        matches!(error, SyncError::Connection(_))
            || matches!(error, SyncError::Rejected(problem) if problem.status >= 500)
    };
    match (error.downcast_ref::<SyncError>(), error.downcast_ref::<BlobError>()) {
        (Some(error), _) | (_, Some(BlobError::Exchange(error))) => passes(error),
        _ => false,
    }
}

async fn position(device: &Device) -> anyhow::Result<Generation> {
    let replica = device.replica().await?;
    let position = replica.position().await?;
    replica.close().await;
    Ok(position.generation)
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
    let records = ls::all(&opened, &args.namespace.namespace, None).await;
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
