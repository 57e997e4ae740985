//! Mail services and the tokens they hand messages over with. Such a token opens the listener of incoming messages and
//! nothing else: it is in another table than those of users, so that neither can ever be taken for the other.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::accounts::{AccountError, Token, TokenHash, after, hash};
use super::clock::now;
use super::sessions::Sessions;
use crate::protocol::UserName;
use crate::store::{Database, DatabaseError};

/// What the accounts need for them.
pub(super) const TABLES: &str = "
    CREATE TABLE service_tokens (
        hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
        service TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// What every token of a service begins with, so that people and scanners recognise one.
const PREFIX: &str = "blm_";

/// The name under which the operator knows a service's token, formed as those of users are. To change a token without a
/// pause, make one under a second name and revoke the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

/// A text that cannot name a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a service's name has 1 to 64 of the characters a-z 0-9 . _ - and begins with a letter or digit")]
pub struct InvalidServiceName;

impl FromStr for ServiceName {
    type Err = InvalidServiceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<UserName>().map(|name| Self(name.as_str().to_owned())).map_err(|_| InvalidServiceName)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A service's token as the operator sees it later: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceToken {
    /// Whose it is.
    pub service: ServiceName,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// From when on it does not count, in seconds since 1970.
    pub expires: i64,
}

/// The services that may hand over messages.
pub struct Services {
    database: Arc<Database>,
    sessions: Sessions<()>,
}

impl Services {
    pub(super) fn new(database: Arc<Database>, cache: bool) -> Self {
        Self { database, sessions: Sessions::new(cache) }
    }

    /// Makes the token of a service, which counts for `lifetime` from now.
    ///
    /// # Errors
    /// [`AccountError::ServiceExists`] where it has one.
    pub async fn create_token(&self, service: &ServiceName, lifetime: Duration) -> Result<Token, AccountError> {
        let token = Token::generate(PREFIX)?;
        let (hash, service, expires) = (hash(token.as_str()), service.clone(), after(lifetime));
        self.database
            .write(move |connection| {
                let made = connection
                    .prepare_cached(
                        "INSERT INTO service_tokens (hash, service, created, expires) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (service) DO NOTHING",
                    )?
                    .execute((hash, &service.0, now(), expires))?;
                if made == 0 { Err(AccountError::ServiceExists(service)) } else { Ok(()) }
            })
            .await?;
        Ok(token)
    }

    /// Makes a service's token count no more: at once in this process, within a second in others. Answers whether there
    /// was one.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn revoke(&self, service: &ServiceName) -> Result<bool, AccountError> {
        let service = service.clone();
        let revoked = self
            .database
            .write(move |connection| {
                let mut statement = connection.prepare_cached("DELETE FROM service_tokens WHERE service = ?1")?;
                Ok::<_, AccountError>(statement.execute([&service.0])? > 0)
            })
            .await?;
        self.sessions.forget();
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
                    Ok(ServiceToken { service: ServiceName(row.get(0)?), created: row.get(1)?, expires: row.get(2)? })
                })?;
                Ok::<_, AccountError>(tokens.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Whether this is the token of a service, and counts.
    pub(super) async fn authenticate(&self, token: &str) -> Result<bool, DatabaseError> {
        Ok(self.sessions.open(token, &self.database, look_up).await?.is_some())
    }
}

fn look_up(connection: &Connection, hash: &TokenHash) -> Result<Option<((), i64)>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT expires FROM service_tokens WHERE hash = ?1")?;
    Ok(statement.query_row([hash], |row| Ok(((), row.get(0)?))).optional()?)
}
