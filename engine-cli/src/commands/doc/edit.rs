//! Edits of documents. An edit names the version that it replaces; where none is named it is the one that is there now.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use benchline_engine::document::{Document, DocumentId, Revision};

use super::content;
use crate::{
    device::DeviceArgs,
    documents::{fetch_if_absent, with_replica},
    output::say,
};

const PUT_AFTER_HELP: &str = "\
Examples:
  echo '{\"title\":\"Tea\"}' | benchline-engine doc put shopping-1
  benchline-engine doc put shopping-1 shopping.json
  benchline-engine doc put shopping-1 shopping.json --replaces 5f0c…:3

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

pub(super) fn put(args: &PutArgs) -> anyhow::Result<ExitCode> {
    let content = content::read(&args.file)?;
    with_replica(&args.device, async |device, replica| {
        fetch_if_absent(device, replica, &args.id).await?;
        let replaces: Option<Revision> = match args.replaces.as_deref() {
            None => replica.get(&args.id).await?.map(|document| document.revision),
            Some("none") => None,
            Some(text) => {
                Some(text.parse().context("--replaces takes a revision, as `doc put` and `doc ls` print it")?)
            }
        };
        let revision = replica.put(&args.id, replaces.as_ref(), content).await?;
        say(format_args!("{revision}"));
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn rm(args: &RmArgs) -> anyhow::Result<ExitCode> {
    with_replica(&args.device, async |device, replica| {
        fetch_if_absent(device, replica, &args.id).await?;
        let Some(Document { revision, content: Some(_), .. }) = replica.get(&args.id).await? else {
            bail!("there is no document {} on this device; `benchline-engine doc ls` shows what there is", args.id);
        };
        let revision = replica.delete(&args.id, &revision).await?;
        say(format_args!("{revision}"));
        Ok(ExitCode::SUCCESS)
    })
}
