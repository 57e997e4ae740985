//! Edits of documents. An edit names the version that it replaces; where none is named it is the one that is there now.

use std::{
    fs::File,
    io::{Read, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use benchline_engine::document::{Document, DocumentId, MAX_CONTENT, Revision};

use super::with_replica;
use crate::cli::{
    FINE,
    engine::{contents::bring, device::DeviceArgs},
    output::say,
};

const PUT_AFTER_HELP: &str = "\
Examples:
  echo '{\"title\":\"Tea\"}' | benchline engine doc put shopping-1
  benchline engine doc put shopping-1 shopping.json
  benchline engine doc put shopping-1 shopping.json --replaces 5f0c…:3

It prints the new revision.";

#[derive(Debug, clap::Args)]
#[command(after_help = PUT_AFTER_HELP)]
pub(super) struct PutArgs {
    /// The document's id: A-Z a-z 0-9 . _ -
    id: DocumentId,
    /// What it shall say; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Only if the document is at this revision; `none`: only if it does not exist [default: whatever is there]
    #[arg(long, value_name = "REVISION")]
    replaces: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RmArgs {
    /// The document's id
    id: DocumentId,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn put(args: &PutArgs) -> anyhow::Result<u8> {
    let content = read(&args.file)?;
    with_replica(&args.device, async |device, replica| {
        bring(device, replica, &args.id).await?;
        let replaces: Option<Revision> = match args.replaces.as_deref() {
            None => replica.get(&args.id).await?.map(|document| document.revision),
            Some("none") => None,
            Some(text) => {
                Some(text.parse().context("--replaces takes a revision, as `doc put` and `doc ls` print it")?)
            }
        };
        let revision = replica.put(&args.id, replaces.as_ref(), content).await?;
        say(format_args!("{revision}"));
        Ok(FINE)
    })
}

pub(super) fn rm(args: &RmArgs) -> anyhow::Result<u8> {
    with_replica(&args.device, async |device, replica| {
        bring(device, replica, &args.id).await?;
        let Some(Document { revision, content: Some(_), .. }) = replica.get(&args.id).await? else {
            bail!("there is no document {} on this device; `benchline engine doc ls` shows what there is", args.id);
        };
        let revision = replica.delete(&args.id, &revision).await?;
        say(format_args!("{revision}"));
        Ok(FINE)
    })
}

/// What a document shall say, as far as one may.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = if file == Path::new("-") {
        read_up_to(stdin(), &mut content)
    } else {
        File::open(file).and_then(|file| read_up_to(file, &mut content))
    };
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    ensure!(
        content.len() <= MAX_CONTENT,
        "{} has more than {MAX_CONTENT} bytes: store it as a blob with `benchline engine put`",
        file.display()
    );
    Ok(content)
}

fn read_up_to(from: impl Read, content: &mut Vec<u8>) -> std::io::Result<usize> {
    from.take(MAX_CONTENT as u64 + 1).read_to_end(content)
}
