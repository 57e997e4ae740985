//! `benchline-engine status`: the state of a device, and whether its server answers.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use benchline_engine::{
    client::SyncError,
    store::{BlobState, Replica},
};
use serde_json::json;

use crate::{
    device::{Device, DeviceArgs, Home},
    options::NamespaceArgs,
    output::{count, say, say_json},
    runtime::{runtime, unless_interrupted},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine status
  benchline-engine status --json

Exit code 1 where the server does not answer or does not accept the token.";

/// How long to wait for the server's answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Documents that are counted at once.
const PAGE: usize = 1000;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// The state of a device and of its connection.
struct Status {
    documents: u64,
    conflicts: usize,
    blobs: BTreeMap<&'static str, u64>,
    /// Why the server does not answer, if it does not.
    server: Result<(), String>,
}

pub(super) fn status(args: &Args) -> anyhow::Result<ExitCode> {
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let Some(status) = unless_interrupted(read_status(args, &device)).await? else { return Ok(ExitCode::FAILURE) };
        if args.json {
            print_json(&device, &status)?;
        } else {
            print(args, &device, &status);
        }
        Ok(if status.server.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn read_status(args: &Args, device: &Device) -> anyhow::Result<Status> {
    let replica = device.replica().await?;
    let documents = count_documents(&replica).await?;
    let conflicts = replica.conflicted().await?.len();
    replica.close().await;
    let blobs = device.blobs().await?;
    let states = blobs.count(&args.namespace.namespace).await?;
    blobs.close().await;
    let blobs = states.into_iter().map(|(state, number)| (BlobState::as_str(state), number)).collect();
    Ok(Status { documents, conflicts, blobs, server: check_server(&device.home).await })
}

async fn count_documents(replica: &Replica) -> anyhow::Result<u64> {
    let (mut number, mut after) = (0, None);
    loop {
        let page = replica.list("", after.as_ref(), PAGE).await?;
        number += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
            _ => return Ok(number),
        }
    }
}

/// Fetches something that is small and needs the token. Gives the reason of a failure.
async fn check_server(home: &Home) -> Result<(), String> {
    let slot = home.slot().map_err(|error| format!("{error:#}"))?;
    match tokio::time::timeout(TIMEOUT, slot.fetch()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error @ SyncError::Unauthorized)) => Err(format!("{error}; `benchline-engine login` gives it another")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

fn print_json(device: &Device, status: &Status) -> anyhow::Result<()> {
    let home = &device.home;
    say_json(json!({
        "home": home.folder, "server": home.server, "user": home.user.as_str(),
        "documents": status.documents, "conflicts": status.conflicts, "blobs": status.blobs,
        "server_answers": status.server.is_ok(), "server_failure": status.server.as_ref().err(),
    }))
}

fn print(args: &Args, device: &Device, status: &Status) {
    let home = &device.home;
    say(format_args!("device     {} of {}", home.folder.display(), home.user));
    match &status.server {
        Ok(()) => say(format_args!("server     {}: answers", home.server)),
        Err(failure) => say(format_args!("server     {}: {failure}", home.server)),
    }
    let conflicts = match status.conflicts {
        0 => String::new(),
        number => format!(", {number} in conflict: `benchline-engine doc conflicts`"),
    };
    say(format_args!("documents  {}{conflicts}", status.documents));
    let states = status.blobs.iter().map(|(state, number)| format!("{number} {state}")).collect::<Vec<_>>();
    let total = count(status.blobs.values().sum(), "blob");
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    say(format_args!("{:<10} {total}{states}", args.namespace.namespace));
}
