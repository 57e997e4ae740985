//! Mail services and the tokens that they deliver messages with. Such a token is valid on the listener of incoming messages
//! only. It is stored in another table than the tokens of users, so neither is ever accepted in place of the other.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::error::AccountError;
use super::service_name::ServiceName;
use super::token::{Token, TokenHash, expiry, hash};
use super::token_cache::TokenCache;
use crate::server::clock::now;
use crate::store::{Database, DatabaseError};

/// The prefix of every service token, so that people and secret scanners recognise one.
const PREFIX: &str = "blm_";

/// A service's token as the operator sees it later: without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceToken {
    /// The service that it belongs to.
    pub service: ServiceName,
    /// When it was created, in seconds since 1970.
    pub created: i64,
    /// When it expires, in seconds since 1970.
    pub expires: i64,
}

/// The mail services that may deliver messages.
pub struct Services {
    database: Arc<Database>,
    cache: TokenCache<()>,
}

impl Services {
    /// The services in the accounts `database`; `cache` enables the token cache.
    pub(super) fn new(database: Arc<Database>, cache: bool) -> Self {
        Self { database, cache: TokenCache::new(cache) }
    }

    /// Creates the token of a service, valid for `lifetime` from now.
    ///
    /// # Errors
    /// [`AccountError::ServiceExists`] if it already has one.
    pub async fn create_token(&self, service: &ServiceName, lifetime: Duration) -> Result<Token, AccountError> {
        let token = Token::generate(PREFIX)?;
        let (hash, service, expires) = (hash(token.as_str()), service.clone(), expiry(lifetime));
        self.database
            .write(move |connection| {
                let inserted = connection
                    .prepare_cached(
                        "INSERT INTO service_tokens (hash, service, created, expires) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (service) DO NOTHING",
                    )?
                    .execute((hash, service.as_str(), now(), expires))?;
                if inserted == 0 { Err(AccountError::ServiceExists(service)) } else { Ok(()) }
            })
            .await?;
        Ok(token)
    }

    /// Revokes a service's token: immediately in this process, within a second in others. Returns whether there was one.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn revoke(&self, service: &ServiceName) -> Result<bool, AccountError> {
        let service = service.clone();
        let revoked = self
            .database
            .write(move |connection| {
                let mut statement = connection.prepare_cached("DELETE FROM service_tokens WHERE service = ?1")?;
                Ok::<_, AccountError>(statement.execute([service.as_str()])? > 0)
            })
            .await?;
        self.cache.clear();
        Ok(revoked)
    }

    /// The tokens of all services, ordered by name, expired ones too.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn tokens(&self) -> Result<Vec<ServiceToken>, AccountError> {
        self.database
            .read(|connection| {
                let sql = "SELECT service, created, expires FROM service_tokens ORDER BY service";
                let mut statement = connection.prepare_cached(sql)?;
                let tokens = statement.query_map([], |row| {
                    Ok(ServiceToken {
                        service: ServiceName::stored(row.get(0)?),
                        created: row.get(1)?,
                        expires: row.get(2)?,
                    })
                })?;
                Ok::<_, AccountError>(tokens.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Whether this is a valid token of a service.
    pub(in crate::server) async fn authenticate(&self, token: &str) -> Result<bool, DatabaseError> {
        Ok(self.cache.authenticate(token, &self.database, look_up).await?.is_some())
    }
}

fn look_up(connection: &Connection, hash: &TokenHash) -> Result<Option<((), i64)>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT expires FROM service_tokens WHERE hash = ?1")?;
    Ok(statement.query_row([hash], |row| Ok(((), row.get(0)?))).optional()?)
}
