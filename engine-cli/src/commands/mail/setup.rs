//! The key that a user's mail is encrypted to: one for all devices, found where another device made it.

use std::process::ExitCode;

use benchline_engine::{client::KEY_DOCUMENT, crypto::Fingerprint};
use serde_json::json;

use crate::{
    device::{Device, DeviceArgs},
    documents::fetch_if_absent,
    output::{say, say_json},
    runtime::{runtime, unless_interrupted},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine mail setup
  benchline-engine mail setup --owner 'Ana <ana@example.org>'

It may be repeated: a key that is there stays, and its fingerprint is printed again. All devices of a user \
print the same one; so must `gpg --show-keys` for the key that the server gives to mail services.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Whom a new key names [default: the user]
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn setup(args: &Args) -> anyhow::Result<ExitCode> {
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let Some(fingerprint) = unless_interrupted(establish(args, &device)).await? else {
            return Ok(ExitCode::FAILURE);
        };
        if args.json {
            say_json(json!({ "fingerprint": fingerprint.to_string() }))?;
        } else {
            say(format_args!("{}", grouped(&fingerprint)));
            eprintln!("the server encrypts mail of {} to this key; `benchline-engine mail fetch`", device.home.user);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Synchronises before, lest another device's key be overlooked, and after, so that the others find this one; the server
/// encrypts to it only then.
async fn establish(args: &Args, device: &Device) -> anyhow::Result<Fingerprint> {
    let replica = device.replica().await?;
    let client = device.sync_client()?;
    client.sync(&replica).await?;
    fetch_if_absent(device, &replica, &KEY_DOCUMENT.parse()?).await?;
    let blobs = device.blobs().await?;
    let mail = device.incoming_client(&replica, &blobs)?;
    mail.ring().establish(args.owner.as_deref().unwrap_or(device.home.user.as_str())).await?;
    client.sync(&replica).await?;
    let fingerprint = mail.register().await;
    blobs.close().await;
    replica.close().await;
    Ok(fingerprint?)
}

/// In groups of four digits, as other programs show it, too.
fn grouped(fingerprint: &Fingerprint) -> String {
    let pairs = fingerprint.as_bytes().chunks(2);
    let group = |pair: &[u8]| pair.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    pairs.map(group).collect::<Vec<_>>().join(" ")
}
