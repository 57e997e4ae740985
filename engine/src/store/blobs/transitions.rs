//! Every transition of a blob's record. Pure: a transition does no I/O, and the index applies each inside one transaction. A
//! transition that does not apply to the current state changes nothing.

use super::{
    BlobAddress, BlobRecord, BlobState, BlobStoreError, Content, ContentId, Deletion, Priority, TransferFailure, Work,
};

/// Failed verifications after which a blob is quarantined.
const MAX_UNVERIFIED: u32 = 3;

type Transition<T> = Result<T, BlobStoreError>;

impl BlobRecord {
    /// Adds a new blob and returns the content that it replaces, of an earlier draft.
    pub(crate) fn put(entry: &mut Option<Self>, mut new: Self) -> Transition<Option<ContentId>> {
        let replaced = match entry {
            None => None,
            Some(old) if old.draft && new.draft => {
                new.delete_first = old.delete_first;
                old.content.take().map(|content| content.id)
            }
            Some(old) if old.state == BlobState::PendingDelete => {
                new.delete_first = true;
                None
            }
            Some(old) => return Err(BlobStoreError::Exists(old.address.clone())),
        };
        *entry = Some(new);
        Ok(replaced)
    }

    /// Requests an upload of a blob that is only on this device, or failed.
    pub(crate) fn want_upload(entry: &mut Option<Self>, address: &BlobAddress, priority: Priority) -> Transition<()> {
        let record = entry.as_mut().ok_or_else(|| BlobStoreError::Absent(address.clone()))?;
        match record.state {
            BlobState::Synced => {}
            BlobState::PendingUpload => record.priority = record.priority.max(priority),
            BlobState::LocalOnly | BlobState::FailedUpload if record.content.is_some() => {
                record.enter(BlobState::PendingUpload, priority);
            }
            _ => return Err(record.invalid_for("sent")),
        }
        Ok(())
    }

    /// Requests a download, also of a blob that failed.
    pub(crate) fn want_download(entry: &mut Option<Self>, address: &BlobAddress, priority: Priority) -> Transition<()> {
        let record = match entry {
            None => entry.insert(Self::new(address.clone(), BlobState::PendingDownload, priority)),
            Some(record) => record,
        };
        match record.state {
            BlobState::PendingDownload => record.priority = record.priority.max(priority),
            BlobState::FailedDownload | BlobState::Quarantined => record.enter(BlobState::PendingDownload, priority),
            BlobState::PendingDelete => return Err(record.invalid_for("fetched")),
            _ if record.content.is_none() => return Err(record.invalid_for("fetched")),
            _ => {}
        }
        Ok(())
    }

    /// The server has the blob. A known blob stays as it is; in particular, a failed one is not tried again.
    pub(crate) fn discover(entry: &mut Option<Self>, address: &BlobAddress) -> bool {
        let new = entry.is_none();
        entry.get_or_insert_with(|| Self::new(address.clone(), BlobState::PendingDownload, Priority::Normal));
        new
    }

    /// A part is being fetched into `content`.
    pub(crate) fn begin_part(entry: &mut Option<Self>, content: ContentId) -> bool {
        let Some(record) = entry.as_mut().filter(|record| record.work() == Some(Work::Download)) else { return false };
        record.content = Some(Content { id: content, sealed_length: None, digest: None });
        true
    }

    /// `content` was received, whole and verified.
    pub(crate) fn downloaded(entry: &mut Option<Self>, content: ContentId, sealed_length: u64, length: u64) -> bool {
        let fits = |record: &&mut Self| {
            record.state == BlobState::PendingDownload && (record.content.is_none() || record.holds(content))
        };
        let Some(record) = entry.as_mut().filter(fits) else { return false };
        record.enter(BlobState::Synced, record.priority);
        record.length = Some(length);
        record.content = Some(Content { id: content, sealed_length: Some(sealed_length), digest: None });
        true
    }

    /// The server has `content`.
    pub(crate) fn uploaded(entry: &mut Option<Self>, content: ContentId) {
        if let Some(record) = entry
            && record.state == BlobState::PendingUpload
            && record.holds(content)
        {
            record.enter(BlobState::Synced, record.priority);
        }
    }

    /// Deletes it on this device. A local blob is removed at once; the server may know of any other.
    pub(crate) fn delete(entry: &mut Option<Self>, address: &BlobAddress) -> Transition<Deletion> {
        let record = entry.as_mut().ok_or_else(|| BlobStoreError::Absent(address.clone()))?;
        let content = record.content.take().map(|content| content.id);
        let at_server = record.state != BlobState::LocalOnly || record.delete_first;
        if at_server {
            record.enter(BlobState::PendingDelete, record.priority);
            record.delete_first = false;
            record.length = None;
        } else {
            *entry = None;
        }
        Ok(Deletion { content, at_server })
    }

    /// The server has deleted it. A blob stored under the same name since then is not affected.
    pub(crate) fn deleted(entry: &mut Option<Self>) {
        match entry {
            Some(record) if record.delete_first => record.delete_first = false,
            Some(record) if record.state == BlobState::PendingDelete => *entry = None,
            _ => {}
        }
    }

    /// A transfer failed and will be retried. Counts the tries and returns the count.
    pub(crate) fn postpone(entry: &mut Option<Self>, failure: TransferFailure, count: impl FnOnce(u32) -> u32) -> u32 {
        let Some(record) = entry else { return 0 };
        record.tries = count(record.tries);
        record.failure = Some(failure);
        record.tries
    }

    /// A transfer is given up. A deletion stays pending, and the next synchronisation retries it.
    pub(crate) fn give_up(entry: &mut Option<Self>, failure: TransferFailure) {
        let Some(record) = entry else { return };
        match record.work() {
            Some(Work::Upload) => record.state = BlobState::FailedUpload,
            Some(Work::Download) => record.state = BlobState::FailedDownload,
            Some(Work::Delete) | None => {}
        }
        record.failure = Some(failure);
    }

    /// The server's bytes failed verification. `Ok` where the transfer may be retried; the third time it is `Err` with the
    /// content to remove.
    pub(crate) fn fail_verification(
        entry: &mut Option<Self>,
        failure: TransferFailure,
    ) -> Result<(), Option<ContentId>> {
        let Some(record) = entry.as_mut().filter(|record| record.state == BlobState::PendingDownload) else {
            return Ok(());
        };
        record.unverified += 1;
        record.failure = Some(failure);
        if record.unverified < MAX_UNVERIFIED {
            return Ok(());
        }
        record.state = BlobState::Quarantined;
        Err(record.content.take().map(|content| content.id))
    }

    /// Its content is missing from the store: it was removed from outside. If the server has the blob, it is fetched again.
    pub(crate) fn lose_content(entry: &mut Option<Self>) -> Transition<()> {
        let Some(record) = entry else { return Ok(()) };
        record.content = None;
        match record.state {
            BlobState::Synced => record.state = BlobState::PendingDownload,
            BlobState::PendingUpload | BlobState::LocalOnly => {
                record.state = BlobState::FailedUpload;
                record.draft = false;
                record.failure =
                    Some(TransferFailure::other("its content was removed from this device by another program"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Enters a state, and resets the counters.
    fn enter(&mut self, state: BlobState, priority: Priority) {
        (self.state, self.priority, self.draft) = (state, priority, false);
        (self.tries, self.unverified, self.failure) = (0, 0, None);
    }

    fn holds(&self, content: ContentId) -> bool {
        self.content.as_ref().is_some_and(|held| held.id == content)
    }

    fn invalid_for(&self, wanted: &'static str) -> BlobStoreError {
        BlobStoreError::State { address: self.address.clone(), state: self.state, wanted }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address() -> BlobAddress {
        BlobAddress::new("mail", "B-1").unwrap()
    }

    fn put(
        entry: &mut Option<BlobRecord>,
        state: BlobState,
        draft: bool,
    ) -> Transition<(ContentId, Option<ContentId>)> {
        let id = ContentId::generate();
        let content = Content { id, sealed_length: Some(9), digest: Some([0; 32]) };
        let new = BlobRecord::stored(address(), state, draft, 1, content);
        Ok((id, BlobRecord::put(entry, new)?))
    }

    fn state(entry: &Option<BlobRecord>) -> Option<BlobState> {
        entry.as_ref().map(|record| record.state)
    }

    #[test]
    fn only_drafts_that_were_not_sent_can_be_overwritten() {
        let mut entry = None;
        let (first, _) = put(&mut entry, BlobState::LocalOnly, true).unwrap();
        let (_, replaced) = put(&mut entry, BlobState::LocalOnly, true).unwrap();
        assert_eq!(replaced, Some(first));
        assert!(put(&mut entry, BlobState::PendingUpload, false).is_err());
        BlobRecord::want_upload(&mut entry, &address(), Priority::High).unwrap();
        assert_eq!(state(&entry), Some(BlobState::PendingUpload));
        assert!(matches!(put(&mut entry, BlobState::LocalOnly, true), Err(BlobStoreError::Exists(_))));
    }

    /// Named after the defect "a tombstone that outlived re-creation deleted the new blob".
    #[test]
    fn a_deletion_does_not_affect_a_blob_stored_after_it() {
        let mut entry = None;
        put(&mut entry, BlobState::PendingUpload, false).unwrap();
        assert!(BlobRecord::delete(&mut entry, &address()).unwrap().at_server);
        let (content, _) = put(&mut entry, BlobState::PendingUpload, false).unwrap();
        // First the old one goes, then the new one is sent.
        assert_eq!(entry.as_ref().unwrap().work(), Some(Work::Delete));
        BlobRecord::deleted(&mut entry);
        assert_eq!(entry.as_ref().unwrap().work(), Some(Work::Upload));
        // A second, late answer to the deletion.
        BlobRecord::deleted(&mut entry);
        BlobRecord::uploaded(&mut entry, content);
        assert_eq!(state(&entry), Some(BlobState::Synced));
    }

    #[test]
    fn a_local_blob_under_the_name_of_a_deleted_one_stays_local() {
        let mut entry = None;
        put(&mut entry, BlobState::PendingUpload, false).unwrap();
        BlobRecord::delete(&mut entry, &address()).unwrap();
        put(&mut entry, BlobState::LocalOnly, true).unwrap();
        assert_eq!(entry.as_ref().unwrap().work(), Some(Work::Delete));
        BlobRecord::deleted(&mut entry);
        assert_eq!(entry.as_ref().unwrap().work(), None);
        assert!(!BlobRecord::delete(&mut entry, &address()).unwrap().at_server);
        assert_eq!(entry, None);
    }

    /// Named after the defect "failed downloads revived without end".
    #[test]
    fn discovering_a_blob_does_not_retry_a_failed_one() {
        for failed in [BlobState::FailedDownload, BlobState::Quarantined, BlobState::PendingDelete] {
            let mut entry = Some(BlobRecord::new(address(), failed, Priority::Low));
            assert!(!BlobRecord::discover(&mut entry, &address()));
            assert_eq!(state(&entry), Some(failed));
        }
        let mut entry = Some(BlobRecord::new(address(), BlobState::Quarantined, Priority::Low));
        BlobRecord::want_download(&mut entry, &address(), Priority::Urgent).unwrap();
        assert_eq!(state(&entry), Some(BlobState::PendingDownload));
    }

    #[test]
    fn the_third_failed_verification_quarantines() {
        let mut entry = None;
        BlobRecord::discover(&mut entry, &address());
        let part = ContentId::generate();
        assert!(BlobRecord::begin_part(&mut entry, part));
        for _ in 0..2 {
            BlobRecord::fail_verification(&mut entry, TransferFailure::other("altered")).unwrap();
            assert_eq!(entry.as_ref().unwrap().work(), Some(Work::Download));
        }
        assert_eq!(BlobRecord::fail_verification(&mut entry, TransferFailure::other("altered")), Err(Some(part)));
        assert_eq!((state(&entry), entry.unwrap().work()), (Some(BlobState::Quarantined), None));
    }

    #[test]
    fn late_answers_change_nothing() {
        let mut entry = None;
        let (content, _) = put(&mut entry, BlobState::PendingUpload, false).unwrap();
        BlobRecord::delete(&mut entry, &address()).unwrap();
        BlobRecord::uploaded(&mut entry, content);
        assert_eq!(state(&entry), Some(BlobState::PendingDelete));
        assert!(!BlobRecord::downloaded(&mut entry, content, 1, 1));
        assert!(!BlobRecord::begin_part(&mut entry, ContentId::generate()));
        BlobRecord::give_up(&mut entry, TransferFailure::other("no"));
        // Named after the defect "pending deletions never retried".
        assert_eq!(entry.as_ref().unwrap().work(), Some(Work::Delete));
    }

    proptest! {
        /// In any order of events: what is here can be read or is being fetched, what failed has no pending work, and only
        /// local blobs are drafts.
        #[test]
        fn every_order_of_events_keeps_the_record_consistent(events in proptest::collection::vec(0u8..14, 0..40)) {
            let mut entry: Option<BlobRecord> = None;
            for event in events {
                let content = entry.as_ref().and_then(|record| record.content.as_ref()).map(|content| content.id);
                let content = content.unwrap_or_else(ContentId::generate);
                match event {
                    0 => drop(put(&mut entry, BlobState::PendingUpload, false)),
                    1 => drop(put(&mut entry, BlobState::LocalOnly, true)),
                    2 => drop(put(&mut entry, BlobState::LocalOnly, false)),
                    3 => drop(BlobRecord::want_upload(&mut entry, &address(), Priority::High)),
                    4 => drop(BlobRecord::want_download(&mut entry, &address(), Priority::High)),
                    5 => drop(BlobRecord::discover(&mut entry, &address())),
                    6 => drop(BlobRecord::begin_part(&mut entry, ContentId::generate())),
                    7 => drop(BlobRecord::downloaded(&mut entry, content, 9, 1)),
                    8 => BlobRecord::uploaded(&mut entry, content),
                    9 => drop(BlobRecord::delete(&mut entry, &address())),
                    10 => BlobRecord::deleted(&mut entry),
                    11 => BlobRecord::give_up(&mut entry, TransferFailure::other("no")),
                    12 => drop(BlobRecord::fail_verification(&mut entry, TransferFailure::other("no"))),
                    _ => BlobRecord::lose_content(&mut entry).unwrap(),
                }
                let Some(record) = &entry else { continue };
                let here = record.content.is_some();
                match record.state {
                    BlobState::Synced | BlobState::PendingUpload | BlobState::LocalOnly => prop_assert!(here),
                    BlobState::PendingDelete | BlobState::Quarantined => prop_assert!(!here),
                    _ => {}
                }
                prop_assert!(!record.draft || record.state == BlobState::LocalOnly);
                prop_assert!(!record.delete_first || record.state != BlobState::PendingDelete);
                prop_assert!(record.state != BlobState::LocalOnly || matches!(record.work(), None | Some(Work::Delete)));
            }
        }
    }
}
