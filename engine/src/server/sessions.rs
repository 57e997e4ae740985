//! Tokens that were looked up a moment ago. An entry lives for half a second, so that a token revoked by another process
//! stops counting within one; a token revoked by this process must stop at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::accounts::{TokenHash, hash};
use super::clock::now;
use crate::protocol::UserName;
use crate::store::{Database, DatabaseError};

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

/// What tokens of one kind open, or nothing where the knob `session_cache` is off.
pub(super) struct Sessions<T> {
    known: Option<Mutex<Known<T>>>,
}

struct Known<T> {
    entries: HashMap<TokenHash, Entry<T>>,
    /// Counts the revocations, so that a look-up that began before one is not remembered after it.
    revocations: u64,
}

struct Entry<T> {
    opens: T,
    /// Seconds since 1970.
    expires: i64,
    until: Instant,
}

/// Finds what a token opens, and until when (seconds since 1970).
pub(super) type LookUp<T> = fn(&Connection, &TokenHash) -> Result<Option<(T, i64)>, DatabaseError>;

impl<T: Clone + Send + 'static> Sessions<T> {
    pub(super) fn new(on: bool) -> Self {
        Self { known: on.then(|| Mutex::new(Known { entries: HashMap::new(), revocations: 0 })) }
    }

    /// What this token opens, if it counts: from memory, or else as `look_up` finds it in the database.
    pub(super) async fn open(
        &self,
        token: &str,
        database: &Database,
        look_up: LookUp<T>,
    ) -> Result<Option<T>, DatabaseError> {
        let hash = hash(token);
        if let Some(opens) = self.get(&hash, now()) {
            return Ok(Some(opens));
        }
        let asked = self.asking();
        let found = database.read(move |connection| look_up(connection, &hash)).await?;
        Ok(found.filter(|(_, expires)| now() < *expires).map(|(opens, expires)| {
            self.remember(hash, opens.clone(), expires, asked);
            opens
        }))
    }

    /// What a token opens, if that is known and still counts at `now` (seconds since 1970).
    fn get(&self, hash: &TokenHash, now: i64) -> Option<T> {
        let known = self.lock()?;
        let entry = known.entries.get(hash)?;
        (entry.until > Instant::now() && now < entry.expires).then(|| entry.opens.clone())
    }

    /// To be called before a look-up, and its answer handed to [`Sessions::remember`].
    fn asking(&self) -> u64 {
        self.lock().map_or(0, |known| known.revocations)
    }

    /// Remembers what a look-up found, unless a token was revoked meanwhile.
    fn remember(&self, hash: TokenHash, opens: T, expires: i64, asked: u64) {
        let Some(mut known) = self.lock() else { return };
        if known.revocations != asked {
            return;
        }
        let now = Instant::now();
        if known.entries.len() >= CAPACITY {
            known.entries.retain(|_, entry| entry.until > now);
        }
        if known.entries.len() < CAPACITY {
            known.entries.insert(hash, Entry { opens, expires, until: now + LIFETIME });
        }
    }

    /// Forgets everything: a token was revoked.
    pub(super) fn forget(&self) {
        if let Some(mut known) = self.lock() {
            known.entries.clear();
            known.revocations += 1;
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Known<T>>> {
        self.known.as_ref().map(|known| known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_with_their_token_and_are_forgotten_at_once() {
        let sessions = Sessions::new(true);
        sessions.remember([1; 32], 'a', 100, sessions.asking());
        assert_eq!(sessions.get(&[1; 32], 99), Some('a'));
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
        sessions.remember([1; 32], 'a', 100, asked);
        assert!(sessions.get(&[1; 32], 0).is_none());
    }

    #[test]
    fn off_remembers_nothing() {
        let sessions = Sessions::new(false);
        sessions.remember([1; 32], 'a', 100, sessions.asking());
        assert!(sessions.get(&[1; 32], 0).is_none());
    }
}
