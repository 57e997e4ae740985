//! `benchline-engine rm`: deletes blobs here and at the server.

use std::process::ExitCode;

use anyhow::bail;
use benchline_engine::{
    client::{BlobClient, BlobError, Blobs, SyncError},
    store::{BlobAddress, BlobState, Priority},
};

use crate::{
    advice,
    device::DeviceArgs,
    options::NamespaceArgs,
    runtime::{runtime, unless_interrupted},
    transfer::with_client,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine rm photo.jpg film.mkv
  benchline-engine rm --later photo.jpg             the next sync deletes it at the server

Other devices keep what they have of a deleted blob; nobody can fetch it any more.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The blobs' names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Only delete here now; the next sync deletes it at the server
    #[arg(long)]
    later: bool,
    /// Delete at the server even what another device put there under this name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn rm(args: &Args) -> anyhow::Result<ExitCode> {
    let addresses = args.names.iter().map(|name| BlobAddress::new(&args.namespace.namespace, name));
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let blobs = device.blobs().await?;
        let outcome = if args.later {
            unless_interrupted(delete_here(&blobs, &addresses)).await
        } else {
            with_client(&device, &blobs, None, async |client| delete_all(client, &addresses, args.force).await).await
        };
        blobs.close().await;
        Ok(outcome?.unwrap_or(ExitCode::FAILURE))
    })
}

async fn delete_here(blobs: &Blobs, addresses: &[BlobAddress]) -> anyhow::Result<ExitCode> {
    for address in addresses {
        blobs.delete(address).await?;
        eprintln!("{address} is deleted here; the next sync deletes it at the server");
    }
    Ok(ExitCode::SUCCESS)
}

async fn delete_all(client: &BlobClient, addresses: &[BlobAddress], force: bool) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for address in addresses {
        prepare(client, address, force).await?;
        client.delete(address).await?;
        match client.settled(address).await {
            Ok(()) => eprintln!("{address} is deleted"),
            Err(error @ (BlobError::Waiting { .. } | BlobError::Failed { .. })) => {
                eprintln!("{address} is deleted here, but not at the server: {error}");
                if let BlobError::Waiting { failure, .. } | BlobError::Failed { failure, .. } = &error
                    && let Some(advice) = advice::about_failure(failure)
                {
                    eprintln!("{advice}");
                }
                code = ExitCode::FAILURE;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(code)
}

/// Checks that the blob to be deleted is the intended one.
async fn prepare(client: &BlobClient, address: &BlobAddress, force: bool) -> anyhow::Result<()> {
    let known = client.blobs().find(address).await?.map(|record| record.state);
    match known {
        // The server refused it, perhaps because it has another one of this name, which a deletion would hit.
        Some(BlobState::FailedUpload) if !force => match client.find_remote(address).await {
            Ok(None) | Err(BlobError::Exchange(SyncError::Connection(_))) => Ok(()),
            Ok(Some(_)) => bail!(
                "the server has another blob {address}, from another device, and it would be deleted too: \
                 `benchline-engine rm --force {}` does that",
                address.id()
            ),
            Err(error) => Err(error.into()),
        },
        Some(_) => Ok(()),
        None if client.find_remote(address).await?.is_some() => {
            // It becomes known here, so that its deletion is kept until the server has heard of it.
            Ok(client.blobs().want_download(address, Priority::Low).await?)
        }
        None => bail!("there is no blob {address}, neither here nor at the server"),
    }
}
