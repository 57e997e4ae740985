//! Users and their tokens. The database holds only hashes of tokens, so nobody can log in with what is stored there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Row};

use super::error::AccountError;
use super::schema::MIGRATIONS;
use super::services::Services;
use super::token::{Token, TokenHash, expiry, hash};
use super::token_cache::TokenCache;
use crate::config::{Config, ServerDatabase, StoreConfig};
use crate::protocol::UserName;
use crate::server::clock::now;
use crate::store::{Database, DatabaseError, Kind};

/// The prefix of every user token, so that people and secret scanners recognise one.
const PREFIX: &str = "bls_";

/// The users of a server and their tokens.
pub struct Accounts {
    database: Arc<Database>,
    cache: TokenCache<Arc<User>>,
    services: Services,
}

/// A user, as the operator's list shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub name: UserName,
    /// Bytes of blobs that the user may store; `None` means the server's default quota.
    pub quota: Option<u64>,
    /// Number of valid tokens.
    pub tokens: u64,
}

/// The user who sends a request.
#[derive(Debug)]
pub(in crate::server) struct User {
    /// The number that names the user's files.
    pub(in crate::server) id: i64,
    /// The name that appears in paths of requests.
    pub(in crate::server) name: UserName,
    /// Bytes of blobs that this user may store; `None` means the server's default quota.
    pub(in crate::server) quota: Option<u64>,
}

impl Accounts {
    /// Opens the accounts in the file `path`, which is created if it does not exist.
    pub(in crate::server) async fn open(path: &Path, config: &Config) -> Result<Self, DatabaseError> {
        let store = StoreConfig { cipher: false, ..config.store };
        let kind = Kind { migrations: MIGRATIONS, readers: 4, user: None };
        let database = Database::open(path.to_owned(), None, kind, store).await?;
        let database = Arc::new(database);
        let services = Services::new(database.clone(), config.session_cache);
        Ok(Self { database, cache: TokenCache::new(config.session_cache), services })
    }

    /// The mail services that may deliver messages.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Creates a user.
    ///
    /// # Errors
    /// [`AccountError::Exists`] if the name is taken.
    pub async fn create_user(&self, name: &UserName) -> Result<(), AccountError> {
        let name = name.clone();
        self.database
            .write(move |connection| {
                let inserted = connection
                    .prepare_cached("INSERT INTO users (name) VALUES (?1) ON CONFLICT DO NOTHING")?
                    .execute([name.as_str()])?;
                if inserted == 0 { Err(AccountError::Exists(name)) } else { Ok(()) }
            })
            .await
    }

    /// Creates a token for a user, valid for `lifetime` from now.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] if there is no such user.
    pub async fn create_token(&self, name: &UserName, lifetime: Duration) -> Result<Token, AccountError> {
        let token = Token::generate(PREFIX)?;
        let hash = hash(token.as_str());
        let name = name.clone();
        let expires = expiry(lifetime);
        self.database
            .write(move |connection| {
                let inserted = connection
                    .prepare_cached(
                        "INSERT INTO tokens (hash, user, expires) SELECT ?1, id, ?2 FROM users WHERE name = ?3",
                    )?
                    .execute((hash, expires, name.as_str()))?;
                if inserted == 0 { Err(AccountError::Unknown(name)) } else { Ok(()) }
            })
            .await?;
        Ok(token)
    }

    /// Revokes a token: immediately in this process, within a second in others. Returns whether it existed.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn revoke(&self, token: &str) -> Result<bool, AccountError> {
        let hash = hash(token);
        let revoked = self
            .database
            .write(move |connection| {
                let deleted = connection.prepare_cached("DELETE FROM tokens WHERE hash = ?1")?.execute([hash])?;
                Ok::<_, AccountError>(deleted > 0)
            })
            .await?;
        self.cache.clear();
        Ok(revoked)
    }

    /// Revokes all tokens of a user, as [`Accounts::revoke`] does. Returns how many there were.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn revoke_all(&self, name: &UserName) -> Result<usize, AccountError> {
        let name = name.clone();
        let revoked = self
            .database
            .write(move |connection| {
                let deleted = connection
                    .prepare_cached("DELETE FROM tokens WHERE user = (SELECT id FROM users WHERE name = ?1)")?
                    .execute([name.as_str()])?;
                Ok::<_, AccountError>(deleted)
            })
            .await?;
        self.cache.clear();
        Ok(revoked)
    }

    /// Sets how many bytes of blobs a user may store; `None` means the server's default quota. It takes effect immediately
    /// in this process, within a second in others.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] if there is no such user.
    pub async fn set_quota(&self, name: &UserName, quota: Option<u64>) -> Result<(), AccountError> {
        let name = name.clone();
        let quota = quota.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        self.database
            .write(move |connection| {
                let known = connection
                    .prepare_cached("UPDATE users SET quota = ?2 WHERE name = ?1")?
                    .execute((name.as_str(), quota))?;
                if known == 0 { Err(AccountError::Unknown(name)) } else { Ok(()) }
            })
            .await?;
        self.cache.clear();
        Ok(())
    }

    /// All users, sorted by name.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn list(&self) -> Result<Vec<Account>, AccountError> {
        self.database.read(|connection| list(connection, now())).await
    }

    /// How the users' stores are laid out: as recorded, or, if nothing is recorded yet, as `wanted`, which is then recorded.
    pub(in crate::server) async fn layout(&self, wanted: ServerDatabase) -> Result<ServerDatabase, DatabaseError> {
        self.database
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO layout (only, database) VALUES (1, ?1) ON CONFLICT DO NOTHING",
                    [wanted.as_str()],
                )?;
                let recorded: String = connection.query_row("SELECT database FROM layout", [], |row| row.get(0))?;
                let known = [ServerDatabase::PerUser, ServerDatabase::Shared].into_iter();
                let found = known.into_iter().find(|known| known.as_str() == recorded);
                found.ok_or_else(|| DatabaseError::Damaged(format!("unknown layout of user stores: {recorded}")))
            })
            .await
    }

    /// The numbers of all users.
    pub(in crate::server) async fn numbers(&self) -> Result<Vec<i64>, DatabaseError> {
        self.database
            .read(|connection| {
                let mut statement = connection.prepare_cached("SELECT id FROM users ORDER BY id")?;
                let numbers = statement.query_map([], |row| row.get(0))?;
                Ok::<_, DatabaseError>(numbers.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The user of this name.
    pub(in crate::server) async fn find(&self, name: &UserName) -> Result<Option<User>, DatabaseError> {
        let name = name.clone();
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT id, name, quota FROM users WHERE name = ?1")?;
                let mut rows = statement.query([name.as_str()])?;
                rows.next()?.map(user).transpose()
            })
            .await
    }

    /// The user that this token belongs to, if it is valid.
    pub(in crate::server) async fn authenticate(&self, token: &str) -> Result<Option<Arc<User>>, DatabaseError> {
        self.cache.authenticate(token, &self.database, look_up).await
    }

    /// Runs a trivial query, to check that the database responds.
    pub(in crate::server) async fn check(&self) -> Result<(), DatabaseError> {
        self.database
            .read(|connection| {
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM users)")?.query_row([], |_| Ok(()))?;
                Ok::<_, DatabaseError>(())
            })
            .await
    }

    /// Writes what is pending and closes the database.
    pub(in crate::server) async fn close(&self) {
        self.database.close().await;
    }
}

fn list(connection: &Connection, now: i64) -> Result<Vec<Account>, AccountError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, quota, (SELECT count(*) FROM tokens WHERE user = users.id AND expires > ?1)
         FROM users ORDER BY name",
    )?;
    let mut rows = statement.query([now])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let User { name, quota, .. } = user(row)?;
        accounts.push(Account { name, quota, tokens: row.get::<_, i64>(3)?.cast_unsigned() });
    }
    Ok(accounts)
}

fn look_up(connection: &Connection, hash: &TokenHash) -> Result<Option<(Arc<User>, i64)>, DatabaseError> {
    let mut statement = connection.prepare_cached(
        "SELECT users.id, users.name, users.quota, tokens.expires FROM tokens JOIN users ON users.id = tokens.user
         WHERE hash = ?1",
    )?;
    let mut rows = statement.query([hash])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((Arc::new(user(row)?), row.get(3)?)))
}

/// The user in a row of id, name and quota.
fn user(row: &Row<'_>) -> Result<User, DatabaseError> {
    let name = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let name =
        name.parse().map_err(|error| DatabaseError::Damaged(format!("invalid user name in the database: {error}")))?;
    Ok(User { id: row.get(0)?, name, quota: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned) })
}
