//! What the server keeps for one user: sealed versions in the order of their arrival, how far each replica has come, and
//! the recovery document. The database may hold other users' too; nothing here may touch those.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Semaphore;

use super::blobs::Shelf;
use super::incoming::Mailbox;
use super::refusal::Refusal;
use super::versions::{self, Page};
use crate::document::{Generation, Position, ReplicaId};
use crate::protocol::{Acknowledgement, Commit, Note, SealedDocument, SyncInfo};
use crate::store::history::{self, Changes, History};
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
        self.database
            .read(move |connection| {
                check_seen(connection, user, seen)?;
                let position = History::of_user(connection, user).head()?;
                Ok(SyncInfo { store, position, noted: noted(connection, user, replica)? })
            })
            .await
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
                note(connection, user, replica, commit.from, commit.to, None)?;
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
                check_seen(connection, user, message.seen)?;
                note(connection, user, replica, message.from, message.to, Some(message.seen.generation))
            })
            .await
    }

    /// Where the history stands, for a replica that has seen `seen`.
    pub(super) async fn head(&self, seen: Position) -> Result<Position, Refusal> {
        let user = self.user;
        self.database
            .read(move |connection| {
                check_seen(connection, user, seen)?;
                Ok(History::of_user(connection, user).head()?)
            })
            .await
    }

    /// The next versions after `after`; see [`versions::page`].
    pub(super) async fn page(
        &self,
        replica: ReplicaId,
        after: Generation,
        until: Position,
        limit: usize,
    ) -> Result<Page, Refusal> {
        let user = self.user;
        self.database.read(move |connection| versions::page(connection, user, replica, after, until, limit)).await
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

fn check_seen(connection: &Connection, user: i64, seen: Position) -> Result<(), Refusal> {
    if History::of_user(connection, user).contains(seen)? { Ok(()) } else { Err(Refusal::HistoryMismatch) }
}

fn noted(connection: &Connection, user: i64, replica: ReplicaId) -> Result<Position, DatabaseError> {
    let mut statement =
        connection.prepare_cached("SELECT noted, noted_transaction FROM peers WHERE user = ?1 AND id = ?2")?;
    let noted = statement.query_row((user, replica.to_bits()), |row| {
        Ok(Position { generation: row.get(0)?, transaction: history::transaction(row, 1)? })
    });
    Ok(noted.optional()?.unwrap_or(Position::START))
}

/// Moves the note on a replica from one place to another: only from where it stands, so that two copies of a replica
/// cannot both go on, and a batch that is sent twice is not taken twice.
fn note(
    connection: &Connection,
    user: i64,
    replica: ReplicaId,
    from: Position,
    to: Position,
    seen: Option<Generation>,
) -> Result<(), Refusal> {
    if noted(connection, user, replica)? != from || to.generation < from.generation {
        return Err(Refusal::ReplicaMismatch);
    }
    connection
        .prepare_cached(
            "INSERT INTO peers (user, id, noted, noted_transaction, seen) VALUES (?1, ?2, ?3, ?4, coalesce(?5, 0))
             ON CONFLICT (user, id) DO UPDATE SET noted = ?3, noted_transaction = ?4, seen = coalesce(?5, seen)",
        )?
        .execute((user, replica.to_bits(), to.generation, to.transaction.to_bytes(), seen))?;
    Ok(())
}

fn recovery(connection: &Connection, user: i64) -> Result<Option<Vec<u8>>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT document FROM recovery WHERE user = ?1")?;
    Ok(statement.query_row([user], |row| row.get(0)).optional()?)
}
