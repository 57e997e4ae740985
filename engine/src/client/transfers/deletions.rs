//! Blobs that were deleted at the server while a list of its blobs was under way. The list may be older than the deletion
//! and still name them; they must not be taken for blobs that others put.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::BlobAddress;

/// What was deleted since the first list that is still under way began.
#[derive(Default)]
pub(in crate::client) struct Deletions(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    lists: usize,
    deleted: HashSet<BlobAddress>,
}

/// A list is under way for as long as this lives.
pub(in crate::client) struct Listing<'a>(&'a Deletions);

impl Deletions {
    /// To be called before a list is asked for.
    pub(in crate::client) fn list(&self) -> Listing<'_> {
        self.lock().lists += 1;
        Listing(self)
    }

    /// To be called before the index forgets a blob that was deleted at the server.
    pub(super) fn note(&self, address: &BlobAddress) {
        let mut recent = self.lock();
        if recent.lists > 0 {
            recent.deleted.insert(address.clone());
        }
    }

    /// Whether this blob was deleted since. To be asked in the step that would enter it into the index.
    pub(in crate::client) fn hold(&self, address: &BlobAddress) -> bool {
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
    fn deletions_count_as_long_as_a_list_is_under_way() {
        let deletions = Deletions::default();
        let blob = BlobAddress::new("mail", "a").unwrap();
        deletions.note(&blob);
        assert!(!deletions.hold(&blob), "a list that begins now does not name it");
        let (first, second) = (deletions.list(), deletions.list());
        deletions.note(&blob);
        drop(first);
        assert!(deletions.hold(&blob));
        drop(second);
        assert!(!deletions.hold(&blob));
    }
}
