//! Messages as they are on this device.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use benchline_engine::{
    client::{BLOB_NAMESPACE, StoredBody, StoredMessage},
    document::DocumentId,
    protocol::MessageId,
    store::{BlobAddress, Replica},
};
use serde_json::json;

use super::message::{PREFIX, as_json, columns, harmless};
use crate::{
    blobs::{fetch, is_here},
    device::{Device, DeviceArgs},
    documents::{fetch_contents, fetch_if_absent},
    output::{count, say, say_json, table},
    runtime::{runtime, unless_interrupted},
    transfer::with_client,
};

/// Documents that are listed at once.
const PAGE: usize = 1000;

#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

const READ_AFTER_HELP: &str = "\
Examples:
  benchline-engine mail read m-1
  benchline-engine mail read m-1 >m-1.eml

A terminal gets it without control characters, a file or a pipe gets its very bytes.";

#[derive(Debug, clap::Args)]
#[command(after_help = READ_AFTER_HELP)]
pub(super) struct ReadArgs {
    /// The message, as `mail ls` names it
    id: MessageId,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn ls(args: &LsArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let replica = device.replica().await?;
        let messages = unless_interrupted(all(&device, &replica)).await;
        replica.close().await;
        let Some(messages) = messages? else { return Ok(ExitCode::FAILURE) };
        if args.json {
            say_json(json!({ "messages": messages.iter().map(as_json).collect::<Vec<_>>() }))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !messages.is_empty() {
            let mut rows = vec![["message", "size", "from", "subject"].map(str::to_owned).to_vec()];
            rows.extend(messages.iter().map(|message| columns(message).to_vec()));
            say(format_args!("{}", table(&rows, &[false, true]).trim_end()));
        }
        eprintln!("{}", count(messages.len() as u64, "message"));
        Ok(ExitCode::SUCCESS)
    })
}

async fn all(device: &Device, replica: &Replica) -> anyhow::Result<Vec<StoredMessage>> {
    let (mut messages, mut after) = (Vec::new(), None);
    loop {
        let page = replica.list(PREFIX, after.as_ref(), PAGE).await?;
        let absent: Vec<DocumentId> = page.iter().filter(|entry| entry.absent).map(|entry| entry.id.clone()).collect();
        fetch_contents(device, replica, &absent).await?;
        for entry in &page {
            messages.extend(find(replica, &entry.id).await?);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
            _ => return Ok(messages),
        }
    }
}

async fn find(replica: &Replica, id: &DocumentId) -> anyhow::Result<Option<StoredMessage>> {
    let content = replica.get(id).await?.and_then(|document| document.content);
    Ok(content.and_then(|content| StoredMessage::parse(&content)))
}

pub(super) fn read(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let Some(Some(content)) = unless_interrupted(content(args, &device)).await? else {
            return Ok(ExitCode::FAILURE);
        };
        let mut out = stdout();
        let written = if out.is_terminal() {
            let text = String::from_utf8_lossy(&content).replace("\r\n", "\n");
            out.write_all(harmless(&text).as_bytes())
        } else {
            out.write_all(&content)
        };
        written.and_then(|()| out.flush()).context("standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    })
}

/// What a message says; `None` where fetching it was interrupted.
async fn content(args: &ReadArgs, device: &Device) -> anyhow::Result<Option<Vec<u8>>> {
    let id = StoredMessage::document_id(&args.id);
    let replica = device.replica().await?;
    fetch_if_absent(device, &replica, &id).await?;
    let message = find(&replica, &id).await?;
    replica.close().await;
    match message.map(|message| message.body) {
        Some(StoredBody::Text(text)) => Ok(Some(text.into_bytes())),
        Some(StoredBody::Blob(blob)) => large(device, &BlobAddress::new(BLOB_NAMESPACE, &blob)?).await,
        None => bail!(
            "there is no message {} on this device; `benchline-engine mail fetch` takes in what waits at the server",
            args.id
        ),
    }
}

async fn large(device: &Device, address: &BlobAddress) -> anyhow::Result<Option<Vec<u8>>> {
    let blobs = device.blobs().await?;
    let mut content = Vec::new();
    let here = is_here(&blobs, address).await?;
    if !here && with_client(device, &blobs, None, async |client| fetch(client, address).await).await?.is_none() {
        return Ok(None);
    }
    let read = blobs.get(address, &mut content).await;
    blobs.close().await;
    read?;
    Ok(Some(content))
}
