//! `benchline-engine purge`: removes the marks of deleted documents, once every device has seen them.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    device::{Device, DeviceArgs},
    output::{count, say, say_json},
    runtime::{runtime, unless_interrupted},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine purge
  benchline-engine purge --json

Of a deleted document its id and a mark stay everywhere, so that no device brings it back. When all devices \
have seen the mark, this removes it here and at the server, and elsewhere at the next sync. One device that \
never comes back holds up everything: `benchline-engine replicas` shows and forgets it.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn purge(args: &Args) -> anyhow::Result<ExitCode> {
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let outcome = unless_interrupted(work(args, &device)).await?;
        Ok(outcome.unwrap_or(ExitCode::FAILURE))
    })
}

async fn work(args: &Args, device: &Device) -> anyhow::Result<ExitCode> {
    let replica = device.replica().await?;
    let answer = device.sync_client()?.purge(&replica).await;
    replica.close().await;
    let answer = answer?;
    if args.json {
        say_json(json!({ "purged": answer.purged, "waiting": answer.waiting }))?;
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!("{} purged, {} waiting", count(answer.purged, "deleted document"), answer.waiting));
    if answer.waiting > 0 {
        eprintln!("they wait for devices that have still to sync: `benchline-engine replicas ls` shows them");
    }
    Ok(ExitCode::SUCCESS)
}
