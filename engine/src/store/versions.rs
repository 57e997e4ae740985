//! The table of versions, and edits and arrivals on it. Invariants, per document: the versions are pairwise concurrent;
//! exactly one is current, the one that takes precedence; the others are its conflicts. A row is written once, at the
//! end of the table, and only its `conflict` mark ever changes. Indexes follow the current version.

use rusqlite::{Connection, Row};

use super::history::{Changes, History};
use super::indexes::Indexer;
use super::{DatabaseError, StoreError, purging};
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
    /// Whether it has content that is not here.
    pub(super) absent: bool,
}

/// A version that comes from a peer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) id: DocumentId,
    pub(crate) revision: Revision,
    pub(crate) content: Held,
}

/// What a version holds, as far as it is known.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// A tombstone: there is none.
    Deleted,
    /// All of it.
    Here(Vec<u8>),
    /// Only its length.
    Absent(usize),
}

impl From<Option<Vec<u8>>> for Held {
    fn from(content: Option<Vec<u8>>) -> Self {
        content.map_or(Self::Deleted, Self::Here)
    }
}

impl Held {
    /// The bytes that are here.
    fn bytes(&self) -> Option<&[u8]> {
        if let Self::Here(bytes) = self { Some(bytes) } else { None }
    }

    /// The length, `None` for a tombstone.
    fn size(&self) -> Option<i64> {
        let length = match self {
            Self::Deleted => return None,
            Self::Here(bytes) => bytes.len(),
            Self::Absent(length) => *length,
        };
        i64::try_from(length).ok()
    }
}

/// One change that the owner of this replica makes.
pub(super) struct Edit {
    pub(super) id: DocumentId,
    /// The versions that it replaces: all there are.
    pub(super) replaces: Vec<Revision>,
    /// `None` deletes.
    pub(super) content: Option<Vec<u8>>,
}

/// What the arrival of a version did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) effect: Effect,
    /// Whether the document has concurrent versions now, because of it.
    pub(super) conflict: bool,
}

/// What became of a version that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: it was known, or older.
    None,
    /// It became one of the versions here, unaltered.
    Taken,
    /// Its content is here under a joined revision, which the peer does not know.
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

/// A transaction that changes documents, and what is kept true in it.
pub(super) struct Changing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) changes: Changes<'a>,
    indexer: Indexer<'a>,
}

impl<'a> Changing<'a> {
    /// Continues the history of the replica.
    pub(super) fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            changes: Changes::begin(History::of_replica(connection))?,
            indexer: Indexer::begin(connection)?,
        })
    }
}

/// Makes an edit and returns the revision that it made.
pub(super) fn edit(changing: &mut Changing<'_>, replica: ReplicaId, edit: Edit) -> Result<Revision, StoreError> {
    let connection = changing.connection;
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
        None => Revision::anew(replica, purging::edits_purged(connection)?).map_err(invalid)?,
        Some(joined) => joined.edited_by(replica).map_err(invalid)?,
    };
    let version = Incoming { id: edit.id, revision, content: edit.content.into() };
    insert(connection, changing.changes.next(), &version, None, false)?;
    changing.indexer.enter(&version.id, version.content.bytes(), present.is_empty())?;
    Ok(version.revision)
}

/// An edit must name exactly what it replaces. To one who creates a document, a deleted one is absent.
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

/// Takes in a version that came from the peer `origin`. The content of a version that was here without it makes a change
/// of its own.
pub(super) fn receive(
    changing: &mut Changing<'_>,
    origin: ReplicaId,
    mut incoming: Incoming,
) -> Result<Arrived, StoreError> {
    let connection = changing.connection;
    let mut present = labels(connection, &incoming.id)?;
    let new = present.is_empty();
    if let Some(without) = without_content(&present, &incoming)? {
        remove(connection, present.remove(without).generation)?;
    }
    let Some(revision) = judge(connection, &present, &incoming)? else {
        return Ok(Arrived { effect: Effect::None, conflict: false });
    };
    let mut alone = true;
    for label in &present {
        if revision.includes(&label.revision) {
            remove(connection, label.generation)?;
        } else {
            alone = false;
        }
    }
    let joined = revision != incoming.revision;
    incoming.revision = revision;
    insert(connection, changing.changes.next(), &incoming, (!joined).then_some(origin), !alone)?;
    if alone {
        changing.indexer.enter(&incoming.id, incoming.content.bytes(), new)?;
    } else if let Some(current) = mark_current(connection, &incoming.id)? {
        changing.indexer.enter(&incoming.id, content(connection, current)?.as_deref(), false)?;
    }
    Ok(Arrived { effect: if joined { Effect::Joined } else { Effect::Taken }, conflict: !alone })
}

/// The place of the version whose content `incoming` brings.
fn without_content(present: &[Label], incoming: &Incoming) -> Result<Option<usize>, StoreError> {
    let same = present.iter().position(|label| label.absent && label.revision == incoming.revision);
    match incoming.content {
        Held::Here(_) => Ok(same),
        Held::Absent(_) => Ok(None),
        // What has content is no tombstone.
        Held::Deleted if same.is_some() => {
            Err(MergeError::Forked { document: incoming.id.clone(), revision: incoming.revision.clone() }.into())
        }
        Held::Deleted => Ok(None),
    }
}

/// Under which revision the incoming version stays, in place of those that this includes; `None` where nothing changes.
/// Contents are read only where they decide. What is not here equals nothing: should it turn out to be equal, the versions
/// become one when it comes.
fn judge(connection: &Connection, present: &[Label], incoming: &Incoming) -> Result<Option<Revision>, StoreError> {
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
        Held::Deleted => None,
        Held::Here(bytes) => Some(bytes.clone()),
        Held::Absent(_) => return Ok((arrival != Arrival::Known).then(|| incoming.revision.clone())),
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

/// Marks the version that takes precedence as current and the others as conflicts. Says where the current one is.
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
    let (deleted, absent) = (*content == Held::Deleted, matches!(content, Held::Absent(_)));
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
