//! Why a transfer did not come to its end, and what follows from that. What cannot be mended by trying again is never tried
//! again.

use std::time::Duration;

use crate::client::SyncError;
use crate::crypto::OpenError;
use crate::protocol::{Problem, ProblemKind};
use crate::store::BlobStoreError;

/// Why a transfer ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// It was told to.
    #[error("it made room for a more urgent one")]
    Stopped,
    /// The server refused, or the connection broke.
    #[error(transparent)]
    Exchange(#[from] SyncError),
    /// The server wants to be left alone for a while.
    #[error("the server is too busy: {problem}")]
    Busy {
        /// For how long, if it says so.
        after: Option<Duration>,
        /// In its words.
        problem: Problem,
    },
    /// Nothing moved for a long time.
    #[error("nothing moved for {} s", .0.as_secs())]
    Stalled(Duration),
    /// What came is not the blob.
    #[error("it failed verification: {0}")]
    Unverified(OpenError),
    /// More came than the blob has.
    #[error("it failed verification: the server sends more than the blob has")]
    TooLong,
    /// The server ended its answer too early.
    #[error("the answer was cut short")]
    CutShort,
    /// It cannot go in a bundle, or the bundle failed for a reason that may be one blob's.
    #[error("it could not go together with others: {0}")]
    Alone(String),
    /// The bundle that it was part of failed for a reason that is no blob's.
    #[error("{failure}")]
    Together {
        /// What happened.
        failure: String,
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
    /// Go on when there is room.
    GoOn,
    /// Go on when there is room, in a request of its own.
    GoAlone,
    /// Try again later; too many times is a failure for good.
    Retry(Option<Duration>),
    /// Try again later, however often: it says nothing about the blob.
    WaitForServer,
    /// It counts as a failed verification.
    Unverified,
    /// Never try it again.
    GiveUp,
}

impl TransferError {
    /// What follows.
    pub(super) fn consequence(&self) -> Consequence {
        match self {
            Self::Stopped => Consequence::GoOn,
            Self::Alone(_) => Consequence::GoAlone,
            Self::Together { consequence, .. } => *consequence,
            Self::Exchange(SyncError::Connection(error)) if error.is_connect() => Consequence::WaitForServer,
            Self::Exchange(SyncError::Unauthorized) => Consequence::WaitForServer,
            // The server was still busy with what an earlier try had sent.
            Self::Exchange(SyncError::Refused(problem)) if problem.kind() == ProblemKind::OffsetMismatch => {
                Consequence::Retry(None)
            }
            Self::Exchange(SyncError::Refused(problem)) => of_status(problem.status),
            Self::Exchange(_) | Self::Stalled(_) | Self::CutShort | Self::Store(_) => Consequence::Retry(None),
            Self::Busy { after, .. } => Consequence::Retry(*after),
            Self::Unverified(_) | Self::TooLong => Consequence::Unverified,
        }
    }

    /// What this failure of a bundle is to each of its blobs. One of them may be to blame, so that each is tried alone,
    /// unless the reason is plainly none of theirs.
    pub(super) fn of_bundle(&self) -> Self {
        match self.consequence() {
            Consequence::GoOn => Self::Stopped,
            consequence @ Consequence::WaitForServer => Self::Together { failure: self.to_string(), consequence },
            consequence if matches!(self, Self::Busy { .. }) => {
                Self::Together { failure: self.to_string(), consequence }
            }
            _ => Self::Alone(self.to_string()),
        }
    }
}

/// What a status means: these may go away by themselves (408 a slow network, 422 bytes altered on the way), others not.
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
    fn what_cannot_be_mended_is_not_tried_again() {
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
            assert_eq!(TransferError::from(SyncError::Refused(problem)).consequence(), consequence, "{status}");
        }
        assert_eq!(TransferError::from(SyncError::Unauthorized).consequence(), Consequence::WaitForServer);
        assert_eq!(TransferError::TooLong.consequence(), Consequence::Unverified);
    }
}
