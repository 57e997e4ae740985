//! What the server keeps for one user, and the only SQL on it: sealed versions in the order of their arrival, how far
//! each replica has come, and the recovery document. For each document it keeps the versions that no other includes, as
//! the replicas do, judged by revisions alone.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::Semaphore;

use super::blobs::{self, Shelf};
use super::refusal::Refusal;
use crate::config::StoreConfig;
use crate::document::{Arrival, Generation, Position, ReplicaId, Revision, arrive};
use crate::protocol::{
    Acknowledgement, BATCH_BYTES, BATCH_DOCUMENTS, Commit, Note, SealedDocument, SyncInfo, encode_document,
    encoded_length,
};
use crate::store::history::{self, Changes};
use crate::store::{Database, DatabaseError, Kind};

/// Schema of a user's store. History: 1, the first; 2, blobs; 3, small contents. `docs/STORAGE.md` explains it.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE store (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        id   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE versions (
        generation INTEGER PRIMARY KEY,
        document   TEXT NOT NULL,
        revision   TEXT NOT NULL,
        origin     INTEGER NOT NULL,
        sealed     BLOB NOT NULL
    ) STRICT;
    CREATE INDEX versions_by_document ON versions (document, revision);
    CREATE TABLE transactions (
        last_generation INTEGER PRIMARY KEY,
        id              BLOB NOT NULL CHECK (length(id) = 16)
    ) STRICT;
    CREATE TABLE peers (
        id                INTEGER PRIMARY KEY,
        noted             INTEGER NOT NULL,
        noted_transaction BLOB NOT NULL CHECK (length(noted_transaction) = 16),
        seen              INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE recovery (
        only     INTEGER PRIMARY KEY CHECK (only = 1),
        document BLOB NOT NULL
    ) STRICT;
",
    blobs::TABLES,
    blobs::small::TABLE,
];

/// Connections that read at once.
const READERS: usize = 2;

/// One user's store.
pub(super) struct UserStore {
    database: Arc<Database>,
    id: ReplicaId,
    streams: Arc<Semaphore>,
    shelf: Shelf,
}

/// How much of one user's may go on at once.
pub(super) struct Bounds {
    /// Streams of documents.
    pub(super) streams: usize,
    /// Blobs that are received.
    pub(super) blob_writes: usize,
}

/// A stretch of the store's history as frames.
pub(super) struct Page {
    /// Document frames.
    pub(super) frames: Bytes,
    /// How many.
    pub(super) documents: usize,
    /// Up to here.
    pub(super) reached: Position,
}

impl UserStore {
    /// Opens the store of a user in the file `path`, making it where it is absent, for as many streams and blobs at once
    /// as `bounds` says.
    pub(super) async fn open(
        user: i64,
        path: PathBuf,
        config: StoreConfig,
        bounds: Bounds,
    ) -> Result<Self, DatabaseError> {
        let database = Database::open(path, None, Kind { migrations: MIGRATIONS, readers: READERS }, config).await?;
        let id = database.write(identify).await?;
        let database = Arc::new(database);
        let shelf = Shelf::new(database.clone(), user, bounds.blob_writes);
        Ok(Self { database, id, streams: Arc::new(Semaphore::new(bounds.streams)), shelf })
    }

    /// The user's blobs.
    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Writes what waits and closes the files.
    pub(super) async fn close(&self) {
        self.database.close().await;
    }

    /// The user's leaves to stream.
    pub(super) fn streams(&self) -> &Arc<Semaphore> {
        &self.streams
    }

    /// What a replica that has seen `seen` must know before an exchange.
    pub(super) async fn info(&self, replica: ReplicaId, seen: Position) -> Result<SyncInfo, Refusal> {
        let store = self.id;
        self.database
            .read(move |connection| {
                check_seen(connection, seen)?;
                Ok(SyncInfo { store, position: history::head(connection)?, noted: noted(connection, replica)? })
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
        self.database
            .write(move |connection| {
                note(connection, replica, commit.from, commit.to, None)?;
                let mut changes = Changes::begin(connection)?;
                let before = changes.before();
                for document in &documents {
                    keep(connection, &mut changes, replica, document)?;
                }
                Ok(Acknowledgement { noted: commit.to, before, after: changes.finish()? })
            })
            .await
    }

    /// Notes where a replica stands after an exchange.
    pub(super) async fn note(&self, replica: ReplicaId, message: Note) -> Result<(), Refusal> {
        self.database
            .write(move |connection| {
                check_seen(connection, message.seen)?;
                note(connection, replica, message.from, message.to, Some(message.seen.generation))
            })
            .await
    }

    /// Where the history stands, for a replica that has seen `seen`.
    pub(super) async fn head(&self, seen: Position) -> Result<Position, Refusal> {
        self.database
            .read(move |connection| {
                check_seen(connection, seen)?;
                Ok(history::head(connection)?)
            })
            .await
    }

    /// The next versions after `after`, up to `until`, that did not come from `replica`: about `limit` bytes of them, and never
    /// more than a batch may hold.
    pub(super) async fn page(
        &self,
        replica: ReplicaId,
        after: Generation,
        until: Position,
        limit: usize,
    ) -> Result<Page, Refusal> {
        self.database.read(move |connection| page(connection, replica, after, until, limit)).await
    }

    /// The recovery document.
    pub(super) async fn recovery(&self) -> Result<Option<Vec<u8>>, Refusal> {
        self.database.read(|connection| Ok(recovery(connection)?)).await
    }

    /// Replaces the recovery document, if `may` agrees to what is there.
    pub(super) async fn set_recovery(
        &self,
        document: Vec<u8>,
        may: impl FnOnce(Option<&[u8]>) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        self.database
            .write(move |connection| {
                if !may(recovery(connection)?.as_deref()) {
                    return Err(Refusal::PreconditionFailed);
                }
                connection
                    .prepare_cached("INSERT OR REPLACE INTO recovery (only, document) VALUES (1, ?1)")?
                    .execute([document])?;
                Ok(())
            })
            .await
    }
}

/// The store's name, given at its first opening.
fn identify(connection: &Connection) -> Result<ReplicaId, DatabaseError> {
    let known = connection.query_row("SELECT id FROM store", [], |row| row.get(0)).optional()?;
    if let Some(bits) = known {
        return Ok(ReplicaId::from_bits(bits));
    }
    let id = ReplicaId::generate();
    connection.execute("INSERT INTO store (only, id) VALUES (1, ?1)", [id.to_bits()])?;
    Ok(id)
}

fn check_seen(connection: &Connection, seen: Position) -> Result<(), Refusal> {
    if history::contains(connection, seen)? { Ok(()) } else { Err(Refusal::HistoryMismatch) }
}

fn noted(connection: &Connection, replica: ReplicaId) -> Result<Position, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT noted, noted_transaction FROM peers WHERE id = ?1")?;
    let noted = statement.query_row([replica.to_bits()], |row| {
        Ok(Position { generation: row.get(0)?, transaction: history::transaction(row, 1)? })
    });
    Ok(noted.optional()?.unwrap_or(Position::START))
}

/// Moves the note on a replica from one place to another: only from where it stands, so that two copies of a replica
/// cannot both go on, and a batch that is sent twice is not taken twice.
fn note(
    connection: &Connection,
    replica: ReplicaId,
    from: Position,
    to: Position,
    seen: Option<Generation>,
) -> Result<(), Refusal> {
    if noted(connection, replica)? != from || to.generation < from.generation {
        return Err(Refusal::ReplicaMismatch);
    }
    connection
        .prepare_cached(
            "INSERT INTO peers (id, noted, noted_transaction, seen) VALUES (?1, ?2, ?3, coalesce(?4, 0))
             ON CONFLICT (id) DO UPDATE SET noted = ?2, noted_transaction = ?3, seen = coalesce(?4, seen)",
        )?
        .execute((replica.to_bits(), to.generation, to.transaction.to_bytes(), seen))?;
    Ok(())
}

/// Keeps one version, unless it is known or something newer is.
fn keep(
    connection: &Connection,
    changes: &mut Changes<'_>,
    origin: ReplicaId,
    document: &SealedDocument,
) -> Result<(), DatabaseError> {
    let present = revisions(connection, document.id.as_str())?;
    let revisions: Vec<_> = present.iter().map(|(_, revision)| revision.clone()).collect();
    let Arrival::News { superseded } = arrive(&revisions, &document.revision) else { return Ok(()) };
    for position in superseded {
        connection.prepare_cached("DELETE FROM versions WHERE generation = ?1")?.execute([present[position].0])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO versions (generation, document, revision, origin, sealed) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            changes.next(),
            document.id.as_str(),
            document.revision.to_string(),
            origin.to_bits(),
            &document.sealed[..],
        ))?;
    Ok(())
}

fn revisions(connection: &Connection, id: &str) -> Result<Vec<(Generation, Revision)>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT generation, revision FROM versions WHERE document = ?1")?;
    let mut rows = statement.query([id])?;
    let mut revisions = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let revision = text.parse().map_err(|error| DatabaseError::Damaged(format!("a stored revision: {error}")))?;
        revisions.push((row.get(0)?, revision));
    }
    Ok(revisions)
}

fn page(
    connection: &Connection,
    replica: ReplicaId,
    after: Generation,
    until: Position,
    limit: usize,
) -> Result<Page, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, document, revision, sealed FROM versions
         WHERE generation > ?1 AND generation <= ?2 AND origin <> ?3 ORDER BY generation",
    )?;
    let mut rows = statement.query((after, until.generation, replica.to_bits()))?;
    let mut frames = BytesMut::with_capacity(limit);
    let (mut documents, mut reached) = (0, after);
    while let Some(row) = rows.next()? {
        let id = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let revision = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let sealed = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let length = encoded_length(id, revision, sealed.len());
        let fits = documents == 0 || (frames.len() + length <= BATCH_BYTES && documents < BATCH_DOCUMENTS);
        if frames.len() >= limit || !fits {
            let reached = history::at(connection, reached)?
                .ok_or_else(|| DatabaseError::Damaged("a version without a transaction".to_owned()))?;
            return Ok(Page { frames: frames.freeze(), documents, reached });
        }
        encode_document(&mut frames, id, revision, sealed)
            .map_err(|error| DatabaseError::Damaged(format!("a stored version: {error}")))?;
        documents += 1;
        reached = row.get(0)?;
    }
    Ok(Page { frames: frames.freeze(), documents, reached: until })
}

fn recovery(connection: &Connection) -> Result<Option<Vec<u8>>, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT document FROM recovery")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}
