//! Why a transfer failed, and what follows from that. A permanent failure is never retried.

use std::time::Duration;

use crate::client::SyncError;
use crate::crypto::OpenError;
use crate::protocol::{Problem, ProblemKind};
use crate::store::{BlobStoreError, FailureCause, TransferFailure};

/// Why a transfer ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// The manager stopped it.
    #[error("it was stopped in favour of a more urgent one")]
    Stopped,
    /// The server rejected the request, or the connection failed.
    #[error(transparent)]
    Exchange(#[from] SyncError),
    /// The server is overloaded.
    #[error("the server is too busy: {problem}")]
    Busy {
        /// When to retry, if the server says so.
        after: Option<Duration>,
        /// The server's answer.
        problem: Problem,
    },
    /// No bytes were transferred for this long.
    #[error("no data was transferred for {} s", .0.as_secs())]
    Stalled(Duration),
    /// The received bytes are not the blob.
    #[error("it failed verification: {0}")]
    Unverified(OpenError),
    /// More bytes were received than the blob has.
    #[error("it failed verification: the server sent more bytes than the blob has")]
    TooLong,
    /// The answer ended too early.
    #[error("the answer was cut short")]
    CutShort,
    /// It cannot be part of a bundle, or its bundle failed and one of the blobs may be the reason.
    #[error("it could not be transferred in a bundle: {0}")]
    Unbundled(String),
    /// Its bundle failed, and no blob is the reason.
    #[error("{failure}")]
    Bundle {
        /// What happened.
        failure: TransferFailure,
        /// What follows for each blob.
        consequence: Consequence,
    },
    /// The store of this device failed.
    #[error(transparent)]
    Store(#[from] BlobStoreError),
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Resume when a slot is free.
    Resume,
    /// Resume when a slot is free, in a request of its own.
    ResumeUnbundled,
    /// Retry later; after too many tries the failure is permanent.
    Retry(Option<Duration>),
    /// Retry later without limit: the blob is not the reason.
    WaitForServer,
    /// Count it as a failed verification.
    Unverified,
    /// Never retry.
    GiveUp,
}

impl TransferError {
    /// What follows.
    pub(super) fn consequence(&self) -> Consequence {
        match self {
            Self::Stopped => Consequence::Resume,
            Self::Unbundled(_) => Consequence::ResumeUnbundled,
            Self::Bundle { consequence, .. } => *consequence,
            Self::Exchange(SyncError::Connection(error)) if error.is_connect() => Consequence::WaitForServer,
            Self::Exchange(SyncError::Unauthorized) => Consequence::WaitForServer,
            // The server was still writing what an earlier try had sent.
            Self::Exchange(SyncError::Rejected(problem)) if problem.kind() == ProblemKind::OffsetMismatch => {
                Consequence::Retry(None)
            }
            Self::Exchange(SyncError::Rejected(problem)) => of_status(problem.status),
            Self::Exchange(_) | Self::Stalled(_) | Self::CutShort | Self::Store(_) => Consequence::Retry(None),
            Self::Busy { after, .. } => Consequence::Retry(*after),
            Self::Unverified(_) | Self::TooLong => Consequence::Unverified,
        }
    }

    /// This failure of a bundle, for each of its blobs. One of them may be the reason, so each is transferred in a request of
    /// its own, unless the reason is clearly another.
    pub(super) fn of_bundle(&self) -> Self {
        match self.consequence() {
            Consequence::Resume => Self::Stopped,
            consequence @ Consequence::WaitForServer => Self::Bundle { failure: self.failure(), consequence },
            consequence if matches!(self, Self::Busy { .. }) => Self::Bundle { failure: self.failure(), consequence },
            _ => Self::Unbundled(self.to_string()),
        }
    }

    /// This error, as the index records it.
    pub(super) fn failure(&self) -> TransferFailure {
        let cause = match self {
            Self::Bundle { failure, .. } => return failure.clone(),
            Self::Exchange(error) => cause_of(error),
            _ => FailureCause::Other,
        };
        TransferFailure { message: self.to_string(), cause }
    }
}

/// What a caller can act on in an error of an exchange.
fn cause_of(error: &SyncError) -> FailureCause {
    match error {
        SyncError::Unauthorized => FailureCause::Unauthorized,
        SyncError::Connection(_) => FailureCause::Unreachable,
        SyncError::Rejected(problem) if problem.kind() == ProblemKind::QuotaExceeded => FailureCause::QuotaExceeded,
        SyncError::Rejected(problem) if problem.kind() == ProblemKind::BlobConflict => FailureCause::NameTaken,
        _ => FailureCause::Other,
    }
}

/// What a status means: these may be temporary (408 a slow network, 422 bytes altered in transit), others are permanent.
fn of_status(status: u16) -> Consequence {
    match status {
        408 | 422 | 425 | 429 | 500 | 502..=504 => Consequence::Retry(None),
        _ => Consequence::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Named after the defect "every error retried, 404 included".
    #[test]
    fn permanent_failures_are_not_retried() {
        for (status, consequence) in [
            (404, Consequence::GiveUp),
            (409, Consequence::GiveUp),
            (413, Consequence::GiveUp),
            (507, Consequence::GiveUp),
            (403, Consequence::GiveUp),
            (500, Consequence::Retry(None)),
            (503, Consequence::Retry(None)),
            (408, Consequence::Retry(None)),
        ] {
            let problem = Problem { status, ..Problem::new(ProblemKind::Other, "") };
            assert_eq!(TransferError::from(SyncError::Rejected(problem)).consequence(), consequence, "{status}");
        }
        assert_eq!(TransferError::from(SyncError::Unauthorized).consequence(), Consequence::WaitForServer);
        assert_eq!(TransferError::TooLong.consequence(), Consequence::Unverified);
    }
}
