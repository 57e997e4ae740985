//! A cache of tokens that were looked up recently. An entry lives for half a second, so a token that another process
//! revokes becomes invalid within a second; a token that this process revokes must become invalid immediately.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::token::{TokenHash, hash};
use crate::server::clock::now;
use crate::store::{Database, DatabaseError};

/// How long an entry is valid.
const LIFETIME: Duration = Duration::from_millis(500);

/// The number of entries at which outdated ones are removed.
const CAPACITY: usize = 10_000;

/// What tokens of one kind grant access to. It caches nothing if the setting `session_cache` is off.
pub(super) struct TokenCache<T> {
    entries: Option<Mutex<Entries<T>>>,
}

struct Entries<T> {
    by_hash: HashMap<TokenHash, Entry<T>>,
    /// The number of revocations, so that a lookup that began before a revocation is not cached after it.
    revocations: u64,
}

struct Entry<T> {
    access: T,
    /// Seconds since 1970.
    expires: i64,
    valid_until: Instant,
}

/// Finds what a token grants access to, and when it expires (seconds since 1970).
pub(super) type Lookup<T> = fn(&Connection, &TokenHash) -> Result<Option<(T, i64)>, DatabaseError>;

impl<T: Clone + Send + 'static> TokenCache<T> {
    /// An empty cache, which stays empty unless it is `enabled`.
    pub(super) fn new(enabled: bool) -> Self {
        Self { entries: enabled.then(|| Mutex::new(Entries { by_hash: HashMap::new(), revocations: 0 })) }
    }

    /// What this token grants access to, if it is valid: from the cache, or else from the database through `look_up`.
    pub(super) async fn authenticate(
        &self,
        token: &str,
        database: &Database,
        look_up: Lookup<T>,
    ) -> Result<Option<T>, DatabaseError> {
        let hash = hash(token);
        if let Some(access) = self.get(&hash, now()) {
            return Ok(Some(access));
        }
        let revocations = self.revocations();
        let found = database.read(move |connection| look_up(connection, &hash)).await?;
        Ok(found.filter(|(_, expires)| now() < *expires).map(|(access, expires)| {
            self.insert(hash, access.clone(), expires, revocations);
            access
        }))
    }

    /// What a token grants access to, if that is cached and the token is valid at `now` (seconds since 1970).
    fn get(&self, hash: &TokenHash, now: i64) -> Option<T> {
        let entries = self.lock()?;
        let entry = entries.by_hash.get(hash)?;
        (entry.valid_until > Instant::now() && now < entry.expires).then(|| entry.access.clone())
    }

    /// The number of revocations so far. Call it before a lookup and pass the result to [`TokenCache::insert`].
    fn revocations(&self) -> u64 {
        self.lock().map_or(0, |entries| entries.revocations)
    }

    /// Caches the result of a lookup, unless a token was revoked since the lookup began.
    fn insert(&self, hash: TokenHash, access: T, expires: i64, revocations: u64) {
        let Some(mut entries) = self.lock() else { return };
        if entries.revocations != revocations {
            return;
        }
        let now = Instant::now();
        if entries.by_hash.len() >= CAPACITY {
            entries.by_hash.retain(|_, entry| entry.valid_until > now);
        }
        if entries.by_hash.len() < CAPACITY {
            entries.by_hash.insert(hash, Entry { access, expires, valid_until: now + LIFETIME });
        }
    }

    /// Removes all entries, because a token was revoked or what it grants access to changed.
    pub(super) fn clear(&self) {
        if let Some(mut entries) = self.lock() {
            entries.by_hash.clear();
            entries.revocations += 1;
        }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Entries<T>>> {
        self.entries.as_ref().map(|entries| entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_with_their_token_and_clear_removes_them_immediately() {
        let cache = TokenCache::new(true);
        cache.insert([1; 32], 'a', 100, cache.revocations());
        assert_eq!(cache.get(&[1; 32], 99), Some('a'));
        assert!(cache.get(&[1; 32], 100).is_none());
        assert!(cache.get(&[2; 32], 0).is_none());
        cache.clear();
        assert!(cache.get(&[1; 32], 0).is_none());
    }

    #[test]
    fn a_lookup_that_began_before_a_revocation_is_not_cached() {
        let cache = TokenCache::new(true);
        let revocations = cache.revocations();
        cache.clear();
        cache.insert([1; 32], 'a', 100, revocations);
        assert!(cache.get(&[1; 32], 0).is_none());
    }

    #[test]
    fn a_disabled_cache_stays_empty() {
        let cache = TokenCache::new(false);
        cache.insert([1; 32], 'a', 100, cache.revocations());
        assert!(cache.get(&[1; 32], 0).is_none());
    }
}
