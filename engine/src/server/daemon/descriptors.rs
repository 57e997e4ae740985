//! The limit on file descriptors: connections and databases need some each, and the default of most systems is lower than the
//! maximum.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::ServerConfig;

/// What everything except connections needs: databases of users, contents that are read and written, sockets.
const OTHERS: u64 = 1024;

/// Raises the limit to what the settings may require, and logs a warning if that is not possible.
pub(super) fn raise_limit(config: &ServerConfig) {
    let required = (config.connections as u64).saturating_add(OTHERS);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft >= required {
        return;
    }
    let new = required.min(hard);
    if setrlimit(Resource::RLIMIT_NOFILE, new, hard).is_err() || new < required {
        tracing::warn!(soft, hard, required, "the limit on open files is too low: some connections may have to wait");
    }
}
