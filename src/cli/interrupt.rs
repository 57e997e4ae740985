//! Ctrl-C and SIGTERM: the first asks to stop, the second does not wait.

use std::{process, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};

use crate::runner::Stop;

/// Exit code of a process that was interrupted twice: 128 + SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

/// Sets `stop` at the first signal and exits at the second. What is measured so far is kept either way.
pub(super) fn watch(runtime: &tokio::runtime::Handle, stop: Arc<Stop>) -> anyhow::Result<()> {
    let _entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    runtime.spawn(async move {
        for asked_before in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if asked_before {
                process::exit(INTERRUPTED);
            }
            stop.set();
        }
    });
    Ok(())
}
