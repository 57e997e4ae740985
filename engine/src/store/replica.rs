//! A replica: one device's copy of a user's documents. Every success is durable, every edit names the version that it
//! replaces, and no call blocks the runtime.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use super::history::History;
use super::versions::{self, ChangeContext, Edit};
use super::{Database, Kind, StoreError, schema};
use crate::config::StoreConfig;
use crate::crypto::DatabaseKey;
use crate::document::{Document, DocumentId, Generation, Position, ReplicaId, Revision};

/// Connections for concurrent reads.
const READERS: usize = 4;

/// One device's copy of a user's documents. Clones share it.
#[derive(Clone)]
pub struct Replica {
    pub(super) database: Arc<Database>,
    id: ReplicaId,
    /// Held by a synchronisation, so that a replica runs only one at a time.
    syncing: Arc<tokio::sync::Mutex<()>>,
    /// The newest position of the history, for watchers.
    head: Arc<watch::Sender<Position>>,
}

/// A document to be stored.
#[derive(Debug, Clone)]
pub struct Put {
    /// Which document.
    pub id: DocumentId,
    /// The revision that the caller saw and replaces; `None` creates.
    pub replaces: Option<Revision>,
    /// The new content, at most [`crate::document::MAX_CONTENT`] bytes.
    pub content: Vec<u8>,
}

/// An entry of a list of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which document.
    pub id: DocumentId,
    /// Its current revision.
    pub revision: Revision,
    /// How many versions are concurrent with the current one.
    pub conflicts: usize,
    /// Whether its content is not here: it was received as a header and not fetched yet.
    pub absent: bool,
}

/// The current state of a document that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was last changed.
    pub generation: Generation,
    /// Which document.
    pub id: DocumentId,
    /// Its current revision.
    pub revision: Revision,
    /// Whether that is a tombstone.
    pub deleted: bool,
    /// How many versions are concurrent with the current one.
    pub conflicts: usize,
}

impl Replica {
    /// Opens or creates the replica in the file `path`.
    ///
    /// # Errors
    /// [`super::DatabaseError::WrongKey`] where the file belongs to other keys; other errors of the database.
    pub async fn open(path: &Path, key: &DatabaseKey, config: &StoreConfig) -> Result<Self, StoreError> {
        let kind = Kind { migrations: schema::REPLICA, readers: READERS, user: None };
        let key = config.cipher.then(|| key.pragma());
        let database = Database::open(path.to_owned(), key, kind, *config).await?;
        let (id, head) = database
            .write(|connection| {
                Ok::<_, StoreError>((read_or_create_id(connection)?, History::of_replica(connection).head()?))
            })
            .await?;
        let head = Arc::new(watch::Sender::new(head));
        Ok(Self { database: Arc::new(database), id, syncing: Arc::default(), head })
    }

    /// The replica's id, which its revisions contain.
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// Stores a document and returns its new revision. `replaces` is the revision that the caller saw, `None` to create.
    ///
    /// # Errors
    /// [`StoreError::Stale`] or [`StoreError::Conflicted`] where the document is not as expected.
    pub async fn put(
        &self,
        id: &DocumentId,
        replaces: Option<&Revision>,
        content: Vec<u8>,
    ) -> Result<Revision, StoreError> {
        self.edit(Edit { id: id.clone(), replaces: replaces.cloned().into_iter().collect(), content: Some(content) })
            .await
    }

    /// Stores documents atomically, and returns their new revisions in the same order.
    ///
    /// # Errors
    /// As [`Replica::put`].
    pub async fn put_many(&self, puts: Vec<Put>) -> Result<Vec<Revision>, StoreError> {
        let replica = self.id;
        self.change(move |context| {
            let edits = puts.into_iter().map(|put| Edit {
                id: put.id,
                replaces: put.replaces.into_iter().collect(),
                content: Some(put.content),
            });
            edits.map(|edit| versions::edit(context, replica, edit)).collect()
        })
        .await
    }

    /// Deletes a document and returns the revision of its tombstone. `replaces` is the revision that the caller saw.
    ///
    /// # Errors
    /// [`StoreError::Stale`] or [`StoreError::Conflicted`] where the document is not as expected.
    pub async fn delete(&self, id: &DocumentId, replaces: &Revision) -> Result<Revision, StoreError> {
        self.edit(Edit { id: id.clone(), replaces: vec![replaces.clone()], content: None }).await
    }

    /// Resolves a conflict: `content`, or a tombstone, replaces all versions of the document. `replaces` names all of them.
    ///
    /// # Errors
    /// [`StoreError::Stale`] where there are other versions than the caller saw.
    pub async fn resolve(
        &self,
        id: &DocumentId,
        replaces: &[Revision],
        content: Option<Vec<u8>>,
    ) -> Result<Revision, StoreError> {
        self.edit(Edit { id: id.clone(), replaces: replaces.to_vec(), content }).await
    }

    /// The current version of a document, also if it is a tombstone; `None` where the document never existed.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where its content is not here.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        Ok(self.select(id, false).await?.pop())
    }

    /// The versions of a document that are concurrent with its current one.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where the content of one is not here.
    pub async fn conflicts(&self, id: &DocumentId) -> Result<Vec<Document>, StoreError> {
        self.select(id, true).await
    }

    /// At most `limit` documents that are not deleted, sorted by id: those whose id starts with `prefix` (empty for all)
    /// and comes after `after`.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn list(&self, prefix: &str, after: Option<&DocumentId>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map_or(String::new(), ToString::to_string));
        self.database.read(move |connection| list(connection, &prefix, &after, limit)).await
    }

    /// Ids of the documents with concurrent versions, sorted.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn conflicted(&self) -> Result<Vec<DocumentId>, StoreError> {
        self.database
            .read(|connection| {
                let mut statement = connection
                    .prepare_cached("SELECT DISTINCT document FROM versions WHERE conflict ORDER BY document")?;
                let mut rows = statement.query([])?;
                let mut ids = Vec::new();
                while let Some(row) = rows.next()? {
                    ids.push(versions::document_id(row, 0)?);
                }
                Ok(ids)
            })
            .await
    }

    /// At most `limit` documents that changed after generation `since`, the least recently changed first, each once and in
    /// its current state, including deleted ones. A reader that starts at 0, continues after the last generation returned,
    /// and keeps the last change of each document ends with the same documents as [`Replica::list`]. A document that changes
    /// between two pages moves to a later page, and is never missed.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn changes(&self, since: Generation, limit: usize) -> Result<Vec<Change>, StoreError> {
        self.database.read(move |connection| changes(connection, since, limit)).await
    }

    /// The newest position of the replica's history.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn position(&self) -> Result<Position, StoreError> {
        self.database.read(|connection| Ok(History::of_replica(connection).head()?)).await
    }

    /// Watches the newest position of the history. It is updated after every change that this replica or a clone of it makes
    /// or receives, once the change is durable and before the call that made it returns. It never goes back; positions may
    /// be skipped. Changes by another process on the same file are not reported.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// Completes pending writes and closes the files. Later calls of any clone fail.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Waits until no other synchronisation of this replica runs.
    pub(crate) async fn lock_sync(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.syncing.clone().lock_owned().await
    }

    async fn edit(&self, edit: Edit) -> Result<Revision, StoreError> {
        let replica = self.id;
        self.change(move |context| versions::edit(context, replica, edit)).await
    }

    /// Makes changes in one transaction of the replica's history.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut ChangeContext<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_and_notify(move |connection| {
            let mut context = ChangeContext::begin(connection)?;
            let result = work(&mut context)?;
            Ok((result, context.changes.finish()?))
        })
        .await
    }

    /// Runs a write that returns the new position of the history, and notifies watchers.
    pub(super) async fn write_and_notify<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<(T, Position), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let head = self.head.clone();
        let notify = move |(_, position): &(T, Position)| {
            head.send_if_modified(|head| {
                let forward = position.generation > head.generation;
                if forward {
                    *head = *position;
                }
                forward
            });
        };
        Ok(self.database.write_then(work, notify).await?.0)
    }

    async fn select(&self, id: &DocumentId, conflict: bool) -> Result<Vec<Document>, StoreError> {
        let id = id.clone();
        self.database
            .read(move |connection| {
                let labels = versions::labels(connection, &id)?;
                let wanted = labels.into_iter().filter(|label| label.conflict == conflict);
                wanted
                    .map(|label| {
                        if label.absent {
                            return Err(StoreError::Absent { document: id.clone(), revision: label.revision });
                        }
                        let content = versions::content(connection, label.generation)?;
                        Ok(Document { id: id.clone(), revision: label.revision, content })
                    })
                    .collect()
            })
            .await
    }
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The replica's id, generated when it is first opened.
fn read_or_create_id(connection: &Connection) -> Result<ReplicaId, StoreError> {
    let known = connection.query_row("SELECT id FROM replica", [], |row| row.get(0)).optional()?;
    if let Some(bits) = known {
        return Ok(ReplicaId::from_bits(bits));
    }
    let id = ReplicaId::generate();
    connection.execute("INSERT INTO replica (only, id) VALUES (1, ?1)", [id.to_bits()])?;
    Ok(id)
}

fn list(connection: &Connection, prefix: &str, after: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
    // Every character of an id is smaller than DEL, so this is the end of the range of ids with the prefix.
    let end = format!("{prefix}\u{7f}");
    let mut statement = connection.prepare_cached(
        "SELECT document, revision, (SELECT count(*) FROM versions AS other
                                     WHERE other.document = versions.document AND other.conflict = 1), absent
         FROM versions WHERE document >= ?1 AND document < ?2 AND document > ?3 AND conflict = 0 AND deleted = 0
         ORDER BY document LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((prefix, end, after, limit))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let conflicts = usize::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
        entries.push(Entry {
            id: versions::document_id(row, 0)?,
            revision: versions::revision(row, 1)?,
            conflicts,
            absent: row.get(3)?,
        });
    }
    Ok(entries)
}

fn changes(connection: &Connection, since: Generation, limit: usize) -> Result<Vec<Change>, StoreError> {
    // The conflict flag of a version may change without a new generation, but only together with a version of the document
    // that was added or removed. So the newest version of a document has the generation of its last change.
    let mut statement = connection.prepare_cached(
        "SELECT newest.generation, newest.document, current.revision, current.deleted,
                (SELECT count(*) FROM versions WHERE document = newest.document AND conflict = 1)
         FROM versions AS newest JOIN versions AS current ON current.document = newest.document AND current.conflict = 0
         WHERE newest.generation > ?1 AND NOT EXISTS
               (SELECT 1 FROM versions WHERE document = newest.document AND generation > newest.generation)
         ORDER BY newest.generation LIMIT ?2",
    )?;
    let mut rows = statement.query((since, i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(Change {
            generation: row.get(0)?,
            id: versions::document_id(row, 1)?,
            revision: versions::revision(row, 2)?,
            deleted: row.get(3)?,
            conflicts: usize::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
        });
    }
    Ok(changes)
}
