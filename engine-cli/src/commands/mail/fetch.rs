//! Takes in what waits at the server. The device is closed between two rounds, so that other commands may use it.

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use benchline_engine::{
    client::{BLOB_NAMESPACE, BlobReport, Blobs, IncomingReport, KEY_DOCUMENT, StoredMessage},
    document::Generation,
    store::Replica,
};
use serde_json::json;

use super::message::{PREFIX, as_json, columns};
use crate::{
    device::{Device, DeviceArgs},
    documents::fetch_if_absent,
    options::{self, LimitArgs},
    output::{count, error_text, say, say_json},
    polling::{MIN_INTERVAL, is_transient, position},
    runtime::{runtime, unless_interrupted},
    transfer::with_client,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine mail fetch
  benchline-engine mail fetch --json
  benchline-engine mail fetch --watch --every 10s

One line for each message that is new on this device, also where another device took it in. A message that \
cannot be opened is reported, and stays at the server as failed. Ctrl-C ends it cleanly; nothing is lost, and \
nothing is stored twice.";

/// Changes that are read at once.
const PAGE: usize = 1000;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Again and again, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// With --watch: the pause between two rounds
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = options::duration, requires = "watch")]
    every: Duration,
    /// As JSON; with --watch an object for each message, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// What a round did.
struct Round {
    new: Vec<StoredMessage>,
    incoming: IncomingReport,
    blobs: BlobReport,
}

pub(super) fn fetch(args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(args.every >= MIN_INTERVAL, "--every is too short: at least 100 ms");
    let device = args.device.open()?;
    runtime()?.block_on(async {
        if args.watch {
            unless_interrupted(rounds(args, &device)).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut seen = position(&device).await?;
        let Some(Some(round)) = unless_interrupted(round(args, &device, &mut seen)).await? else {
            eprintln!("interrupted: what was taken in stays, and the rest comes again");
            return Ok(ExitCode::FAILURE);
        };
        print(args, &round)?;
        Ok(if round.troubles().next().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn rounds(args: &Args, device: &Device) -> anyhow::Result<()> {
    let mut seen = position(device).await?;
    eprintln!("waiting for mail of {} from {}  (Ctrl-C ends)", device.home.user, device.home.server);
    let mut unreachable = false;
    loop {
        match round(args, device, &mut seen).await {
            Ok(Some(round)) => {
                if std::mem::take(&mut unreachable) {
                    eprintln!("the server answers again");
                }
                round.new.iter().for_each(|message| print_line(args, message));
                round.troubles().for_each(|trouble| eprintln!("{trouble}"));
            }
            Ok(None) => return Ok(()),
            Err(error) if is_transient(&error) => {
                if !std::mem::replace(&mut unreachable, true) {
                    eprintln!("{}; trying again every {:?}", error_text(&error), args.every);
                }
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(args.every).await;
    }
}

/// One round; `None` where it was interrupted.
async fn round(args: &Args, device: &Device, seen: &mut Generation) -> anyhow::Result<Option<Round>> {
    let blobs = device.blobs().await?;
    let replica = device.replica().await?;
    let outcome = exchange(args, device, &replica, &blobs, seen).await;
    replica.close().await;
    blobs.close().await;
    outcome
}

async fn exchange(
    args: &Args,
    device: &Device,
    replica: &Replica,
    blobs: &Blobs,
    seen: &mut Generation,
) -> anyhow::Result<Option<Round>> {
    let documents = device.sync_client()?;
    documents.sync(replica).await?;
    fetch_if_absent(device, replica, &KEY_DOCUMENT.parse()?).await?;
    let mail = device.incoming_client(replica, blobs)?;
    // Without a key, each message would be reserved in vain, which it may be only a few times.
    mail.ring().unlocked().await?;
    let incoming = mail.process_once(usize::MAX).await?;
    // Contents travel before the documents that name them.
    let sent = with_client(device, blobs, args.limit.limit, async |client| Ok(client.sync(BLOB_NAMESPACE).await?));
    let Some(blobs) = sent.await? else { return Ok(None) };
    documents.sync(replica).await?;
    Ok(Some(Round { new: news(device, replica, seen).await?, incoming, blobs }))
}

/// The messages that came to this device since it was at `seen`.
async fn news(device: &Device, replica: &Replica, seen: &mut Generation) -> anyhow::Result<Vec<StoredMessage>> {
    let mut new = Vec::new();
    loop {
        let changes = replica.changes(*seen, PAGE).await?;
        let Some(last) = changes.last() else { return Ok(new) };
        *seen = last.generation;
        for change in changes.iter().filter(|change| !change.deleted && change.id.as_str().starts_with(PREFIX)) {
            fetch_if_absent(device, replica, &change.id).await?;
            let content = replica.get(&change.id).await?.and_then(|document| document.content);
            new.extend(content.and_then(|content| StoredMessage::parse(&content)));
        }
    }
}

impl Round {
    /// What failed, one line each.
    fn troubles(&self) -> impl Iterator<Item = String> {
        let failed = self.incoming.failed.iter().map(|(id, why)| format!("✕ {id} cannot be opened: {why}"));
        let later = self.incoming.postponed.iter().map(|(id, why)| format!("✕ {id} comes again later: {why}"));
        let blobs = self.blobs.failed.iter().map(|(_, failure)| format!("✕ {failure}"));
        failed.chain(later).chain(blobs)
    }
}

fn print(args: &Args, round: &Round) -> anyhow::Result<()> {
    if args.json {
        return say_json(json!({
            "messages": round.new.iter().map(as_json).collect::<Vec<_>>(), "troubles": round.troubles().collect::<Vec<_>>(),
        }));
    }
    round.new.iter().for_each(|message| print_line(args, message));
    round.troubles().for_each(|trouble| eprintln!("{trouble}"));
    eprintln!("{}", count(round.new.len() as u64, "new message"));
    Ok(())
}

fn print_line(args: &Args, message: &StoredMessage) {
    if args.json {
        say(format_args!("{}", as_json(message)));
    } else {
        say(format_args!("{}", columns(message).join("  ").trim_end()));
    }
}
