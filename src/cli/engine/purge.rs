//! `benchline engine purge`: gets rid of what is left of deleted documents, once every device has seen that they are deleted.

use serde_json::json;

use super::{
    device::{Device, DeviceArgs},
    input::unless_interrupted,
    output::{count, say_json},
};
use crate::cli::{FAILED, FINE, output::say};

const AFTER_HELP: &str = "\
Examples:
  benchline engine purge
  benchline engine purge --json

Of a deleted document its id and a mark stay everywhere, so that no device brings it back. When all devices \
have seen the mark, this removes it here and at the server, and elsewhere at the next sync. One device that \
never comes back holds up everything: `benchline engine replicas` shows and forgets it.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn purge(args: &Args) -> anyhow::Result<u8> {
    let device = args.device.open()?;
    super::runtime()?.block_on(async {
        let outcome = unless_interrupted(work(args, &device)).await?;
        Ok(outcome.unwrap_or(FAILED))
    })
}

async fn work(args: &Args, device: &Device) -> anyhow::Result<u8> {
    let replica = device.replica().await?;
    let answer = device.sync_client()?.purge(&replica).await;
    replica.close().await;
    let answer = answer?;
    if args.json {
        say_json(json!({ "purged": answer.purged, "waiting": answer.waiting }))?;
        return Ok(FINE);
    }
    say(format_args!("{} purged, {} waiting", count(answer.purged, "deleted document"), answer.waiting));
    if answer.waiting > 0 {
        eprintln!("they wait for devices that have still to sync: `benchline engine replicas ls` shows them");
    }
    Ok(FINE)
}
