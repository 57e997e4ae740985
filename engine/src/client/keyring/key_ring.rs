//! The key ring: read from the replica, created where there is none, merged where devices created one each, and cached
//! unlocked.

use std::sync::{Arc, Mutex, PoisonError};

use super::KeyRingError;
use super::stored_keys::StoredKeys;
use crate::client::blocking::spawn_blocking;
use crate::config::Config;
use crate::crypto::{Decrypted, Fingerprint, Keys, OpenPgpError, OpenPgpKey, OpenPgpWrappingKey, decrypt_with_any};
use crate::document::{Document, DocumentId, Revision};
use crate::store::{Replica, StoreError};

/// The id of the document with the keys. No other document may have it.
pub const KEY_DOCUMENT: &str = "openpgp-key";

/// Attempts at a change while other changes of this device overtake it.
const ATTEMPTS: usize = 4;

/// The OpenPGP keys of one user, on this device.
pub struct KeyRing {
    replica: Replica,
    document: DocumentId,
    wrapping: OpenPgpWrappingKey,
    reuse: bool,
    unlocked: Mutex<Option<Arc<UnlockedKeys>>>,
}

/// Keys that are ready for use, the current one first.
#[derive(Debug)]
pub struct UnlockedKeys {
    keys: Arc<[OpenPgpKey]>,
    /// The versions of the document that hold them.
    revisions: Vec<Revision>,
}

impl UnlockedKeys {
    /// The key that mail is encrypted to: the oldest one, and of two from the same second the one with the smaller
    /// fingerprint. Both properties are part of the keys, so all devices agree without communicating.
    pub fn current(&self) -> &OpenPgpKey {
        &self.keys[0]
    }

    /// Whether a key is in the ring.
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.keys.iter().any(|key| key.fingerprint() == *fingerprint)
    }

    /// Decrypts a message with whichever key it is encrypted to, as [`OpenPgpKey::decrypt`].
    ///
    /// # Errors
    /// As there.
    pub fn decrypt(&self, message: &[u8], limit: usize) -> Result<Decrypted, OpenPgpError> {
        decrypt_with_any(&self.keys, message, limit)
    }

    /// All of them.
    pub(in crate::client) fn all(&self) -> Arc<[OpenPgpKey]> {
        self.keys.clone()
    }
}

impl KeyRing {
    /// The ring of the user to whom the replica and the keys belong.
    pub fn new(config: &Config, replica: &Replica, keys: &Keys) -> Self {
        Self {
            replica: replica.clone(),
            document: KEY_DOCUMENT.parse().expect("invariant: the name is made of letters and a dash"),
            wrapping: keys.openpgp.clone(),
            reuse: config.keyring.reuse,
            unlocked: Mutex::default(),
        }
    }

    /// Makes sure that there is a key, and that the document has one version. Synchronise before, so that a key of another
    /// device is found, and after, so that other devices find this one. A new key names `user_id`. Returns the fingerprint
    /// of the current key, which people compare with the one that the server shows.
    ///
    /// # Errors
    /// [`KeyRingError::Damaged`] or [`KeyRingError::Key`] where the document cannot be read; it is not changed then.
    pub async fn establish(&self, user_id: &str) -> Result<Fingerprint, KeyRingError> {
        for _ in 0..ATTEMPTS {
            let versions = self.versions().await?;
            let mut keys = merge(&versions)?;
            let content = if keys.is_empty() {
                let (name, wrapping) = (user_id.to_owned(), self.wrapping.clone());
                let new = spawn_blocking(move || {
                    let key = OpenPgpKey::generate(&name)?;
                    Ok::<_, OpenPgpError>((key.fingerprint(), key.wrap(&wrapping)))
                });
                let (fingerprint, wrapped) = new.await.ok_or(KeyRingError::Cancelled)??;
                keys.insert(fingerprint, wrapped);
                keys.to_content()?
            } else if versions.len() > 1 {
                keys.to_content()?
            } else {
                break;
            };
            let replaced: Vec<Revision> = versions.into_iter().map(|version| version.revision).collect();
            match self.replica.resolve(&self.document, &replaced, Some(content)).await {
                Ok(_) => break,
                Err(StoreError::Stale { .. } | StoreError::Conflicted { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.unlocked().await?.current().fingerprint())
    }

    /// The keys, ready for use. With `keyring.reuse` they are unlocked again only after the document has changed.
    ///
    /// # Errors
    /// [`KeyRingError::Absent`] where there is none; as [`Self::establish`].
    pub async fn unlocked(&self) -> Result<Arc<UnlockedKeys>, KeyRingError> {
        let versions = self.versions().await?;
        let revisions: Vec<Revision> = versions.iter().map(|version| version.revision.clone()).collect();
        if self.reuse
            && let Some(known) = self.cached().as_ref()
            && known.revisions == revisions
        {
            return Ok(known.clone());
        }
        let stored = merge(&versions)?;
        if stored.is_empty() {
            return Err(KeyRingError::Absent);
        }
        let wrapping = self.wrapping.clone();
        let keys = spawn_blocking(move || unlock(&stored, &wrapping)).await.ok_or(KeyRingError::Cancelled)??;
        let unlocked = Arc::new(UnlockedKeys { keys: keys.into(), revisions });
        if self.reuse {
            *self.cached() = Some(unlocked.clone());
        }
        Ok(unlocked)
    }

    pub(in crate::client) fn replica(&self) -> &Replica {
        &self.replica
    }

    /// All versions of the document, the current one first, tombstones too.
    async fn versions(&self) -> Result<Vec<Document>, KeyRingError> {
        let mut versions: Vec<Document> = self.replica.get(&self.document).await?.into_iter().collect();
        versions.extend(self.replica.conflicts(&self.document).await?);
        Ok(versions)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Option<Arc<UnlockedKeys>>> {
        // The value is only ever replaced as a whole, so a panic of another thread leaves it consistent.
        self.unlocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("unlocked", &*self.cached()).finish_non_exhaustive()
    }
}

/// The keys of all versions: no device's key is lost, whichever version is the current one.
fn merge(versions: &[Document]) -> Result<StoredKeys, KeyRingError> {
    let mut all = StoredKeys::default();
    for content in versions.iter().filter_map(|version| version.content.as_deref()) {
        all.merge(StoredKeys::parse(content)?);
    }
    Ok(all)
}

fn unlock(stored: &StoredKeys, wrapping: &OpenPgpWrappingKey) -> Result<Vec<OpenPgpKey>, KeyRingError> {
    let mut keys = Vec::new();
    for (fingerprint, wrapped) in stored.iter() {
        let key = OpenPgpKey::unwrap(wrapped, wrapping)?;
        if key.fingerprint() != *fingerprint {
            return Err(KeyRingError::Damaged("a key does not match its fingerprint".to_owned()));
        }
        keys.push(key);
    }
    keys.sort_by_cached_key(|key| (key.public().created(), key.fingerprint()));
    Ok(keys)
}
