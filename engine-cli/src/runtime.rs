//! The runtime that commands run in, and how Ctrl-C or SIGTERM ends them.

use std::sync::OnceLock;

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Exit code of a process that was interrupted twice: 128 + SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

/// A runtime with a thread for each core: both sides seal, hash and wait for disks.
///
/// # Errors
/// When the operating system has no threads left.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")
}

/// Does `work` unless the process is asked to end by Ctrl-C or SIGTERM, which gives `None`: now, or at an earlier call. So the
/// command can end cleanly; the second time does not wait.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
    let mut asked = asked_to_end()?;
    tokio::select! {
        biased;
        // It fails only when the runtime ends.
        _ = asked.wait_for(|asked| *asked) => Ok(None),
        outcome = work => outcome.map(Some),
    }
}

/// Whether the process was asked to end. Signals are watched for from the first call on.
fn asked_to_end() -> anyhow::Result<watch::Receiver<bool>> {
    static ASKED: OnceLock<watch::Receiver<bool>> = OnceLock::new();
    if let Some(asked) = ASKED.get() {
        return Ok(asked.clone());
    }
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C cannot be watched for")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched for")?;
    let (tell, asked) = watch::channel(false);
    tokio::spawn(async move {
        for asked_before in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if asked_before {
                std::process::exit(INTERRUPTED);
            }
            tell.send_replace(true);
        }
    });
    Ok(ASKED.get_or_init(|| asked).clone())
}
