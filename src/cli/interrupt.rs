//! Ctrl-C and SIGTERM: the first asks to stop, the second does not wait.

use std::{process, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};

use crate::runner::Stop;

/// Exit code of a process that was interrupted twice: 128 + SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

/// Returns a flag that is set at the first signal; the second one exits. What is measured so far is kept either way.
pub(super) fn watch(runtime: &tokio::runtime::Handle) -> anyhow::Result<Arc<Stop>> {
    let stop = Arc::new(Stop::new());
    let flag = Arc::clone(&stop);
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
            flag.set();
        }
    });
    Ok(stop)
}
