//! Blobs that were deleted at the server while its blobs were being listed. The list may be older than the deletion and
//! still name them; they must not be mistaken for blobs that other devices stored.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::BlobAddress;

/// What was deleted since the oldest listing in progress began.
#[derive(Default)]
pub(super) struct Deletions(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    lists: usize,
    deleted: HashSet<BlobAddress>,
}

/// A listing is in progress for as long as this lives.
pub(super) struct Listing<'a>(&'a Deletions);

impl Deletions {
    /// Begins a listing. Call it before the list is requested.
    pub(super) fn list(&self) -> Listing<'_> {
        self.lock().lists += 1;
        Listing(self)
    }

    /// Records a deletion. Call it before the index removes a blob that was deleted at the server.
    pub(super) fn record(&self, address: &BlobAddress) {
        let mut recent = self.lock();
        if recent.lists > 0 {
            recent.deleted.insert(address.clone());
        }
    }

    /// Whether this blob was deleted since. Call it in the transition that would add it to the index.
    pub(super) fn contains(&self, address: &BlobAddress) -> bool {
        self.lock().deleted.contains(address)
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listing<'_> {
    fn drop(&mut self) {
        let mut recent = self.0.lock();
        recent.lists -= 1;
        if recent.lists == 0 {
            recent.deleted.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_are_remembered_while_a_listing_is_in_progress() {
        let deletions = Deletions::default();
        let blob = BlobAddress::new("mail", "a").unwrap();
        deletions.record(&blob);
        assert!(!deletions.contains(&blob), "a listing that begins now does not name it");
        let (first, second) = (deletions.list(), deletions.list());
        deletions.record(&blob);
        drop(first);
        assert!(deletions.contains(&blob));
        drop(second);
        assert!(!deletions.contains(&blob));
    }
}
