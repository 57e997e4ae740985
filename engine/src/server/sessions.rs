//! Tokens that were looked up a moment ago. An entry lives for half a second, so that a token revoked by another process
//! stops counting within one; a token revoked by this process must stop at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::accounts::TokenHash;
use crate::protocol::UserName;

/// How long an entry counts.
const LIFETIME: Duration = Duration::from_millis(500);

/// Entries at which those that count no more are cleared away.
const CAPACITY: usize = 10_000;

/// Who sends a request.
#[derive(Debug)]
pub(super) struct User {
    /// The number that names the user's files.
    pub(super) id: i64,
    /// The name that stands in paths.
    pub(super) name: UserName,
    /// Bytes of blobs that this user may store, where that is not what everyone may.
    pub(super) quota: Option<u64>,
}

/// The entries, or none where the knob `session_cache` is off.
pub(super) struct Sessions {
    known: Option<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    entries: HashMap<TokenHash, Entry>,
    /// Counts the revocations, so that a look-up that began before one is not remembered after it.
    revocations: u64,
}

struct Entry {
    user: Arc<User>,
    /// Seconds since 1970.
    expires: i64,
    until: Instant,
}

impl Sessions {
    pub(super) fn new(on: bool) -> Self {
        Self { known: on.then(Mutex::default) }
    }

    /// Whose token this is, if that is known and still counts at `now` (seconds since 1970).
    pub(super) fn get(&self, hash: &TokenHash, now: i64) -> Option<Arc<User>> {
        let known = self.lock()?;
        let entry = known.entries.get(hash)?;
        (entry.until > Instant::now() && now < entry.expires).then(|| entry.user.clone())
    }

    /// To be called before a look-up, and its answer handed to [`Sessions::remember`].
    pub(super) fn asking(&self) -> u64 {
        self.lock().map_or(0, |known| known.revocations)
    }

    /// Remembers what a look-up found, unless a token was revoked meanwhile.
    pub(super) fn remember(&self, hash: TokenHash, user: Arc<User>, expires: i64, asked: u64) {
        let Some(mut known) = self.lock() else { return };
        if known.revocations != asked {
            return;
        }
        let now = Instant::now();
        if known.entries.len() >= CAPACITY {
            known.entries.retain(|_, entry| entry.until > now);
        }
        if known.entries.len() < CAPACITY {
            known.entries.insert(hash, Entry { user, expires, until: now + LIFETIME });
        }
    }

    /// Forgets everything: a token was revoked.
    pub(super) fn forget(&self) {
        if let Some(mut known) = self.lock() {
            known.entries.clear();
            known.revocations += 1;
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Known>> {
        self.known.as_ref().map(|known| known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ana() -> Arc<User> {
        Arc::new(User { id: 1, name: "ana".parse().unwrap(), quota: None })
    }

    #[test]
    fn entries_expire_with_their_token_and_are_forgotten_at_once() {
        let sessions = Sessions::new(true);
        sessions.remember([1; 32], ana(), 100, sessions.asking());
        assert_eq!(sessions.get(&[1; 32], 99).unwrap().id, 1);
        assert!(sessions.get(&[1; 32], 100).is_none());
        assert!(sessions.get(&[2; 32], 0).is_none());
        sessions.forget();
        assert!(sessions.get(&[1; 32], 0).is_none());
    }

    #[test]
    fn a_look_up_that_a_revocation_overtook_is_not_remembered() {
        let sessions = Sessions::new(true);
        let asked = sessions.asking();
        sessions.forget();
        sessions.remember([1; 32], ana(), 100, asked);
        assert!(sessions.get(&[1; 32], 0).is_none());
    }

    #[test]
    fn off_remembers_nothing() {
        let sessions = Sessions::new(false);
        sessions.remember([1; 32], ana(), 100, sessions.asking());
        assert!(sessions.get(&[1; 32], 0).is_none());
    }
}
