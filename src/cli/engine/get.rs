//! `benchline engine get`: a blob becomes a file, whole or not at all. Nothing unverified is ever written.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use benchline_engine::{
    client::{BlobClient, Blobs},
    store::{BlobAddress, BlobState, Priority},
};
use tokio::io::AsyncWriteExt as _;

use super::{
    device::{Device, DeviceArgs},
    input::{LimitArgs, NamespaceArgs, unless_interrupted},
    output::size,
    transfer::with_client,
};
use crate::cli::{FAILED, FINE};

const AFTER_HELP: &str = "\
Examples:
  benchline engine get photo.jpg
  benchline engine get report-2026-11.pdf /tmp/report.pdf
  benchline engine get letters.tar - | tar x

What is on this device needs no server. The file is readable by its owner only, and appears when \
all of it is there.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The blob's name
    name: String,
    /// Where to; `-` is standard output [default: a file of the blob's name]
    file: Option<PathBuf>,
    /// Replace the file where there is one
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn get(args: &Args) -> anyhow::Result<u8> {
    let address = BlobAddress::new(&args.namespace.namespace, &args.name)?;
    let target = args.file.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let to_stdout = target == Path::new("-");
    ensure!(
        to_stdout || args.force || !target.exists(),
        "{} is there already: --force replaces it, or name another file",
        target.display()
    );
    let device = args.device.open()?;
    super::runtime()?.block_on(async {
        let blobs = device.blobs().await?;
        let outcome = get_blob(args, &device, &blobs, &address, (!to_stdout).then_some(&target)).await;
        blobs.close().await;
        match outcome? {
            Some(length) if !to_stdout => eprintln!("{}: {}", target.display(), size(length)),
            Some(_) => {}
            None => {
                eprintln!("interrupted: what has come is kept, and the same command goes on from there");
                return Ok(FAILED);
            }
        }
        Ok(FINE)
    })
}

async fn get_blob(
    args: &Args,
    device: &Device,
    blobs: &Blobs,
    address: &BlobAddress,
    target: Option<&PathBuf>,
) -> anyhow::Result<Option<u64>> {
    if !is_here(blobs, address).await? {
        let fetched = with_client(device, blobs, args.limit.limit, async |client| fetch(client, address).await).await?;
        if fetched.is_none() {
            return Ok(None);
        }
    }
    unless_interrupted(async {
        match target {
            Some(target) => write_file(blobs, address, target, args.force).await,
            None => {
                let mut stdout = tokio::io::stdout();
                let length = blobs.get(address, &mut stdout).await?;
                stdout.flush().await.context("standard output cannot be written")?;
                Ok(length)
            }
        }
    })
    .await
}

/// Whether its content is on this device.
pub(super) async fn is_here(blobs: &Blobs, address: &BlobAddress) -> anyhow::Result<bool> {
    match blobs.find(address).await?.map(|record| record.state) {
        None | Some(BlobState::PendingDownload | BlobState::FailedDownload | BlobState::Quarantined) => Ok(false),
        Some(BlobState::PendingDelete) => {
            bail!("blob {address} was deleted on this device, and the server has still to hear of it")
        }
        Some(_) => Ok(true),
    }
}

/// Fetches it. A name that nobody knows must not enter the index, where it would stay as a failure.
pub(super) async fn fetch(client: &BlobClient, address: &BlobAddress) -> anyhow::Result<()> {
    if client.blobs().find(address).await?.is_none() && client.find_remote(address).await?.is_none() {
        bail!(
            "there is no blob {address}, neither here nor at the server: `benchline engine ls --remote` shows what there is"
        );
    }
    Ok(client.fetch(address, Priority::Urgent).await?)
}

async fn write_file(blobs: &Blobs, address: &BlobAddress, target: &Path, force: bool) -> anyhow::Result<u64> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let unwritable = || format!("{} cannot be written", target.display());
    let beside = tempfile::NamedTempFile::new_in(folder).with_context(unwritable)?;
    let mut file = tokio::fs::File::from_std(beside.as_file().try_clone().with_context(unwritable)?);
    let length = blobs.get(address, &mut file).await?;
    file.flush().await.with_context(unwritable)?;
    file.sync_all().await.with_context(unwritable)?;
    if force {
        beside.persist(target).map_err(|error| error.error).with_context(unwritable)?;
    } else {
        // Somebody may have made a file of this name since.
        beside.persist_noclobber(target).map_err(|error| error.error).with_context(unwritable)?;
    }
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(unwritable)?;
    Ok(length)
}
