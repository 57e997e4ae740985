//! Documents as they are on this device.

use std::{io::Write as _, process::ExitCode};

use anyhow::{Context as _, bail};
use benchline_engine::{document::DocumentId, store::Entry};
use serde_json::{Value, json};

use super::content::{as_json, versions};
use crate::{
    device::DeviceArgs,
    documents::{fetch_if_absent, with_replica},
    output::{count, say, say_json, table},
};

/// Documents that are listed at once.
const PAGE: usize = 1000;

#[derive(Debug, clap::Args)]
pub(super) struct GetArgs {
    /// The document's id
    id: DocumentId,
    /// Which of its concurrent versions, as `doc conflicts` numbers them [default: the current one]
    #[arg(long, value_name = "NUMBER")]
    version: Option<usize>,
    /// With its revision, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// Only documents whose id begins so
    #[arg(default_value = "")]
    prefix: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn get(args: &GetArgs) -> anyhow::Result<ExitCode> {
    with_replica(&args.device, async |device, replica| {
        fetch_if_absent(device, replica, &args.id).await?;
        let document = match args.version {
            None => replica.get(&args.id).await?.filter(|document| document.content.is_some()),
            Some(number) => versions(replica, &args.id).await?.into_iter().nth(number.wrapping_sub(1)),
        };
        let Some(document) = document else {
            match args.version {
                Some(number) => bail!("document {} has no version {number}; `doc conflicts {0}` shows them", args.id),
                None => bail!(
                    "there is no document {} on this device; `benchline-engine sync` fetches what is new",
                    args.id
                ),
            }
        };
        if args.json {
            say_json(as_json(&document))?;
        } else {
            let content = document.content.unwrap_or_default();
            std::io::stdout().write_all(&content).context("standard output cannot be written")?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn ls(args: &LsArgs) -> anyhow::Result<ExitCode> {
    with_replica(&args.device, async |_, replica| {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map(|entry| entry.id.clone());
            let page = replica.list(&args.prefix, after.as_ref(), PAGE).await?;
            let last = page.len() < PAGE;
            entries.extend(page);
            if last {
                break;
            }
        }
        if args.json {
            say_json(json!({ "documents": entries.iter().map(entry_json).collect::<Vec<_>>() }))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !entries.is_empty() {
            let mut rows = vec![["document", "revision", ""].map(str::to_owned).to_vec()];
            rows.extend(entries.iter().map(|entry| {
                let state = match (entry.conflicts > 0, entry.absent) {
                    (true, _) => "conflict",
                    (false, true) => "not fetched",
                    (false, false) => "",
                };
                vec![entry.id.to_string(), entry.revision.to_string(), state.to_owned()]
            }));
            say(format_args!("{}", table(&rows, &[]).trim_end()));
        }
        eprintln!("{}", count(entries.len() as u64, "document"));
        Ok(ExitCode::SUCCESS)
    })
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id.as_str(), "revision": entry.revision.to_string(), "conflicts": entry.conflicts,
        "fetched": !entry.absent,
    })
}
