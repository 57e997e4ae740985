//! The table of versions: edits of this replica, and versions received from peers. Invariants, per document: the versions are
//! pairwise concurrent; exactly one is current, the one that takes precedence; the others are its conflicts. A row is
//! appended once, and only its `conflict` flag ever changes. Indexes follow the current version.

use rusqlite::{Connection, Row};

use super::history::{Changes, History};
use super::indexes::Indexer;
use super::{DatabaseError, StoreError};
use crate::document::{
    Arrival, Document, DocumentId, Generation, MAX_CONTENT, MergeError, Merged, ReplicaId, Revision, RevisionOrder,
    arrive, merge, precedence,
};

/// A version without its content.
pub(super) struct Label {
    pub(super) generation: Generation,
    pub(super) revision: Revision,
    pub(super) deleted: bool,
    pub(super) conflict: bool,
    /// Whether its content is not here.
    pub(super) absent: bool,
}

/// A version received from a peer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) id: DocumentId,
    pub(crate) revision: Revision,
    pub(crate) content: IncomingContent,
}

/// The content of a received version.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum IncomingContent {
    /// None: the version is a tombstone.
    Deleted,
    /// The whole content.
    Present(Vec<u8>),
    /// Only its length.
    Absent(usize),
}

impl From<Option<Vec<u8>>> for IncomingContent {
    fn from(content: Option<Vec<u8>>) -> Self {
        content.map_or(Self::Deleted, Self::Present)
    }
}

impl IncomingContent {
    /// The bytes, if they are present.
    fn bytes(&self) -> Option<&[u8]> {
        if let Self::Present(bytes) = self { Some(bytes) } else { None }
    }

    /// The length, `None` for a tombstone.
    fn size(&self) -> Option<i64> {
        let length = match self {
            Self::Deleted => return None,
            Self::Present(bytes) => bytes.len(),
            Self::Absent(length) => *length,
        };
        i64::try_from(length).ok()
    }
}

/// An edit made on this replica.
pub(super) struct Edit {
    pub(super) id: DocumentId,
    /// The versions that it replaces: all current ones.
    pub(super) replaces: Vec<Revision>,
    /// `None` deletes.
    pub(super) content: Option<Vec<u8>>,
}

/// The effect of receiving a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) effect: Effect,
    /// Whether the document now has concurrent versions because of it.
    pub(super) conflict: bool,
}

/// What a received version changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: it was known, or older.
    None,
    /// It was stored unchanged.
    Stored,
    /// Its content was stored under a joined revision, which the peer does not know.
    Joined,
}

/// The versions of a document, the current one first.
pub(super) fn labels(connection: &Connection, id: &DocumentId) -> Result<Vec<Label>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, revision, deleted, conflict, absent FROM versions
         WHERE document = ?1 ORDER BY conflict, revision",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let mut labels = Vec::new();
    while let Some(row) = rows.next()? {
        labels.push(Label {
            generation: row.get(0)?,
            revision: revision(row, 1)?,
            deleted: row.get(2)?,
            conflict: row.get(3)?,
            absent: row.get(4)?,
        });
    }
    Ok(labels)
}

/// The revision in column `index`.
pub(super) fn revision(row: &Row<'_>, index: usize) -> Result<Revision, DatabaseError> {
    let text = row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?;
    text.parse().map_err(|error| DatabaseError::Damaged(format!("a stored revision: {error}")))
}

/// The document id in column `index`.
pub(super) fn document_id(row: &Row<'_>, index: usize) -> Result<DocumentId, DatabaseError> {
    let text = row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?;
    text.parse().map_err(|error| DatabaseError::Damaged(format!("a stored document id: {error}")))
}

/// The context of a transaction that changes documents.
pub(super) struct ChangeContext<'a> {
    pub(super) connection: &'a Connection,
    pub(super) changes: Changes<'a>,
    indexer: Indexer<'a>,
}

impl<'a> ChangeContext<'a> {
    /// Continues the history of the replica.
    pub(super) fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            changes: Changes::begin(History::of_replica(connection))?,
            indexer: Indexer::begin(connection)?,
        })
    }
}

/// Applies an edit and returns the new revision.
pub(super) fn edit(context: &mut ChangeContext<'_>, replica: ReplicaId, edit: Edit) -> Result<Revision, StoreError> {
    let connection = context.connection;
    let length = edit.content.as_ref().map_or(0, Vec::len);
    if length > MAX_CONTENT {
        return Err(StoreError::TooLarge { document: edit.id.clone(), length });
    }
    let present = labels(connection, &edit.id)?;
    check_expected(&edit, &present)?;
    let invalid = |source| StoreError::Revision { document: edit.id.clone(), source };
    let mut joined: Option<Revision> = None;
    for label in &present {
        joined = Some(match joined {
            None => label.revision.clone(),
            Some(joined) => joined.join(&label.revision).map_err(invalid)?,
        });
        remove(connection, label.generation)?;
    }
    let revision = match joined {
        None => Revision::recreated(replica, edits_purged(connection)?).map_err(invalid)?,
        Some(joined) => joined.edited_by(replica).map_err(invalid)?,
    };
    let version = Incoming { id: edit.id, revision, content: edit.content.into() };
    insert(connection, context.changes.next(), &version, None, false)?;
    context.indexer.update(&version.id, version.content.bytes(), present.is_empty())?;
    Ok(version.revision)
}

/// An edit must name exactly what it replaces. For an edit that creates a document, a deleted one counts as absent.
fn check_expected(edit: &Edit, present: &[Label]) -> Result<(), StoreError> {
    let absent = present.iter().all(|label| label.deleted) && present.len() <= 1;
    let named =
        present.len() == edit.replaces.len() && present.iter().all(|label| edit.replaces.contains(&label.revision));
    if named || (edit.replaces.is_empty() && edit.content.is_some() && absent) {
        return Ok(());
    }
    let document = edit.id.clone();
    if present.len() > 1 && edit.replaces.len() <= 1 {
        return Err(StoreError::Conflicted { document, versions: present.len() });
    }
    Err(StoreError::Stale { document, current: present.iter().map(|label| label.revision.clone()).collect() })
}

/// Stores a version received from the peer `origin`. Content for a version that was here without it is a change of its own.
pub(super) fn receive(
    context: &mut ChangeContext<'_>,
    origin: ReplicaId,
    mut incoming: Incoming,
) -> Result<Receipt, StoreError> {
    let connection = context.connection;
    let mut present = labels(connection, &incoming.id)?;
    let new = present.is_empty();
    if let Some(index) = find_without_content(&present, &incoming)? {
        remove(connection, present.remove(index).generation)?;
    }
    let Some(revision) = resolve_revision(connection, &present, &incoming)? else {
        return Ok(Receipt { effect: Effect::None, conflict: false });
    };
    let mut only_version = true;
    for label in &present {
        if revision.includes(&label.revision) {
            remove(connection, label.generation)?;
        } else {
            only_version = false;
        }
    }
    let joined = revision != incoming.revision;
    incoming.revision = revision;
    insert(connection, context.changes.next(), &incoming, (!joined).then_some(origin), !only_version)?;
    if only_version {
        context.indexer.update(&incoming.id, incoming.content.bytes(), new)?;
    } else if let Some(current) = mark_current(connection, &incoming.id)? {
        context.indexer.update(&incoming.id, content(connection, current)?.as_deref(), false)?;
    }
    Ok(Receipt { effect: if joined { Effect::Joined } else { Effect::Stored }, conflict: !only_version })
}

/// The index of the version whose content `incoming` provides.
fn find_without_content(present: &[Label], incoming: &Incoming) -> Result<Option<usize>, StoreError> {
    let same = present.iter().position(|label| label.absent && label.revision == incoming.revision);
    match incoming.content {
        IncomingContent::Present(_) => Ok(same),
        IncomingContent::Absent(_) => Ok(None),
        // A version with content is not a tombstone.
        IncomingContent::Deleted if same.is_some() => {
            Err(MergeError::Forked { document: incoming.id.clone(), revision: incoming.revision.clone() }.into())
        }
        IncomingContent::Deleted => Ok(None),
    }
}

/// The revision under which the incoming version is stored, replacing those that it includes; `None` where nothing changes.
/// Contents are read only where they decide. An absent content equals no other; if it proves equal when it arrives, the
/// versions are merged then.
fn resolve_revision(
    connection: &Connection,
    present: &[Label],
    incoming: &Incoming,
) -> Result<Option<Revision>, StoreError> {
    let revisions: Vec<_> = present.iter().map(|label| label.revision.clone()).collect();
    let arrival = arrive(&revisions, &incoming.revision);
    match &arrival {
        Arrival::News { superseded } if superseded.len() == present.len() => {
            return Ok(Some(incoming.revision.clone()));
        }
        Arrival::Known if revisions.iter().any(|r| r.compare(&incoming.revision) == RevisionOrder::After) => {
            return Ok(None);
        }
        _ => {}
    }
    let known = match &incoming.content {
        IncomingContent::Deleted => None,
        IncomingContent::Present(bytes) => Some(bytes.clone()),
        IncomingContent::Absent(_) => return Ok((arrival != Arrival::Known).then(|| incoming.revision.clone())),
    };
    let mut documents = Vec::with_capacity(present.len());
    for label in present.iter().filter(|label| !label.absent) {
        let content = content(connection, label.generation)?;
        documents.push(Document { id: incoming.id.clone(), revision: label.revision.clone(), content });
    }
    let incoming = Document { id: incoming.id.clone(), revision: incoming.revision.clone(), content: known };
    Ok(match merge(&documents, &incoming)? {
        Merged::Unchanged => None,
        Merged::Changed { revision, .. } => Some(revision),
    })
}

/// Marks the version that takes precedence as current and the others as conflicts. Returns the generation of the current one.
pub(super) fn mark_current(connection: &Connection, id: &DocumentId) -> Result<Option<Generation>, StoreError> {
    let labels = labels(connection, id)?;
    let current = labels.iter().max_by_key(|label| precedence(&label.revision, label.deleted));
    let current = current.map(|label| label.generation);
    for label in &labels {
        let conflict = Some(label.generation) != current;
        if label.conflict != conflict {
            connection
                .prepare_cached("UPDATE versions SET conflict = ?2 WHERE generation = ?1")?
                .execute((label.generation, conflict))?;
        }
    }
    Ok(current)
}

/// The content of the version at `generation`.
pub(super) fn content(connection: &Connection, generation: Generation) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT content FROM versions WHERE generation = ?1")?;
    Ok(statement.query_row([generation], |row| row.get(0))?)
}

fn insert(
    connection: &Connection,
    generation: Generation,
    version: &Incoming,
    origin: Option<ReplicaId>,
    conflict: bool,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO versions (generation, document, conflict, deleted, absent, revision, origin, size, content)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let Incoming { id, revision, content } = version;
    let (deleted, absent) = (*content == IncomingContent::Deleted, matches!(content, IncomingContent::Absent(_)));
    let (revision, origin) = (revision.to_string(), origin.map(ReplicaId::to_bits));
    let (size, bytes) = (content.size(), content.bytes());
    statement.execute((generation, id.as_str(), conflict, deleted, absent, revision, origin, size, bytes))?;
    Ok(())
}

/// Removes the version at `generation`.
pub(super) fn remove(connection: &Connection, generation: Generation) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM versions WHERE generation = ?1")?.execute([generation])?;
    Ok(())
}

/// The highest counter of this replica in any tombstone that was purged.
fn edits_purged(connection: &Connection) -> Result<u64, DatabaseError> {
    let mut statement = connection.prepare_cached("SELECT purged FROM replica")?;
    Ok(statement.query_row([], |row| row.get::<_, i64>(0))?.cast_unsigned())
}
