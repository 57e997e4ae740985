//! What the index says of one blob. Plain values: how they change is in `steps`.

use super::{BlobAddress, ContentId};

/// How a blob stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobState {
    /// Here and at the server.
    Synced,
    /// Here, and to be sent.
    PendingUpload,
    /// At the server, and to be fetched.
    PendingDownload,
    /// Gone here, and to be deleted at the server.
    PendingDelete,
    /// Here; the server refuses it, or too many tries failed. It waits for someone to ask for another try.
    FailedUpload,
    /// Could not be fetched. It waits for someone to ask for another try.
    FailedDownload,
    /// What the server gives for it failed verification three times: it is unusable.
    Quarantined,
    /// Here, and not to be sent; drafts are.
    LocalOnly,
}

impl BlobState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Synced,
        Self::PendingUpload,
        Self::PendingDownload,
        Self::PendingDelete,
        Self::FailedUpload,
        Self::FailedDownload,
        Self::Quarantined,
        Self::LocalOnly,
    ];

    /// The name in the database and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::PendingUpload => "pending_upload",
            Self::PendingDownload => "pending_download",
            Self::PendingDelete => "pending_delete",
            Self::FailedUpload => "failed_upload",
            Self::FailedDownload => "failed_download",
            Self::Quarantined => "quarantined",
            Self::LocalOnly => "local_only",
        }
    }
}

/// How urgent a transfer is. A higher one overtakes a lower one that is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// When there is nothing else to do.
    Low,
    /// What a synchronisation does.
    #[default]
    Normal,
    /// Someone will want it soon.
    High,
    /// Someone waits for it.
    Urgent,
}

impl Priority {
    /// All priorities, the lowest first; the place is the number in the database.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];
}

/// Sealed bytes in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) id: ContentId,
    /// Bytes of the whole. Unknown while it is being fetched.
    pub(crate) sealed_length: Option<u64>,
    /// SHA-256 of all of it. Known of what was sealed here.
    pub(crate) digest: Option<[u8; 32]>,
}

/// What the index says of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobRecord {
    /// Which blob.
    pub address: BlobAddress,
    /// How it stands.
    pub state: BlobState,
    /// Whether it may be overwritten, because it was never sent.
    pub draft: bool,
    /// How urgent its transfer is.
    pub priority: Priority,
    /// Bytes of its content, once they are known.
    pub length: Option<u64>,
    /// Transfers of it that failed in a row.
    pub tries: u32,
    /// How often what the server gave for it failed verification.
    pub unverified: u32,
    /// Why the last transfer failed.
    pub failure: Option<String>,
    pub(crate) content: Option<Content>,
    /// Another blob of this name is still to be deleted at the server, before anything else is done.
    pub(crate) delete_first: bool,
}

/// What the network is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Work {
    Delete,
    Download,
    Upload,
}

/// What a deletion leaves to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// To be removed from the store.
    pub(crate) content: Option<ContentId>,
    /// Whether the server has to hear of it.
    pub(crate) at_server: bool,
}

impl BlobRecord {
    /// A blob of which nothing is known but its name.
    pub(super) fn new(address: BlobAddress, state: BlobState, priority: Priority) -> Self {
        Self {
            address,
            state,
            draft: false,
            priority,
            length: None,
            tries: 0,
            unverified: 0,
            failure: None,
            content: None,
            delete_first: false,
        }
    }

    /// A blob whose content has just been stored.
    pub(crate) fn stored(address: BlobAddress, state: BlobState, draft: bool, length: u64, content: Content) -> Self {
        let record = Self::new(address, state, Priority::Normal);
        Self { draft, length: Some(length), content: Some(content), ..record }
    }

    /// What is to be done about it at the server.
    pub(crate) fn work(&self) -> Option<Work> {
        match self.state {
            BlobState::PendingDelete => Some(Work::Delete),
            _ if self.delete_first => Some(Work::Delete),
            BlobState::PendingDownload => Some(Work::Download),
            BlobState::PendingUpload => Some(Work::Upload),
            _ => None,
        }
    }

    /// Whether the next thing to be done about it is a deletion at the server.
    pub(crate) fn work_is_deletion(&self) -> bool {
        self.work() == Some(Work::Delete)
    }
}
