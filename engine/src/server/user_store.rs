//! What the server keeps for one user: sealed versions in the order of their arrival, how far each replica has come, and
//! the recovery document. The database may hold other users' too; nothing here may touch those.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Semaphore;

use super::blobs::Shelf;
use super::incoming::Mailbox;
use super::refusal::Refusal;
use super::versions::{self, Filling, Page, Place};
use super::{purging, replicas};
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
    shelf: Shelf,
    mailbox: Mailbox,
}

/// How much of one user's may go on at once.
pub(super) struct Bounds {
    /// Streams of documents.
    pub(super) streams: usize,
    /// Blobs that are received.
    pub(super) blob_writes: usize,
}

impl UserStore {
    /// The store of a user in this database, for as many streams and blobs at once as `bounds` says. Its name is drawn where
    /// the user has none yet.
    pub(super) async fn open(user: i64, database: Arc<Database>, bounds: Bounds) -> Result<Self, DatabaseError> {
        let id = database.write(move |connection| identify(connection, user)).await?;
        let shelf = Shelf::new(database.clone(), user, bounds.blob_writes);
        let mailbox = Mailbox::new(database.clone(), user);
        Ok(Self { database, user, id, streams: Arc::new(Semaphore::new(bounds.streams)), shelf, mailbox })
    }

    /// The user's blobs.
    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The user's incoming messages.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Where it is kept.
    pub(super) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The user's leaves to stream.
    pub(super) fn streams(&self) -> &Arc<Semaphore> {
        &self.streams
    }

    /// What a replica that has seen `seen` must know before an exchange.
    pub(super) async fn info(&self, replica: ReplicaId, seen: Position) -> Result<SyncInfo, Refusal> {
        let (user, store) = (self.user, self.id);
        let (info, behind) = self
            .database
            .read(move |connection| {
                let known = replicas::admit(connection, user, replica, seen)?;
                let position = History::of_user(connection, user).head()?;
                let noted = known.as_ref().map_or(Position::START, |row| row.noted);
                let behind = known.is_some_and(|row| row.is_behind(seen));
                Ok::<_, Refusal>((SyncInfo { store, position, noted }, behind))
            })
            .await?;
        if behind {
            // Nobody waits for this: it only lets something be purged sooner.
            let database = self.database.clone();
            let saw = move |connection: &_| replicas::saw(connection, user, replica, seen.generation);
            tokio::spawn(async move { database.write(saw).await });
        }
        Ok(info)
    }

    /// Keeps a batch that `replica` sent, in one transaction.
    pub(super) async fn accept(
        &self,
        replica: ReplicaId,
        commit: Commit,
        documents: Vec<SealedDocument>,
    ) -> Result<Acknowledgement, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                replicas::note(connection, user, replica, commit.from, commit.to)?;
                let mut changes = Changes::begin(History::of_user(connection, user))?;
                let before = changes.before();
                for document in &documents {
                    versions::keep(connection, user, &mut changes, replica, document)?;
                }
                Ok(Acknowledgement { noted: commit.to, before, after: changes.finish()? })
            })
            .await
    }

    /// Notes where a replica stands after an exchange.
    pub(super) async fn note(&self, replica: ReplicaId, message: Note) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                replicas::admit(connection, user, replica, message.seen)?;
                replicas::note(connection, user, replica, message.from, message.to)?;
                Ok(replicas::saw(connection, user, replica, message.seen.generation)?)
            })
            .await
    }

    /// Where the history stands, for a replica that has seen `seen` and is about to fetch the rest. From now on it is known:
    /// before anything reaches it, purging waits for it.
    pub(super) async fn head(&self, replica: ReplicaId, seen: Position) -> Result<Position, Refusal> {
        let user = self.user;
        let look = move |connection: &_| {
            let known = replicas::admit(connection, user, replica, seen)?.is_some();
            Ok::<_, Refusal>((History::of_user(connection, user).head()?, known))
        };
        let (head, known) = self.database.read(look).await?;
        if known {
            return Ok(head);
        }
        self.database
            .write(move |connection| {
                replicas::admit(connection, user, replica, seen)?;
                replicas::saw(connection, user, replica, seen.generation)?;
                Ok(History::of_user(connection, user).head()?)
            })
            .await
    }

    /// Where the history stands, for someone who has seen `seen` and moves along no further.
    pub(super) async fn head_beyond(&self, seen: Position) -> Result<Position, Refusal> {
        let user = self.user;
        self.database
            .read(move |connection| {
                let history = History::of_user(connection, user);
                if history.contains(seen)? { Ok(history.head()?) } else { Err(Refusal::HistoryMismatch) }
            })
            .await
    }

    /// The replicas that are known.
    pub(super) async fn replicas(&self) -> Result<Vec<KnownReplica>, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(replicas::list(connection, user)?)).await
    }

    /// Forgets a replica; see [`replicas::forget`].
    pub(super) async fn forget(&self, replica: ReplicaId) -> Result<bool, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(replicas::forget(connection, user, replica)?)).await
    }

    /// Purges tombstones; see [`purging::purge`].
    pub(super) async fn purge(&self, replica: ReplicaId, request: PurgeRequest) -> Result<PurgeAnswer, Refusal> {
        let user = self.user;
        self.database.write(move |connection| purging::purge(connection, user, replica, &request)).await
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

    /// The versions of `documents` from `place` on: about `limit` bytes of them, and never more than a batch may hold. Also
    /// says where to go on, if that was not all.
    pub(super) async fn excerpt(
        &self,
        documents: Arc<[DocumentId]>,
        place: Place,
        limit: usize,
    ) -> Result<(Filling, Option<Place>), Refusal> {
        let user = self.user;
        self.database.read(move |connection| versions::excerpt(connection, user, &documents, place, limit)).await
    }

    /// The recovery document.
    pub(super) async fn recovery(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(recovery(connection, user)?)).await
    }

    /// Replaces the recovery document, if `may` agrees to what is there.
    pub(super) async fn set_recovery(
        &self,
        document: Vec<u8>,
        may: impl FnOnce(Option<&[u8]>) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                if !may(recovery(connection, user)?.as_deref()) {
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

/// The store's name, given at its first opening.
fn identify(connection: &Connection, user: i64) -> Result<ReplicaId, DatabaseError> {
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
