//! What to do about an error of the engine. The engine says what happened; only here is it known which command mends it.

use std::io;

use benchline_engine::{
    client::{BlobError, KeyRingError, RecoveryError, SyncError},
    crypto::UnlockError,
    server::{AccountError, BackupError},
    store::{BlobState, BlobStoreError, DatabaseError, FailureCause, StoreError, TransferFailure},
};

use crate::output::error_text;

const RENEW: &str = "the server's operator makes a new one with `benchline-engine token USER`; give it to this device \
                     with `benchline-engine login`";
const REACH: &str = "is the server running, and its address right? What is on this device is safe; \
                     `benchline-engine sync` goes on";
const NO_ROOM: &str = "the disk is full: make room, then repeat the command; nothing incomplete was stored";
const RESTORED: &str =
    "start anew: `benchline-engine init` with another --home, then look at what the old one still has";

/// The error, with advice where there is any.
pub(crate) fn with_advice(error: anyhow::Error) -> anyhow::Error {
    match advice(&error) {
        Some(advice) => anyhow::anyhow!("{}\n{advice}", error_text(&error)),
        None => error,
    }
}

/// What to do about a failed transfer.
pub(crate) fn about_failure(failure: &TransferFailure) -> Option<&'static str> {
    match failure.cause {
        FailureCause::Unauthorized => Some(RENEW),
        FailureCause::QuotaExceeded => Some(QUOTA),
        FailureCause::Unreachable => Some(REACH),
        FailureCause::NameTaken | FailureCause::Other => None,
    }
}

const QUOTA: &str = "delete something with `benchline-engine rm`, or ask the operator for more room \
                     (`benchline-engine user quota`); `benchline-engine put` with the same file tries again";

fn advice(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<SyncError>() {
            of_sync(error)
        } else if let Some(error) = cause.downcast_ref::<BlobError>() {
            of_blob(error)
        } else if let Some(error) = cause.downcast_ref::<RecoveryError>() {
            of_recovery(error)
        } else if let Some(error) = cause.downcast_ref::<KeyRingError>() {
            of_key_ring(error)
        } else if let Some(error) = cause.downcast_ref::<StoreError>() {
            of_store(error)
        } else if let Some(error) = cause.downcast_ref::<UnlockError>() {
            of_unlock(error)
        } else if let Some(AccountError::Unknown(_)) = cause.downcast_ref() {
            Some("`benchline-engine user add` makes it, `benchline-engine user list` shows who there is")
        } else if let Some(error) = cause.downcast_ref::<BackupError>() {
            of_backup(error)
        } else if let Some(error) = cause.downcast_ref::<io::Error>() {
            of_io(error)
        } else {
            None
        }
    })
}

fn of_sync(error: &SyncError) -> Option<&'static str> {
    match error {
        SyncError::Unauthorized => Some(RENEW),
        SyncError::Connection(_) => Some(REACH),
        SyncError::Rejected(problem) if problem.status == 507 => Some(QUOTA),
        SyncError::Rejected(problem) if problem.status == 403 => {
            Some("the token is another user's: `benchline-engine login` with one of yours")
        }
        SyncError::ServerMismatch | SyncError::ReplicaMismatch | SyncError::Forgotten => Some(RESTORED),
        SyncError::Store(error) => of_store(error),
        _ => None,
    }
}

fn of_blob(error: &BlobError) -> Option<&'static str> {
    match error {
        BlobError::Exchange(error) => of_sync(error),
        BlobError::Waiting { failure, .. } | BlobError::Failed { failure, .. } => about_failure(failure),
        BlobError::Store(BlobStoreError::Database(error)) => of_database(error),
        BlobError::Store(BlobStoreError::InUse(_)) => {
            Some("another `benchline-engine` works with them: wait for it, or end it with Ctrl-C")
        }
        BlobError::Store(BlobStoreError::State { state: BlobState::PendingDelete, .. }) => {
            Some("its deletion still has to reach the server: `benchline-engine sync` first")
        }
        BlobError::Store(BlobStoreError::Io { source, .. }) | BlobError::Io { source, .. } => of_io(source),
        _ => None,
    }
}

fn of_recovery(error: &RecoveryError) -> Option<&'static str> {
    match error {
        RecoveryError::Sync(error) => of_sync(error),
        RecoveryError::File { source, .. } => of_io(source),
        _ => None,
    }
}

fn of_key_ring(error: &KeyRingError) -> Option<&'static str> {
    match error {
        KeyRingError::Absent => Some("`benchline-engine mail setup` makes one and gives it to the server"),
        KeyRingError::Exchange(error) => of_sync(error),
        KeyRingError::Store(error) => of_store(error),
        _ => None,
    }
}

fn of_backup(error: &BackupError) -> Option<&'static str> {
    match error {
        BackupError::Damaged(_) => Some("`benchline-engine verify` with the backup's folder shows all that is damaged"),
        BackupError::Database { source, .. } => of_database(source),
        BackupError::Io { source, .. } => of_io(source),
        _ => None,
    }
}

fn of_unlock(error: &UnlockError) -> Option<&'static str> {
    match error {
        UnlockError::WrongPassphrase => {
            Some("if it was changed on another device, `benchline-engine login` fetches what the new one opens")
        }
        _ => None,
    }
}

fn of_store(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Conflicted { .. } => Some(
            "`benchline-engine doc conflicts ID` shows the versions, `benchline-engine doc resolve ID` ends the conflict",
        ),
        StoreError::Database(error) => of_database(error),
        _ => None,
    }
}

fn of_database(error: &DatabaseError) -> Option<&'static str> {
    let code = match error {
        DatabaseError::Sqlite(error) => error.sqlite_error_code(),
        DatabaseError::Commit(error) => error.sqlite_error_code(),
        DatabaseError::Io { source, .. } => return of_io(source),
        _ => None,
    };
    (code == Some(rusqlite::ErrorCode::DiskFull)).then_some(NO_ROOM)
}

fn of_io(error: &io::Error) -> Option<&'static str> {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    full.then_some(NO_ROOM)
}

#[cfg(test)]
mod tests {
    use benchline_engine::protocol::{Problem, ProblemKind};

    use super::*;

    #[test]
    fn advice_follows_from_the_cause_however_deep_it_is() {
        let unauthorized = || BlobError::from(SyncError::Unauthorized);
        assert!(with_advice(unauthorized().into()).to_string().contains("benchline-engine login"));
        assert!(with_advice(anyhow::Error::from(unauthorized()).context("somewhere")).to_string().contains("login"));
        let quota = SyncError::Rejected(Problem::new(ProblemKind::QuotaExceeded, "no room"));
        assert!(with_advice(quota.into()).to_string().contains("user quota"));
        let failure = |cause| TransferFailure { message: String::new(), cause };
        assert_eq!(about_failure(&failure(FailureCause::QuotaExceeded)), Some(QUOTA));
        assert_eq!(about_failure(&failure(FailureCause::Unauthorized)), Some(RENEW));
        assert_eq!(about_failure(&failure(FailureCause::Other)), None);
        assert_eq!(with_advice(anyhow::anyhow!("plain")).to_string(), "plain");
    }
}
