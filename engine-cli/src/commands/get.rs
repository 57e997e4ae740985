//! `benchline-engine get`: a blob becomes a file, whole or not at all. Nothing unverified is ever written.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use benchline_engine::{client::Blobs, store::BlobAddress};
use tokio::io::AsyncWriteExt as _;

use crate::{
    blobs::{fetch, is_here},
    device::{Device, DeviceArgs},
    options::{LimitArgs, NamespaceArgs},
    output::size,
    runtime::{runtime, unless_interrupted},
    transfer::with_client,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine get photo.jpg
  benchline-engine get report-2026-11.pdf /tmp/report.pdf
  benchline-engine get letters.tar - | tar x

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

pub(super) fn get(args: &Args) -> anyhow::Result<ExitCode> {
    let address = BlobAddress::new(&args.namespace.namespace, &args.name)?;
    let target = args.file.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let to_stdout = target == Path::new("-");
    ensure!(
        to_stdout || args.force || !target.exists(),
        "{} is there already: --force replaces it, or name another file",
        target.display()
    );
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let blobs = device.blobs().await?;
        let outcome = get_blob(args, &device, &blobs, &address, (!to_stdout).then_some(&target)).await;
        blobs.close().await;
        match outcome? {
            Some(length) if !to_stdout => eprintln!("{}: {}", target.display(), size(length)),
            Some(_) => {}
            None => {
                eprintln!("interrupted: what has come is kept, and the same command goes on from there");
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
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

async fn write_file(blobs: &Blobs, address: &BlobAddress, target: &Path, force: bool) -> anyhow::Result<u64> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let unwritable = || format!("{} cannot be written", target.display());
    let temporary = tempfile::NamedTempFile::new_in(folder).with_context(unwritable)?;
    let mut file = tokio::fs::File::from_std(temporary.as_file().try_clone().with_context(unwritable)?);
    let length = blobs.get(address, &mut file).await?;
    file.flush().await.with_context(unwritable)?;
    file.sync_all().await.with_context(unwritable)?;
    if force {
        temporary.persist(target).map_err(|error| error.error).with_context(unwritable)?;
    } else {
        // Somebody may have made a file of this name since.
        temporary.persist_noclobber(target).map_err(|error| error.error).with_context(unwritable)?;
    }
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(unwritable)?;
    Ok(length)
}
