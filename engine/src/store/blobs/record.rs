//! The record of one blob in the index. Plain values: `transitions` has the changes.

use std::fmt;

use super::{BlobAddress, Content, ContentId};

/// The state of a blob on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobState {
    /// On this device and at the server.
    Synced,
    /// On this device, and to be sent.
    PendingUpload,
    /// At the server, and to be fetched.
    PendingDownload,
    /// Deleted here, and to be deleted at the server.
    PendingDelete,
    /// On this device; the server rejects it, or too many tries failed. Only an explicit request tries again.
    FailedUpload,
    /// It could not be fetched. Only an explicit request tries again.
    FailedDownload,
    /// The server's bytes failed verification three times and are unusable.
    Quarantined,
    /// On this device, and not to be sent, as drafts are.
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

/// How urgent a transfer is. A higher priority preempts a running transfer of a lower one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Only when nothing else is pending.
    Low,
    /// Transfers of a synchronisation.
    #[default]
    Normal,
    /// Needed soon.
    High,
    /// Needed now.
    Urgent,
}

impl Priority {
    /// All priorities, the lowest first; the index is the number in the database.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];
}

/// What a program can act on in a failed transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The server rejected the token.
    Unauthorized,
    /// The server cannot be reached, or the connection broke.
    Unreachable,
    /// The user's quota at the server is exceeded.
    QuotaExceeded,
    /// The server has another blob of this name.
    NameTaken,
    /// Anything else.
    Other,
}

impl FailureCause {
    /// All causes.
    pub const ALL: [Self; 5] =
        [Self::Unauthorized, Self::Unreachable, Self::QuotaExceeded, Self::NameTaken, Self::Other];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::QuotaExceeded => "quota_exceeded",
            Self::NameTaken => "name_taken",
            Self::Other => "other",
        }
    }
}

/// Why a transfer failed. Its `Display` form is the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferFailure {
    /// What happened, for people.
    pub message: String,
    /// What happened, for programs.
    pub cause: FailureCause,
}

impl TransferFailure {
    /// A failure without a more specific cause.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self { message: message.into(), cause: FailureCause::Other }
    }
}

impl fmt::Display for TransferFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The record of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobRecord {
    /// Which blob.
    pub address: BlobAddress,
    /// Its state.
    pub state: BlobState,
    /// Whether it may be overwritten; it was never sent.
    pub draft: bool,
    /// The priority of its transfer.
    pub priority: Priority,
    /// Bytes of its content, once they are known.
    pub length: Option<u64>,
    /// Consecutive failed transfers.
    pub tries: u32,
    /// How often the server's bytes failed verification.
    pub unverified: u32,
    /// Why the last transfer failed.
    pub failure: Option<TransferFailure>,
    pub(crate) content: Option<Content>,
    /// Another blob of this name must be deleted at the server before anything else.
    pub(crate) delete_first: bool,
}

/// Pending work at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Work {
    Delete,
    Download,
    Upload,
}

/// What follows from a deletion on this device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// To be removed from the store.
    pub(crate) content: Option<ContentId>,
    /// Whether the blob must be deleted at the server too.
    pub(crate) at_server: bool,
}

impl BlobRecord {
    /// A blob of which only the name is known.
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

    /// Its pending work at the server.
    pub(crate) fn work(&self) -> Option<Work> {
        match self.state {
            BlobState::PendingDelete => Some(Work::Delete),
            _ if self.delete_first => Some(Work::Delete),
            BlobState::PendingDownload => Some(Work::Download),
            BlobState::PendingUpload => Some(Work::Upload),
            _ => None,
        }
    }

    /// Whether its pending work is a deletion.
    pub(crate) fn work_is_deletion(&self) -> bool {
        self.work() == Some(Work::Delete)
    }
}
