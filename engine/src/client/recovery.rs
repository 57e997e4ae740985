//! Synchronises the recovery document between this device and its slot at the server. The slot is always read first, and
//! its document adopted if there is one. A new secret is stored there, where only one device can win, before it is stored
//! here: two devices that start at the same time end with one secret, and a typing error never creates a second one.

use std::path::{Path, PathBuf};

use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, Response};
use zeroize::Zeroizing;

use super::connection::{self, Connection};
use super::{RecoveryError, SyncError, file};
use crate::config::Config;
use crate::crypto::{Cost, RootSecret};
use crate::pool::{CreateRecovery, Pool, RewrapRecovery, UnlockRecovery};
use crate::protocol::{ProblemKind, UserName};

/// A user's slot at a server.
pub struct RecoverySlot {
    connection: Connection,
    user: UserName,
    pool: Pool,
}

/// The content of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecovery {
    /// The document's bytes.
    pub document: Vec<u8>,
    /// The entity tag that a replacement must name.
    pub etag: String,
}

impl RecoverySlot {
    /// The slot of `user` at the server at `address`, as [`super::SyncClient::new`].
    ///
    /// # Errors
    /// As there.
    pub fn new(config: &Config, address: &str, user: &UserName, token: &str) -> Result<Self, SyncError> {
        Ok(Self {
            connection: Connection::new(&config.http, Some(connection::TIMEOUT), address, user, token)?,
            user: user.clone(),
            pool: Pool::shared(config.crypto.pool),
        })
    }

    /// The user's root secret: the one in the slot, else the one in the file `local`, else a new one. Afterwards both hold
    /// it, wrapped. `cost` applies to a new one.
    ///
    /// # Errors
    /// [`RecoveryError::Unlock`] for a wrong passphrase; errors of the exchange and of the file.
    pub async fn establish(&self, local: &Path, passphrase: &str, cost: Cost) -> Result<RootSecret, RecoveryError> {
        if let Some(stored) = self.fetch().await? {
            return self.adopt(stored.document, local, passphrase).await;
        }
        let (document, root) = match read(local).await? {
            Some(bytes) => (bytes.clone(), self.unlock(bytes, passphrase).await?),
            None => self.create(passphrase, cost).await?,
        };
        if self.store(document.clone(), IF_NONE_MATCH, "*").await?.is_some() {
            write(local, document).await?;
            return Ok(root);
        }
        // Another device was first: its secret is the one to use.
        let stored = self.fetch().await?.ok_or(RecoveryError::Overtaken)?;
        self.adopt(stored.document, local, passphrase).await
    }

    /// Wraps the user's root secret under another passphrase, at the server and in the file `local`.
    ///
    /// # Errors
    /// [`RecoveryError::Overtaken`] where another device changed the slot at the same time; as [`Self::establish`].
    pub async fn change_passphrase(&self, local: &Path, old: &str, new: &str, cost: Cost) -> Result<(), RecoveryError> {
        let stored = self.fetch().await?.ok_or(RecoveryError::Absent)?;
        let (old, new) = (Zeroizing::new(old.to_owned()), Zeroizing::new(new.to_owned()));
        let rewrap = RewrapRecovery { document: stored.document, user: self.user.to_string(), old, new, cost };
        let document = self.pool.run(rewrap).await??;
        self.store(document.clone(), IF_MATCH, &stored.etag).await?.ok_or(RecoveryError::Overtaken)?;
        write(local, document).await
    }

    /// The content of the slot.
    ///
    /// # Errors
    /// Errors of the exchange.
    pub async fn fetch(&self) -> Result<Option<StoredRecovery>, SyncError> {
        let answer = match connection::send(self.request(Method::GET)).await {
            Err(SyncError::Rejected(problem)) if problem.kind() == ProblemKind::NotFound => return Ok(None),
            answer => answer?,
        };
        let etag = etag(&answer)?;
        Ok(Some(StoredRecovery { document: connection::read(answer).await?, etag }))
    }

    /// Puts a document into the slot under a condition; `None` where it does not hold.
    async fn store(
        &self,
        document: Vec<u8>,
        condition: reqwest::header::HeaderName,
        value: &str,
    ) -> Result<Option<()>, SyncError> {
        let request = self.request(Method::PUT).header(condition, value).body(document);
        match connection::send(request).await {
            Err(SyncError::Rejected(problem)) if problem.kind() == ProblemKind::PreconditionFailed => Ok(None),
            answer => answer.map(|_| Some(())),
        }
    }

    fn request(&self, method: Method) -> RequestBuilder {
        self.connection.request(method, &["recovery"])
    }

    async fn adopt(&self, document: Vec<u8>, local: &Path, passphrase: &str) -> Result<RootSecret, RecoveryError> {
        let root = self.unlock(document.clone(), passphrase).await?;
        write(local, document).await?;
        Ok(root)
    }

    async fn create(&self, passphrase: &str, cost: Cost) -> Result<(Vec<u8>, RootSecret), RecoveryError> {
        let (user, passphrase) = (self.user.to_string(), Zeroizing::new(passphrase.to_owned()));
        Ok(self.pool.run(CreateRecovery { user, passphrase, cost }).await??)
    }

    async fn unlock(&self, document: Vec<u8>, passphrase: &str) -> Result<RootSecret, RecoveryError> {
        let (user, passphrase) = (self.user.to_string(), Zeroizing::new(passphrase.to_owned()));
        Ok(self.pool.run(UnlockRecovery { document, user, passphrase }).await??)
    }
}

fn etag(answer: &Response) -> Result<String, SyncError> {
    let etag = answer.headers().get(ETAG).and_then(|value| value.to_str().ok());
    etag.map(str::to_owned).ok_or_else(|| SyncError::Protocol("the recovery document has no ETag".to_owned()))
}

async fn read(path: &Path) -> Result<Option<Vec<u8>>, RecoveryError> {
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RecoveryError::File { path: path.to_owned(), source }),
    }
}

async fn write(path: &Path, content: Vec<u8>) -> Result<(), RecoveryError> {
    let path = PathBuf::from(path);
    let replace = move || file::replace(&path, &content).map_err(|source| RecoveryError::File { path, source });
    tokio::task::spawn_blocking(replace).await.unwrap_or(Err(RecoveryError::Sync(SyncError::Cancelled)))
}
