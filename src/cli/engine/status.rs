//! `benchline engine status`: how a device stands, and whether its server answers.

use std::{collections::BTreeMap, time::Duration};

use benchline_engine::{
    client::SyncError,
    store::{BlobState, Replica},
};
use serde_json::json;

use super::{
    device::{Device, DeviceArgs, Home},
    input::{NamespaceArgs, unless_interrupted},
    output::{count, say_json},
};
use crate::cli::{FAILED, FINE, output::say};

const AFTER_HELP: &str = "\
Examples:
  benchline engine status
  benchline engine status --json

Exit code 1 where the server does not answer or does not accept the token.";

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// How a device stands.
struct Standing {
    documents: u64,
    conflicts: usize,
    blobs: BTreeMap<&'static str, u64>,
    /// Why the server does not answer, if it does not.
    server: Result<(), String>,
}

pub(super) fn status(args: &Args) -> anyhow::Result<u8> {
    let device = args.device.open()?;
    super::runtime()?.block_on(async {
        let Some(standing) = unless_interrupted(look(args, &device)).await? else { return Ok(FAILED) };
        if args.json {
            print_json(&device, &standing)?
        } else {
            print(args, &device, &standing)
        }
        Ok(if standing.server.is_ok() { FINE } else { FAILED })
    })
}

async fn look(args: &Args, device: &Device) -> anyhow::Result<Standing> {
    let replica = device.replica().await?;
    let documents = count_documents(&replica).await?;
    let conflicts = replica.conflicted().await?.len();
    replica.close().await;
    let blobs = device.blobs().await?;
    let states = blobs.count(&args.namespace.namespace).await?;
    blobs.close().await;
    let blobs = states.into_iter().map(|(state, number)| (BlobState::as_str(state), number)).collect();
    Ok(Standing { documents, conflicts, blobs, server: ask(&device.home).await })
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

/// Asks the server for something that needs the token and is always small.
async fn ask(home: &Home) -> Result<(), String> {
    let slot = home.slot().map_err(|error| format!("{error:#}"))?;
    match tokio::time::timeout(PATIENCE, slot.fetch()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error @ SyncError::Unauthorized)) => Err(format!("{error}; `benchline engine login` gives it another")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn print_json(device: &Device, standing: &Standing) -> anyhow::Result<()> {
    let home = &device.home;
    say_json(json!({
        "home": home.folder, "server": home.server, "user": home.user.as_str(),
        "documents": standing.documents, "conflicts": standing.conflicts, "blobs": standing.blobs,
        "server_answers": standing.server.is_ok(), "server_failure": standing.server.as_ref().err(),
    }))
}

fn print(args: &Args, device: &Device, standing: &Standing) {
    let home = &device.home;
    say(format_args!("device     {} of {}", home.folder.display(), home.user));
    match &standing.server {
        Ok(()) => say(format_args!("server     {}: answers", home.server)),
        Err(failure) => say(format_args!("server     {}: {failure}", home.server)),
    }
    let conflicts = match standing.conflicts {
        0 => String::new(),
        number => format!(", {number} in conflict: `benchline engine doc conflicts`"),
    };
    say(format_args!("documents  {}{conflicts}", standing.documents));
    let states = standing.blobs.iter().map(|(state, number)| format!("{number} {state}")).collect::<Vec<_>>();
    let total = count(standing.blobs.values().sum(), "blob");
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    say(format_args!("{:<10} {total}{states}", args.namespace.namespace));
}
