//! The store of one user: encrypted versions in the order of their arrival, the positions of replicas, and the recovery document.
//! The database may also hold other users' data, which nothing here may touch.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Semaphore;

use super::blobs::UserBlobs;
use super::incoming::Mailbox;
use super::refusal::Refusal;
use super::versions::{self, BatchBuilder, ExcerptPosition, Page};
use super::{purge, replicas};
use crate::document::{DocumentId, Generation, Position, ReplicaId};
use crate::protocol::{
    Acknowledgement, Commit, Contents, KnownReplica, Note, PurgeAnswer, PurgeRequest, SealedDocument, SyncInfo,
};
use crate::store::history::{Changes, History};
use crate::store::{Database, DatabaseError};

/// One user's store.
pub(super) struct UserStore {
    database: Arc<Database>,
    user: i64,
    id: ReplicaId,
    streams: Arc<Semaphore>,
    blobs: UserBlobs,
    mailbox: Mailbox,
}

/// Limits on the concurrent requests of one user.
pub(super) struct UserLimits {
    /// Streams of documents.
    pub(super) streams: usize,
    /// Uploads of blobs.
    pub(super) blob_writes: usize,
}

impl UserStore {
    /// Opens the store of a user in this database. A new store gets a random id.
    pub(super) async fn open(user: i64, database: Arc<Database>, limits: UserLimits) -> Result<Self, DatabaseError> {
        let id = database.write(move |connection| store_id(connection, user)).await?;
        let blobs = UserBlobs::new(database.clone(), user, limits.blob_writes);
        let mailbox = Mailbox::new(database.clone(), user);
        Ok(Self { database, user, id, streams: Arc::new(Semaphore::new(limits.streams)), blobs, mailbox })
    }

    /// The user's blobs.
    pub(super) fn blobs(&self) -> &UserBlobs {
        &self.blobs
    }

    /// The user's incoming messages.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// The database of the store.
    pub(super) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The permits to stream documents.
    pub(super) fn streams(&self) -> &Arc<Semaphore> {
        &self.streams
    }

    /// What a replica that has seen `seen` needs to know before a synchronisation.
    pub(super) async fn sync_info(&self, replica: ReplicaId, seen: Position) -> Result<SyncInfo, Refusal> {
        let (user, store) = (self.user, self.id);
        let (info, outdated) = self
            .database
            .read(move |connection| {
                let known = replicas::admit(connection, user, replica, seen)?;
                let position = History::of_user(connection, user).head()?;
                let noted = known.as_ref().map_or(Position::START, |row| row.noted);
                let outdated = known.is_some_and(|row| row.is_outdated(seen));
                Ok::<_, Refusal>((SyncInfo { store, position, noted }, outdated))
            })
            .await?;
        if outdated {
            // The request does not wait for this, which only allows earlier purging.
            let database = self.database.clone();
            let record = move |connection: &_| replicas::record_seen(connection, user, replica, seen.generation);
            tokio::spawn(async move { database.write(record).await });
        }
        Ok(info)
    }

    /// Stores a batch that `replica` sent, in one transaction.
    pub(super) async fn store_batch(
        &self,
        replica: ReplicaId,
        commit: Commit,
        documents: Vec<SealedDocument>,
    ) -> Result<Acknowledgement, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                replicas::advance(connection, user, replica, commit.from, commit.to)?;
                let mut changes = Changes::begin(History::of_user(connection, user))?;
                let before = changes.before();
                for document in &documents {
                    versions::insert(connection, user, &mut changes, replica, document)?;
                }
                Ok(Acknowledgement { noted: commit.to, before, after: changes.finish()? })
            })
            .await
    }

    /// Records the positions of a replica after a synchronisation.
    pub(super) async fn record_positions(&self, replica: ReplicaId, message: Note) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                replicas::admit(connection, user, replica, message.seen)?;
                replicas::advance(connection, user, replica, message.from, message.to)?;
                Ok(replicas::record_seen(connection, user, replica, message.seen.generation)?)
            })
            .await
    }

    /// The head of the history, for a replica that has seen `seen` and is about to fetch the rest. The replica becomes known before
    /// it receives anything, so that purging waits for it.
    pub(super) async fn head(&self, replica: ReplicaId, seen: Position) -> Result<Position, Refusal> {
        let user = self.user;
        let read = move |connection: &_| {
            let known = replicas::admit(connection, user, replica, seen)?.is_some();
            Ok::<_, Refusal>((History::of_user(connection, user).head()?, known))
        };
        let (head, known) = self.database.read(read).await?;
        if known {
            return Ok(head);
        }
        self.database
            .write(move |connection| {
                replicas::admit(connection, user, replica, seen)?;
                replicas::record_seen(connection, user, replica, seen.generation)?;
                Ok(History::of_user(connection, user).head()?)
            })
            .await
    }

    /// The head of the history, for a replica that has seen `seen` and does not advance.
    pub(super) async fn current_head(&self, seen: Position) -> Result<Position, Refusal> {
        let user = self.user;
        self.database
            .read(move |connection| {
                let history = History::of_user(connection, user);
                if history.contains(seen)? { Ok(history.head()?) } else { Err(Refusal::HistoryMismatch) }
            })
            .await
    }

    /// The known replicas.
    pub(super) async fn replicas(&self) -> Result<Vec<KnownReplica>, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(replicas::list(connection, user)?)).await
    }

    /// Forgets a replica; see [`replicas::forget`].
    pub(super) async fn forget(&self, replica: ReplicaId) -> Result<bool, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(replicas::forget(connection, user, replica)?)).await
    }

    /// Purges tombstones; see [`purge::purge`].
    pub(super) async fn purge(&self, replica: ReplicaId, request: PurgeRequest) -> Result<PurgeAnswer, Refusal> {
        let user = self.user;
        self.database.write(move |connection| purge::purge(connection, user, replica, &request)).await
    }

    /// The next versions after `after`; see [`versions::page`].
    pub(super) async fn page(
        &self,
        replica: ReplicaId,
        after: Generation,
        until: Position,
        contents: Contents,
        limit: usize,
    ) -> Result<Page, Refusal> {
        let user = self.user;
        self.database
            .read(move |connection| versions::page(connection, user, replica, (after, until), contents, limit))
            .await
    }

    /// The versions of `documents` from `position` on: about `limit` bytes, and never more than a batch may hold. Also returns the
    /// position to continue at, if there are more.
    pub(super) async fn excerpt(
        &self,
        documents: Arc<[DocumentId]>,
        position: ExcerptPosition,
        limit: usize,
    ) -> Result<(BatchBuilder, Option<ExcerptPosition>), Refusal> {
        let user = self.user;
        self.database.read(move |connection| versions::excerpt(connection, user, &documents, position, limit)).await
    }

    /// The recovery document.
    pub(super) async fn recovery(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(recovery(connection, user)?)).await
    }

    /// Replaces the recovery document, if `allows` accepts the existing one.
    pub(super) async fn set_recovery(
        &self,
        document: Vec<u8>,
        allows: impl FnOnce(Option<&[u8]>) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                if !allows(recovery(connection, user)?.as_deref()) {
                    return Err(Refusal::PreconditionFailed);
                }
                connection
                    .prepare_cached("INSERT OR REPLACE INTO recovery (user, document) VALUES (?1, ?2)")?
                    .execute((user, document))?;
                Ok(())
            })
            .await
    }
}

/// The store's id, which is generated when the store is first opened.
fn store_id(connection: &Connection, user: i64) -> Result<ReplicaId, DatabaseError> {
    let known = connection.query_row("SELECT id FROM store WHERE user = ?1", [user], |row| row.get(0)).optional()?;
    if let Some(bits) = known {
        return Ok(ReplicaId::from_bits(bits));
    }
    let id = ReplicaId::generate();
    connection.execute("INSERT INTO store (user, id) VALUES (?1, ?2)", (user, id.to_bits()))?;
    Ok(id)
}

fn recovery(connection: &Connection, user: i64) -> Result<Option<Vec<u8>>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT document FROM recovery WHERE user = ?1")?;
    Ok(statement.query_row([user], |row| row.get(0)).optional()?)
}
