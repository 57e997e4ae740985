//! The async runtimes of a server process: the caller's own, or several additional single-threaded ones. Tasks of one runtime
//! never wait for those of another.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::options::ServeError;

/// How long blocking threads, for example in file operations, may delay the end of a runtime.
const GRACE: Duration = Duration::from_secs(1);

/// Several runtimes, which end when this is dropped.
pub(super) struct Runtimes {
    handles: Vec<Handle>,
    _end: DropGuard,
}

impl Runtimes {
    /// A single runtime is the caller's own; several are new, single-threaded ones.
    pub(super) fn start(count: usize) -> Result<Self, ServeError> {
        let end = CancellationToken::new();
        let guard = end.clone().drop_guard();
        let handles = match count {
            0 | 1 => Ok(vec![Handle::current()]),
            count => (0..count).map(|number| start(number, end.clone())).collect(),
        };
        let handles = handles.map_err(|source| ServeError::System { what: "cannot start a runtime", source })?;
        Ok(Self { handles, _end: guard })
    }

    /// The handles of the runtimes.
    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

fn start(number: usize, end: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name(format!("serve-{number}")).spawn(move || {
        runtime.block_on(end.cancelled());
        runtime.shutdown_timeout(GRACE);
    })?;
    Ok(handle)
}
