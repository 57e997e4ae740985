//! A replica: one device's copy of a user's documents. Every success is durable, every edit names the version that it
//! replaces, and no call blocks the reactor.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use super::history::History;
use super::versions::{self, Changing, Edit};
use super::{Database, Kind, StoreError, schema};
use crate::config::StoreConfig;
use crate::crypto::DatabaseKey;
use crate::document::{Document, DocumentId, Generation, Position, ReplicaId, Revision};

/// Connections that read at once.
const READERS: usize = 4;

/// One device's copy of a user's documents. Clones share it.
#[derive(Clone)]
pub struct Replica {
    pub(super) database: Arc<Database>,
    id: ReplicaId,
    /// Held by a synchronisation, so that one replica runs only one.
    syncing: Arc<tokio::sync::Mutex<()>>,
    /// Where history stands, for those who watch.
    head: Arc<watch::Sender<Position>>,
}

/// A document to be stored.
#[derive(Debug, Clone)]
pub struct Put {
    /// Which document.
    pub id: DocumentId,
    /// The revision that the caller saw and replaces; `None` creates.
    pub replaces: Option<Revision>,
    /// What it shall say, at most [`crate::document::MAX_CONTENT`] bytes.
    pub content: Vec<u8>,
}

/// A line of a list of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which document.
    pub id: DocumentId,
    /// Its current revision.
    pub revision: Revision,
    /// How many versions are concurrent with the current one.
    pub conflicts: usize,
}

/// A document that was changed, as it is now.
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
    /// Opens the replica in the file `path`, or makes a new one there.
    ///
    /// # Errors
    /// [`super::DatabaseError::WrongKey`] where the file belongs to other keys; other errors of the database.
    pub async fn open(path: &Path, key: &DatabaseKey, config: &StoreConfig) -> Result<Self, StoreError> {
        let kind = Kind { migrations: schema::REPLICA, readers: READERS, user: None };
        let key = config.cipher.then(|| key.pragma());
        let database = Database::open(path.to_owned(), key, kind, *config).await?;
        let (id, head) = database
            .write(|connection| Ok::<_, StoreError>((identify(connection)?, History::of_replica(connection).head()?)))
            .await?;
        let head = Arc::new(watch::Sender::new(head));
        Ok(Self { database: Arc::new(database), id, syncing: Arc::default(), head })
    }

    /// The replica's own name, which its revisions carry.
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

    /// Stores documents, all or none, and returns their new revisions in the same order.
    ///
    /// # Errors
    /// As [`Replica::put`].
    pub async fn put_many(&self, puts: Vec<Put>) -> Result<Vec<Revision>, StoreError> {
        let replica = self.id;
        self.change(move |changing| {
            let edits = puts.into_iter().map(|put| Edit {
                id: put.id,
                replaces: put.replaces.into_iter().collect(),
                content: Some(put.content),
            });
            edits.map(|edit| versions::edit(changing, replica, &edit)).collect()
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

    /// Ends a conflict: `content`, or a tombstone, replaces all versions of the document. `replaces` names all of them.
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

    /// The current version of a document, a tombstone too; `None` where there never was one.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        Ok(self.select(id, false).await?.pop())
    }

    /// The versions of a document that are concurrent with its current one.
    ///
    /// # Errors
    /// Errors of the database.
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

    /// Ids of the documents that have concurrent versions, sorted.
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

    /// At most `limit` documents that changed after generation `since`, the one that was left alone for longest first,
    /// each once and as it is now, deleted ones too. Who starts at 0, goes on from the last generation told, and keeps
    /// what was last told of each document, has what [`Replica::list`] has when nothing more comes. A document that changes
    /// between two pages moves to a later one, and is never missed.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn changes(&self, since: Generation, limit: usize) -> Result<Vec<Change>, StoreError> {
        self.database.read(move |connection| changes(connection, since, limit)).await
    }

    /// Where the replica's history stands.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn position(&self) -> Result<Position, StoreError> {
        self.database.read(|connection| Ok(History::of_replica(connection).head()?)).await
    }

    /// Tells where the history stands after every change that this replica or a clone of it makes or receives, as soon as
    /// the change is durable and before its maker is answered. It never goes back; places may be skipped. Another process
    /// on the same file is not noticed.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// Writes what waits and closes the files. Later calls of any clone fail.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Waits for its turn to synchronise.
    pub(crate) async fn sync_turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.syncing.clone().lock_owned().await
    }

    async fn edit(&self, edit: Edit) -> Result<Revision, StoreError> {
        let replica = self.id;
        self.change(move |changing| versions::edit(changing, replica, &edit)).await
    }

    /// Makes changes in one transaction of the replica's history.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Changing<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_and_tell(move |connection| {
            let mut changing = Changing::begin(connection)?;
            let made = work(&mut changing)?;
            Ok((made, changing.changes.finish()?))
        })
        .await
    }

    /// Does a write that says where history stands after it, and tells those who watch.
    pub(super) async fn write_and_tell<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<(T, Position), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let head = self.head.clone();
        let tell = move |(_, position): &(T, Position)| {
            head.send_if_modified(|head| {
                let forward = position.generation > head.generation;
                if forward {
                    *head = *position;
                }
                forward
            });
        };
        Ok(self.database.write_then(work, tell).await?.0)
    }

    async fn select(&self, id: &DocumentId, conflict: bool) -> Result<Vec<Document>, StoreError> {
        let id = id.clone();
        self.database
            .read(move |connection| {
                let labels = versions::labels(connection, &id)?;
                let wanted = labels.into_iter().filter(|label| label.conflict == conflict);
                wanted
                    .map(|label| {
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

/// The replica's name, given at its first opening.
fn identify(connection: &Connection) -> Result<ReplicaId, StoreError> {
    let known = connection.query_row("SELECT id FROM replica", [], |row| row.get(0)).optional()?;
    if let Some(bits) = known {
        return Ok(ReplicaId::from_bits(bits));
    }
    let id = ReplicaId::generate();
    connection.execute("INSERT INTO replica (only, id) VALUES (1, ?1)", [id.to_bits()])?;
    Ok(id)
}

fn list(connection: &Connection, prefix: &str, after: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
    // Every character of an id is smaller than DEL, so this is the end of the range of those that start with the prefix.
    let end = format!("{prefix}\u{7f}");
    let mut statement = connection.prepare_cached(
        "SELECT document, revision, (SELECT count(*) FROM versions AS other
                                     WHERE other.document = versions.document AND other.conflict = 1)
         FROM versions WHERE document >= ?1 AND document < ?2 AND document > ?3 AND conflict = 0 AND deleted = 0
         ORDER BY document LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((prefix, end, after, limit))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let conflicts = usize::try_from(row.get::<_, i64>(2)?).unwrap_or_default();
        entries.push(Entry { id: versions::document_id(row, 0)?, revision: versions::revision(row, 1)?, conflicts });
    }
    Ok(entries)
}

fn changes(connection: &Connection, since: Generation, limit: usize) -> Result<Vec<Change>, StoreError> {
    // The conflict mark of a version may change without a generation of its own, but never alone: another version of the
    // document came or went. So the newest version of a document says when it last changed.
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
