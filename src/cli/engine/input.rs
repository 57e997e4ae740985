//! What people write in options of the engine's commands, and what they type while one runs.

use std::num::NonZeroU64;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::units::{parse_byte_rate, parse_bytes, parse_duration};

/// Exit code of a process that was interrupted twice: 128 + SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

/// The namespace of blobs that a command works in.
#[derive(Debug, clap::Args)]
pub(super) struct NamespaceArgs {
    /// The namespace of the blobs
    #[arg(long, env = "BENCHLINE_ENGINE_NAMESPACE", default_value = "files", value_name = "NAME")]
    pub(super) namespace: String,
}

/// How fast transfers may be.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Move at most so much, all transfers together, such as 5MB/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(super) limit: Option<NonZeroU64>,
}

/// A size such as `10GB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    parse_bytes(text).map_err(|error| error.to_string())
}

/// A duration such as `30d`, as far as it makes sense for a token or a pause.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text).map(std::time::Duration::from_nanos).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<NonZeroU64, String> {
    let rate = parse_byte_rate(text).map_err(|error| error.to_string())?;
    NonZeroU64::new(rate).ok_or_else(|| "nothing would ever move: write at least 1 B/s".to_owned())
}

/// Completes at the first Ctrl-C or SIGTERM, so that the command can end cleanly; the second does not wait.
pub(super) async fn interrupted() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C cannot be watched for")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched for")?;
    let first = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    first.await;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

/// Does `work` unless it is interrupted; `None` then.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
    tokio::select! {
        biased;
        stopped = interrupted() => stopped.map(|()| None),
        outcome = work => outcome.map(Some),
    }
}
