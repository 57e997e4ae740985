//! Users and their tokens. A token is a random secret; only its SHA-256 is stored, so who reads the database can log in
//! as nobody. A token is looked up by that hash, which tells one who guesses tokens nothing through its timing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, Row};
use zeroize::Zeroizing;

use super::clock::now;
use super::services::{self, ServiceName, Services};
use super::sessions::{Sessions, User};
use crate::config::{Config, ServerDatabase, StoreConfig};
use crate::protocol::UserName;
use crate::store::{Database, DatabaseError, Kind};

/// Schema of the accounts. History: 1, the first; 2, quotas of users; 3, how the users' stores are laid out (a server that
/// had users before has one database for each); 4, tokens of services.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE users (
        id   INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE tokens (
        hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
        user    INTEGER NOT NULL REFERENCES users (id),
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tokens_by_user ON tokens (user);
",
    "
    ALTER TABLE users ADD COLUMN quota INTEGER CHECK (quota >= 0);
",
    "
    CREATE TABLE layout (
        only     INTEGER PRIMARY KEY CHECK (only = 1),
        database TEXT NOT NULL
    ) STRICT;
    INSERT INTO layout SELECT 1, 'per-user' FROM users LIMIT 1;
",
    services::TABLES,
];

/// What every token of a user begins with, so that people and scanners recognise one.
const PREFIX: &str = "bls_";

/// A hash of a token.
pub(super) type TokenHash = [u8; 32];

/// The users of a server and what they log in with.
pub struct Accounts {
    database: Arc<Database>,
    sessions: Sessions<Arc<User>>,
    services: Services,
}

/// A user, as an operator's list shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub name: UserName,
    /// Bytes of blobs that the user may store; `None` is the server's own quota.
    pub quota: Option<u64>,
    /// Tokens that count now.
    pub tokens: u64,
}

/// An account cannot be made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name is taken.
    #[error("there is a user {0} already: choose another name")]
    Exists(UserName),
    /// Nobody has this name.
    #[error("there is no user {0}: create it first")]
    Unknown(UserName),
    /// The name of a service is taken.
    #[error("there is a token of the service {0} already: choose another name, or revoke that one first")]
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

/// A secret that opens one user's account, or the listener of services: 256 random bits.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// The secret, to be handed to whom it is for.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A new one that begins with `prefix`.
    pub(super) fn generate(prefix: &str) -> Result<Self, DatabaseError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| DatabaseError::Io {
            what: "no random bytes can be drawn",
            source: std::io::Error::other("the system's generator failed"),
        })?;
        let mut text = Zeroizing::new(prefix.to_owned());
        bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
        Ok(Self(text))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Accounts {
    /// Opens the accounts in the file `path`, making it where it is absent.
    pub(super) async fn open(path: &Path, config: &Config) -> Result<Self, DatabaseError> {
        let store = StoreConfig { cipher: false, ..config.store };
        let kind = Kind { migrations: MIGRATIONS, readers: 4, user: None };
        let database = Database::open(path.to_owned(), None, kind, store).await?;
        let database = Arc::new(database);
        let services = Services::new(database.clone(), config.session_cache);
        Ok(Self { database, sessions: Sessions::new(config.session_cache), services })
    }

    /// The mail services that may hand over messages.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`AccountError::Exists`] where the name is taken.
    pub async fn create_user(&self, name: &UserName) -> Result<(), AccountError> {
        let name = name.clone();
        self.database
            .write(move |connection| {
                let made = connection
                    .prepare_cached("INSERT INTO users (name) VALUES (?1) ON CONFLICT DO NOTHING")?
                    .execute([name.as_str()])?;
                if made == 0 { Err(AccountError::Exists(name)) } else { Ok(()) }
            })
            .await
    }

    /// Makes a token for a user, which counts for `lifetime` from now.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] where there is no such user.
    pub async fn create_token(&self, name: &UserName, lifetime: Duration) -> Result<Token, AccountError> {
        let token = Token::generate(PREFIX)?;
        let hash = hash(token.as_str());
        let name = name.clone();
        let expires = after(lifetime);
        self.database
            .write(move |connection| {
                let made = connection
                    .prepare_cached(
                        "INSERT INTO tokens (hash, user, expires) SELECT ?1, id, ?2 FROM users WHERE name = ?3",
                    )?
                    .execute((hash, expires, name.as_str()))?;
                if made == 0 { Err(AccountError::Unknown(name)) } else { Ok(()) }
            })
            .await?;
        Ok(token)
    }

    /// Makes a token count no more: at once in this process, within a second in others. Answers whether it counted.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn revoke(&self, token: &str) -> Result<bool, AccountError> {
        let hash = hash(token);
        let revoked = self
            .database
            .write(move |connection| {
                let gone = connection.prepare_cached("DELETE FROM tokens WHERE hash = ?1")?.execute([hash])?;
                Ok::<_, AccountError>(gone > 0)
            })
            .await?;
        self.sessions.forget();
        Ok(revoked)
    }

    /// Makes all tokens of a user count no more, as [`Accounts::revoke`]. Answers how many there were.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn revoke_all(&self, name: &UserName) -> Result<usize, AccountError> {
        let name = name.clone();
        let revoked = self
            .database
            .write(move |connection| {
                let gone = connection
                    .prepare_cached("DELETE FROM tokens WHERE user = (SELECT id FROM users WHERE name = ?1)")?
                    .execute([name.as_str()])?;
                Ok::<_, AccountError>(gone)
            })
            .await?;
        self.sessions.forget();
        Ok(revoked)
    }

    /// Allows a user this many bytes of blobs; `None` is the server's own quota. It counts at once in this process,
    /// within a second in others.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] where there is no such user.
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
        self.sessions.forget();
        Ok(())
    }

    /// How the users' stores are laid out: as was noted once, or as `wanted`, which is noted now.
    pub(super) async fn layout(&self, wanted: ServerDatabase) -> Result<ServerDatabase, DatabaseError> {
        self.database
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO layout (only, database) VALUES (1, ?1) ON CONFLICT DO NOTHING",
                    [wanted.as_str()],
                )?;
                let noted: String = connection.query_row("SELECT database FROM layout", [], |row| row.get(0))?;
                let known = [ServerDatabase::PerUser, ServerDatabase::Shared].into_iter();
                let found = known.into_iter().find(|known| known.as_str() == noted);
                found.ok_or_else(|| DatabaseError::Damaged(format!("an unknown layout of users: {noted}")))
            })
            .await
    }

    /// All users, sorted by name.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn list(&self) -> Result<Vec<Account>, AccountError> {
        self.database.read(|connection| list(connection, now())).await
    }

    /// The numbers of all users.
    pub(super) async fn numbers(&self) -> Result<Vec<i64>, DatabaseError> {
        self.database
            .read(|connection| {
                let mut statement = connection.prepare_cached("SELECT id FROM users ORDER BY id")?;
                let numbers = statement.query_map([], |row| row.get(0))?;
                Ok::<_, DatabaseError>(numbers.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The user of this name.
    pub(super) async fn find(&self, name: &UserName) -> Result<Option<User>, DatabaseError> {
        let name = name.clone();
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached("SELECT id, name, quota FROM users WHERE name = ?1")?;
                let mut rows = statement.query([name.as_str()])?;
                rows.next()?.map(user).transpose()
            })
            .await
    }

    /// Whose token this is, if it counts.
    pub(super) async fn authenticate(&self, token: &str) -> Result<Option<Arc<User>>, DatabaseError> {
        self.sessions.open(token, &self.database, look_up).await
    }

    /// Asks the database something, to see whether it answers.
    pub(super) async fn check(&self) -> Result<(), DatabaseError> {
        self.database
            .read(|connection| {
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM users)")?.query_row([], |_| Ok(()))?;
                Ok::<_, DatabaseError>(())
            })
            .await
    }

    pub(super) async fn close(&self) {
        self.database.close().await;
    }
}

fn list(connection: &Connection, now: i64) -> Result<Vec<Account>, AccountError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, quota, (SELECT count(*) FROM tokens WHERE user = users.id AND expires > ?1)
         FROM users ORDER BY name",
    )?;
    let mut rows = statement.query([now])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        let name = user_name(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        let quota = row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned);
        accounts.push(Account { name, quota, tokens: row.get::<_, i64>(2)?.cast_unsigned() });
    }
    Ok(accounts)
}

fn user_name(text: &str) -> Result<UserName, DatabaseError> {
    text.parse().map_err(|error| DatabaseError::Damaged(format!("a stored user: {error}")))
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

/// The user in a row of number, name and quota.
fn user(row: &Row<'_>) -> Result<User, DatabaseError> {
    let name = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let name = user_name(name)?;
    Ok(User { id: row.get(0)?, name, quota: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned) })
}

/// The hash under which a token is stored.
pub(super) fn hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// When something that counts for `lifetime` from now ends, in seconds since 1970.
pub(super) fn after(lifetime: Duration) -> i64 {
    now().saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX))
}
