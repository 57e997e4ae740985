//! `benchline-engine replicas`: the devices that the server knows. What was deleted can be purged only when all of them have
//! seen it, so one that is gone for good has to be forgotten.

use std::process::ExitCode;

use anyhow::ensure;
use benchline_engine::{document::ReplicaId, protocol::KnownReplica};
use serde_json::json;

use crate::{
    device::{Device, DeviceArgs},
    output::{count, say, say_json, table},
    runtime::{runtime, unless_interrupted},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine replicas ls
  benchline-engine replicas forget 4f1d2c3b4a596877

`ls` shows the device that the server has not heard of for longest first. A device that was forgotten and \
comes back is refused: what it had not sent by then is on it alone, and `benchline-engine init` with an empty \
folder makes it a device again.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the user's devices, as the server knows them.
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        device: DeviceArgs,
    },
    /// Make the server forget a device that will not come back.
    Forget {
        /// Which one, as `replicas ls` names it
        replica: ReplicaId,
        #[command(flatten)]
        device: DeviceArgs,
    },
}

pub(super) fn replicas(args: &Args) -> anyhow::Result<ExitCode> {
    let (Command::Ls { device, .. } | Command::Forget { device, .. }) = &args.command;
    let device = device.open()?;
    runtime()?.block_on(async {
        let work = async {
            match &args.command {
                Command::Ls { json, .. } => ls(*json, &device).await,
                Command::Forget { replica, .. } => forget(*replica, &device).await,
            }
        };
        Ok(unless_interrupted(work).await?.unwrap_or(ExitCode::FAILURE))
    })
}

async fn own(device: &Device) -> anyhow::Result<ReplicaId> {
    let replica = device.replica().await?;
    replica.close().await;
    Ok(replica.id())
}

async fn ls(as_json: bool, device: &Device) -> anyhow::Result<ExitCode> {
    let own = own(device).await?;
    let known = device.sync_client()?.replicas().await?;
    if as_json {
        let line = |known: &KnownReplica| {
            json!({
                "replica": known.replica.to_string(), "seen": known.seen, "last": known.last, "this": known.replica == own,
            })
        };
        say_json(json!({ "replicas": known.iter().map(line).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["replica", "last heard of", "has seen", ""].map(str::to_owned).to_vec()];
    rows.extend(known.iter().map(|known| {
        let this = if known.replica == own { "this device" } else { "" };
        vec![known.replica.to_string(), day(known.last), known.seen.to_string(), this.to_owned()]
    }));
    say(format_args!("{}", table(&rows, &[false, false, true]).trim_end()));
    eprintln!("{}", count(known.len() as u64, "replica"));
    Ok(ExitCode::SUCCESS)
}

/// The server remembers days only, and not for ever.
fn day(second: i64) -> String {
    let day = jiff::Timestamp::from_second(second).ok().filter(|_| second > 0);
    day.map_or_else(|| "long ago".to_owned(), |day| day.strftime("%Y-%m-%d").to_string())
}

async fn forget(replica: ReplicaId, device: &Device) -> anyhow::Result<ExitCode> {
    ensure!(
        own(device).await? != replica,
        "{replica} is this device, which would be refused from then on: do it on another one"
    );
    device.sync_client()?.forget(replica).await?;
    eprintln!("{replica} is forgotten; `benchline-engine purge` removes what waited for it");
    Ok(ExitCode::SUCCESS)
}
