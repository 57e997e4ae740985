//! `benchline-engine put`: a file becomes a blob. It is sealed and durable on this device before anything is sent, so that
//! whatever happens to the transfer, `sync` goes on with it. Its content must never touch the disk unsealed.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest;
use benchline_engine::{
    client::{BlobClient, BlobError, Blobs, PutAs, SyncError},
    store::{BlobAddress, BlobRecord, BlobState, Priority},
};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use crate::{
    device::{Device, DeviceArgs},
    options::{LimitArgs, NamespaceArgs},
    output::{say_json, size},
    runtime::{runtime, unless_interrupted},
    transfer::{Watched, with_client},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine put photo.jpg
  benchline-engine put '2026-11 report (final).pdf' report-2026-11.pdf
  benchline-engine put --later photo.jpg            on a train: the next sync sends it
  benchline-engine put --limit 5MB/s film.mkv
  tar c letters | benchline-engine put - letters.tar

Blobs do not change: to replace one, delete it and put it again. Putting the same file under the \
same name again goes on with what was interrupted.";

/// The most that is read from standard input when its length is not given.
const MAX_BUFFERED: u64 = 256 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The file; `-` is standard input
    file: PathBuf,
    /// The blob's name: A-Z a-z 0-9 . _ - [default: the file's]
    name: Option<String>,
    /// Bytes that standard input will have; without, it is held in memory, up to 256 MiB
    #[arg(long, value_name = "BYTES")]
    length: Option<u64>,
    /// Only store it here; the next sync sends it
    #[arg(long, conflicts_with = "limit")]
    later: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    namespace: NamespaceArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn put(args: &Args) -> anyhow::Result<ExitCode> {
    let address = address(args)?;
    ensure!(
        is_stdin(&args.file) || args.file.is_file(),
        "{} is not a file that can be put; `-` reads standard input",
        args.file.display()
    );
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let blobs = device.blobs().await?;
        let outcome = if args.later {
            unless_interrupted(store(args, &blobs, &address)).await
        } else {
            put_and_send(args, &device, &blobs, &address).await
        };
        let state = blobs.find(&address).await?.map(|record| record.state);
        blobs.close().await;
        finish(args, &address, outcome, state)
    })
}

/// Reports the outcome.
fn finish(
    args: &Args,
    address: &BlobAddress,
    outcome: anyhow::Result<Option<u64>>,
    state: Option<BlobState>,
) -> anyhow::Result<ExitCode> {
    let kept = state == Some(BlobState::PendingUpload);
    match outcome {
        Ok(Some(length)) if args.json => say_json(json!({
            "name": address.id(), "namespace": address.namespace(), "length": length,
            "state": state.map(BlobState::as_str),
        }))?,
        Ok(Some(length)) if args.later => eprintln!("{address}: {} kept here; the next sync sends it", size(length)),
        Ok(Some(length)) => eprintln!("{address}: {} stored at the server", size(length)),
        Ok(None) if kept => {
            eprintln!("interrupted: {address} is kept on this device, and `benchline-engine sync` goes on with it");
            return Ok(ExitCode::FAILURE);
        }
        Ok(None) => {
            eprintln!("interrupted: nothing was kept of {address}");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) if kept => return Err(error.context(format!("{address} is on this device, but not sent yet"))),
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

fn address(args: &Args) -> anyhow::Result<BlobAddress> {
    let name = match (&args.name, args.file.file_name()) {
        (Some(name), _) => name.clone(),
        (None, _) if is_stdin(&args.file) => bail!("standard input has no name: `benchline-engine put - NAME`"),
        (None, Some(name)) => name.to_string_lossy().into_owned(),
        (None, None) => bail!("{} names no file", args.file.display()),
    };
    BlobAddress::new(&args.namespace.namespace, &name)
        .map_err(|error| anyhow::anyhow!("{error}\n`benchline-engine put {:?} NAME` gives it another name", args.file))
}

async fn put_and_send(
    args: &Args,
    device: &Device,
    blobs: &Blobs,
    address: &BlobAddress,
) -> anyhow::Result<Option<u64>> {
    with_client(device, blobs, args.limit.limit, async |client| {
        reject_taken_name(client, address).await?;
        let length = store(args, blobs, address).await?;
        client.send(address, Priority::Urgent).await?;
        Ok(length)
    })
    .await
}

/// Rejects a name that another device has taken, before a large file is sealed in vain.
async fn reject_taken_name(client: &BlobClient, address: &BlobAddress) -> anyhow::Result<()> {
    if client.blobs().find(address).await?.is_some() {
        return Ok(());
    }
    match client.find_remote(address).await {
        Ok(Some(_)) => bail!(
            "the server has a blob {address} already, from another device: choose another name, or look at it with \
             `benchline-engine get {}`",
            address.id()
        ),
        // What cannot be asked now is found out by sending.
        Ok(None) | Err(BlobError::Exchange(SyncError::Connection(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Stores it on this device, unless the same content is there already. Gives its length.
async fn store(args: &Args, blobs: &Blobs, address: &BlobAddress) -> anyhow::Result<u64> {
    if is_stdin(&args.file) {
        return store_stdin(args, blobs, address).await;
    }
    let open = async || {
        let file = tokio::fs::File::open(&args.file).await?;
        let length = file.metadata().await?.len();
        std::io::Result::Ok((file, length))
    };
    let unreadable = || format!("{} cannot be read", args.file.display());
    let (file, length) = open().await.with_context(unreadable)?;
    if let Some(record) = blobs.find(address).await?
        && record.length == Some(length)
        && has_content(&record)
        && digest_of_blob(blobs, address).await? == digest_of(file).await.with_context(unreadable)?
    {
        return Ok(length);
    }
    let (file, length) = open().await.with_context(unreadable)?;
    let put = blobs.put(address, length, Watched::new(file, length, address), PutAs::Upload).await;
    if let Err(BlobError::Length { .. }) = put {
        bail!("{} changed while it was read; put it again when it is at rest", args.file.display());
    }
    put?;
    Ok(length)
}

async fn store_stdin(args: &Args, blobs: &Blobs, address: &BlobAddress) -> anyhow::Result<u64> {
    let input = tokio::io::stdin();
    if let Some(length) = args.length {
        blobs.put(address, length, Watched::new(input, length, address), PutAs::Upload).await?;
        return Ok(length);
    }
    let mut held = zeroize::Zeroizing::new(Vec::new());
    input.take(MAX_BUFFERED + 1).read_to_end(&mut held).await.context("standard input cannot be read")?;
    let length = held.len() as u64;
    ensure!(length <= MAX_BUFFERED, "standard input has more than {}: say how much with --length", size(MAX_BUFFERED));
    blobs.put(address, length, held.as_slice(), PutAs::Upload).await?;
    Ok(length)
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn has_content(record: &BlobRecord) -> bool {
    matches!(
        record.state,
        BlobState::Synced | BlobState::PendingUpload | BlobState::FailedUpload | BlobState::LocalOnly
    )
}

async fn digest_of_blob(blobs: &Blobs, address: &BlobAddress) -> anyhow::Result<Vec<u8>> {
    let mut sink = Digest::new();
    blobs.get(address, &mut sink).await?;
    Ok(sink.0.finish().as_ref().to_vec())
}

async fn digest_of(mut reader: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut sink = Digest::new();
    tokio::io::copy(&mut reader, &mut sink).await?;
    Ok(sink.0.finish().as_ref().to_vec())
}

/// Hashes what is written to it with SHA-256.
struct Digest(digest::Context);

impl Digest {
    fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl AsyncWrite for Digest {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.0.update(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
