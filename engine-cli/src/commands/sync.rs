//! `benchline-engine sync`: everything that either side lacks, documents first. It may be interrupted or killed anywhere; the
//! next one goes on from there.

use std::{process::ExitCode, time::Instant};

use benchline_engine::{
    client::{BlobReport, SyncReport},
    store::{BlobAddress, TransferFailure},
};
use serde_json::{Value, json};

use crate::{
    advice,
    device::DeviceArgs,
    documents::sync_documents,
    options::LimitArgs,
    output::{count, elapsed, say, say_json},
    runtime::{runtime, unless_interrupted},
    transfer::with_client,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine sync
  benchline-engine sync --limit 500kB/s
  benchline-engine sync --namespace files --namespace mail
  benchline-engine sync --metadata                 what documents say comes when it is read

Ctrl-C ends it cleanly; what was exchanged stays. Exit code 1 where something could not be \
exchanged, and it says what.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The namespaces of the blobs; may be given more than once
    #[arg(long, env = "BENCHLINE_ENGINE_NAMESPACE", default_value = "files", value_name = "NAME")]
    namespace: Vec<String>,
    /// Of documents that other devices made, fetch ids and revisions only; `doc get` fetches what one says
    #[arg(long)]
    metadata: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limit: LimitArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// What a synchronisation did with blobs, in all namespaces.
#[derive(Default)]
struct Blobs {
    deleted: u64,
    fetched: u64,
    sent: u64,
    failed: Vec<(BlobAddress, TransferFailure)>,
}

pub(super) fn sync(args: &Args) -> anyhow::Result<ExitCode> {
    for namespace in &args.namespace {
        // The name of a blob does not matter here.
        BlobAddress::new(namespace, "any")?;
    }
    let device = args.device.open()?;
    runtime()?.block_on(async {
        let started = Instant::now();
        let Some(documents) = unless_interrupted(sync_documents(&device, args.metadata)).await? else {
            return Ok(interrupted());
        };
        let blobs = device.blobs().await?;
        let report = with_client(&device, &blobs, args.limit.limit, async |client| {
            let mut all = Blobs::default();
            for namespace in &args.namespace {
                all.add(client.sync(namespace).await?);
            }
            Ok(all)
        })
        .await;
        blobs.close().await;
        let Some(report) = report? else { return Ok(interrupted()) };
        if args.json {
            say_json(as_json(&documents, &report))?;
        } else {
            print(&documents, &report, started);
        }
        Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn interrupted() -> ExitCode {
    eprintln!("interrupted: what was exchanged stays, and the next sync goes on from there");
    ExitCode::FAILURE
}

impl Blobs {
    fn add(&mut self, report: BlobReport) {
        self.deleted += report.deleted;
        self.fetched += report.fetched;
        self.sent += report.sent;
        self.failed.extend(report.failed);
    }
}

fn print(documents: &SyncReport, blobs: &Blobs, started: Instant) {
    let mut parts = vec![format!(
        "documents: {} sent, {} received; blobs: {} sent, {} fetched, {} deleted",
        documents.documents_sent, documents.documents_received, blobs.sent, blobs.fetched, blobs.deleted
    )];
    if documents.conflicts > 0 {
        parts.push(count(documents.conflicts, "new conflict"));
    }
    if !blobs.failed.is_empty() {
        parts.push(format!("{} failed", count(blobs.failed.len() as u64, "blob")));
    }
    let time = elapsed(started);
    say(format_args!("{} ({time})", parts.join("; ")));
    for (_, failure) in &blobs.failed {
        eprintln!("✕ {failure}");
    }
    let advice = blobs.failed.iter().find_map(|(_, failure)| advice::about_failure(failure));
    if let Some(advice) = advice {
        eprintln!("{advice}");
    }
    if documents.conflicts > 0 {
        eprintln!("`benchline-engine doc conflicts` shows the versions");
    }
}

fn as_json(documents: &SyncReport, blobs: &Blobs) -> Value {
    let failed = blobs.failed.iter().map(
        |(address, failure)| json!({ "namespace": address.namespace(), "name": address.id(), "failure": failure.message }),
    );
    json!({
        "documents": {
            "sent": documents.documents_sent, "received": documents.documents_received,
            "conflicts": documents.conflicts, "bytes_sent": documents.bytes_sent,
            "bytes_received": documents.bytes_received, "requests": documents.requests,
        },
        "blobs": {
            "sent": blobs.sent, "fetched": blobs.fetched, "deleted": blobs.deleted, "failed": failed.collect::<Vec<_>>(),
        },
    })
}
