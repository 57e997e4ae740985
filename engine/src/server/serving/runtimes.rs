//! The runtimes of a process that serves: the caller's own, or several beside it with a thread each. What runs in one
//! never waits for a turn in another.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::options::ServeError;

/// How long threads that block, in a file perhaps, may hold up the end of a runtime.
const FAREWELL: Duration = Duration::from_secs(1);

/// Some runtimes, which end when this is dropped.
pub(super) struct Runtimes {
    handles: Vec<Handle>,
    _over: DropGuard,
}

impl Runtimes {
    /// One is the caller's own; several are new, single-threaded ones.
    pub(super) fn start(count: usize) -> Result<Self, ServeError> {
        let over = CancellationToken::new();
        let guard = over.clone().drop_guard();
        let handles = match count {
            0 | 1 => Ok(vec![Handle::current()]),
            count => (0..count).map(|number| start(number, over.clone())).collect(),
        };
        let handles = handles.map_err(|source| ServeError::System { what: "a runtime cannot be started", source })?;
        Ok(Self { handles, _over: guard })
    }

    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

fn start(number: usize, over: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
        runtime.block_on(over.cancelled());
        runtime.shutdown_timeout(FAREWELL);
    })?;
    Ok(handle)
}
