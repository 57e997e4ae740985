//! Concurrent versions of documents: which there are, and which shall count.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use benchline_engine::{document::DocumentId, store::Replica};
use serde_json::json;

use super::content::{self, as_json, versions};
use crate::{
    device::DeviceArgs,
    documents::{fetch_if_absent, with_replica},
    output::{count, say, say_json, size, table},
};

#[derive(Debug, clap::Args)]
pub(super) struct ConflictsArgs {
    /// The document whose versions are shown [default: all documents that have several]
    id: Option<DocumentId>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

const RESOLVE_AFTER_HELP: &str = "\
Examples:
  benchline-engine doc conflicts shopping-1         the versions, with their numbers
  benchline-engine doc get shopping-1 --version 2   what one of them says
  benchline-engine doc resolve shopping-1 --keep 2
  benchline-engine doc resolve shopping-1 --content merged.json
  benchline-engine doc resolve shopping-1 --delete";

#[derive(Debug, clap::Args)]
#[command(after_help = RESOLVE_AFTER_HELP)]
pub(super) struct ResolveArgs {
    /// The document
    id: DocumentId,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct How {
    /// What this version says shall count, as `doc conflicts` numbers them
    #[arg(long, value_name = "NUMBER")]
    keep: Option<usize>,
    /// What this file says shall count; `-` is standard input
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// The document shall be deleted
    #[arg(long)]
    delete: bool,
}

pub(super) fn conflicts(args: &ConflictsArgs) -> anyhow::Result<ExitCode> {
    with_replica(&args.device, async |device, replica| {
        match &args.id {
            Some(id) => {
                fetch_if_absent(device, replica, id).await?;
                show_versions(replica, id, args.json).await?;
            }
            None => show_documents(replica, args.json).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn show_documents(replica: &Replica, json: bool) -> anyhow::Result<()> {
    let ids = replica.conflicted().await?;
    if json {
        return say_json(json!({ "documents": ids.iter().map(DocumentId::as_str).collect::<Vec<_>>() }));
    }
    ids.iter().for_each(|id| say(format_args!("{id}")));
    let noun = if ids.len() == 1 { "document has" } else { "documents have" };
    eprintln!("{} {noun} concurrent versions", ids.len());
    Ok(())
}

async fn show_versions(replica: &Replica, id: &DocumentId, json: bool) -> anyhow::Result<()> {
    let versions = versions(replica, id).await?;
    if json {
        return say_json(json!({ "id": id.as_str(), "versions": versions.iter().map(as_json).collect::<Vec<_>>() }));
    }
    let mut rows = vec![["", "revision", "size", ""].map(str::to_owned).to_vec()];
    rows.extend(versions.iter().enumerate().map(|(index, version)| {
        let length =
            version.content.as_ref().map_or_else(|| "deleted".to_owned(), |content| size(content.len() as u64));
        let current = if index == 0 { "shown as the current one".to_owned() } else { String::new() };
        vec![(index + 1).to_string(), version.revision.to_string(), length, current]
    }));
    say(format_args!("{}", table(&rows, &[true, false, true]).trim_end()));
    eprintln!("{}", count(versions.len() as u64, "version"));
    Ok(())
}

pub(super) fn resolve(args: &ResolveArgs) -> anyhow::Result<ExitCode> {
    let given = args.how.content.as_deref().map(content::read).transpose()?;
    with_replica(&args.device, async |device, replica| {
        fetch_if_absent(device, replica, &args.id).await?;
        let mut versions = versions(replica, &args.id).await?;
        if versions.len() < 2 {
            bail!("document {} has no concurrent versions: there is nothing to resolve", args.id);
        }
        let replaces = versions.iter().map(|version| version.revision.clone()).collect::<Vec<_>>();
        let content = match args.how.keep {
            Some(number) => {
                let index = number.checked_sub(1).filter(|index| *index < versions.len());
                let index = index.with_context(|| format!("there is no version {number}: 1 to {}", versions.len()))?;
                versions.swap_remove(index).content
            }
            None => given,
        };
        let revision = replica.resolve(&args.id, &replaces, content).await?;
        say(format_args!("{revision}"));
        Ok(ExitCode::SUCCESS)
    })
}
