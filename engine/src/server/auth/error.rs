//! Why an account cannot be created or changed.

use super::service_name::ServiceName;
use crate::protocol::UserName;
use crate::store::DatabaseError;

/// An account cannot be created or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name is taken.
    #[error("user {0} already exists: choose another name")]
    Exists(UserName),
    /// No user has this name.
    #[error("there is no user {0}: create it first")]
    Unknown(UserName),
    /// The service already has a token.
    #[error("service {0} already has a token: choose another name, or revoke that token first")]
    ServiceExists(ServiceName),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for AccountError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}
