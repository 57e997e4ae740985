//! The ring: found in the replica, made where there is none, joined where devices made one each, and held unlocked.

use std::sync::{Arc, Mutex, PoisonError};

use super::KeyRingError;
use super::stored::StoredKeys;
use crate::client::off_reactor::off_reactor;
use crate::config::Config;
use crate::crypto::{Decrypted, Fingerprint, Keys, OpenPgpError, OpenPgpKey, OpenPgpWrappingKey};
use crate::document::{Document, DocumentId, Revision};
use crate::store::{Replica, StoreError};

/// The id of the document with the keys. No other document may have it.
pub const KEY_DOCUMENT: &str = "openpgp-key";

/// How often a change is begun that another one of this device overtakes.
const ATTEMPTS: usize = 4;

/// The OpenPGP keys of one user, on this device.
pub struct KeyRing {
    replica: Replica,
    document: DocumentId,
    wrapping: OpenPgpWrappingKey,
    reuse: bool,
    unlocked: Mutex<Option<Arc<UnlockedKeys>>>,
}

/// Keys that are ready for use, the one that counts first.
#[derive(Debug)]
pub struct UnlockedKeys {
    keys: Vec<OpenPgpKey>,
    /// The versions of the document that they come from.
    revisions: Vec<Revision>,
}

impl UnlockedKeys {
    /// The key that mail is to be encrypted to: the one made first, and of two from the same second the one with the smaller
    /// fingerprint. Both are part of the keys themselves, so all devices agree without asking each other.
    pub fn current(&self) -> &OpenPgpKey {
        &self.keys[0]
    }

    /// Whether a key is in the ring.
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.keys.iter().any(|key| key.fingerprint() == *fingerprint)
    }

    /// Opens a message with whichever key it is encrypted to, as [`OpenPgpKey::decrypt`].
    ///
    /// # Errors
    /// As there.
    pub fn decrypt(&self, message: &[u8], limit: usize) -> Result<Decrypted, OpenPgpError> {
        let mut outcome = Err(OpenPgpError::AnotherKey);
        for key in &self.keys {
            outcome = key.decrypt(message, limit);
            if outcome != Err(OpenPgpError::AnotherKey) {
                break;
            }
        }
        outcome
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

    /// Makes sure that there is a key, and that the document has one version; synchronise before, so that a key of another
    /// device is found, and after, so that others find this one. A new key names `user_id`. The fingerprint of the key that
    /// counts is for people to compare with what the server shows.
    ///
    /// # Errors
    /// [`KeyRingError::Damaged`] or [`KeyRingError::Key`] where the document cannot be read, which then stays as it is.
    pub async fn establish(&self, user_id: &str) -> Result<Fingerprint, KeyRingError> {
        for _ in 0..ATTEMPTS {
            let versions = self.versions().await?;
            let mut keys = join(&versions)?;
            let content = if keys.is_empty() {
                let (name, wrapping) = (user_id.to_owned(), self.wrapping.clone());
                let new = off_reactor(move || {
                    let key = OpenPgpKey::generate(&name)?;
                    Ok::<_, OpenPgpError>((key.fingerprint(), key.wrap(&wrapping)))
                });
                let (fingerprint, wrapped) = new.await.ok_or(KeyRingError::BrokenOff)??;
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

    /// The keys, ready for use. With `keyring.reuse` they are unlocked again only after the document changed.
    ///
    /// # Errors
    /// [`KeyRingError::Absent`] where there is none; as [`Self::establish`].
    pub async fn unlocked(&self) -> Result<Arc<UnlockedKeys>, KeyRingError> {
        let versions = self.versions().await?;
        let revisions: Vec<Revision> = versions.iter().map(|version| version.revision.clone()).collect();
        if self.reuse
            && let Some(known) = self.held().as_ref()
            && known.revisions == revisions
        {
            return Ok(known.clone());
        }
        let stored = join(&versions)?;
        if stored.is_empty() {
            return Err(KeyRingError::Absent);
        }
        let wrapping = self.wrapping.clone();
        let keys = off_reactor(move || unlock(&stored, &wrapping)).await.ok_or(KeyRingError::BrokenOff)??;
        let unlocked = Arc::new(UnlockedKeys { keys, revisions });
        if self.reuse {
            *self.held() = Some(unlocked.clone());
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

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Arc<UnlockedKeys>>> {
        // What is inside is replaced as a whole, so a panic elsewhere leaves it as good as it was.
        self.unlocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("unlocked", &*self.held()).finish_non_exhaustive()
    }
}

/// The keys of all versions: no device's key is lost, whichever version is shown as the current one.
fn join(versions: &[Document]) -> Result<StoredKeys, KeyRingError> {
    let mut all = StoredKeys::default();
    for content in versions.iter().filter_map(|version| version.content.as_deref()) {
        all.join(StoredKeys::parse(content)?);
    }
    Ok(all)
}

fn unlock(stored: &StoredKeys, wrapping: &OpenPgpWrappingKey) -> Result<Vec<OpenPgpKey>, KeyRingError> {
    let mut keys = Vec::new();
    for (fingerprint, wrapped) in stored.iter() {
        let key = OpenPgpKey::unwrap(wrapped, wrapping)?;
        if key.fingerprint() != *fingerprint {
            return Err(KeyRingError::Damaged("a key is not the one it is said to be".to_owned()));
        }
        keys.push(key);
    }
    keys.sort_by_cached_key(|key| (key.public().created(), key.fingerprint()));
    Ok(keys)
}
