//! File descriptors: connections and databases each take some, and most systems give a process fewer than it may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::ServerConfig;

/// What everything but connections needs: databases of users, contents that are read and written, sockets.
const OTHERS: u64 = 1024;

/// Asks for as many as the knobs can make the server need, and says in the log where it does not get them.
pub(super) fn provide(config: &ServerConfig) {
    let wanted = (config.connections as u64).saturating_add(OTHERS);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft >= wanted {
        return;
    }
    let given = wanted.min(hard);
    if setrlimit(Resource::RLIMIT_NOFILE, given, hard).is_err() || given < wanted {
        tracing::warn!(soft, hard, wanted, "the limit on open files is low: some connections may have to wait");
    }
}
