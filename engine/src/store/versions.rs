//! The table of versions, and edits and arrivals on it. Invariants, per document: the versions are pairwise concurrent;
//! exactly one is current, the one that takes precedence; the others are its conflicts. A row is written once, at the
//! end of the table, and only its `conflict` mark ever changes. Indexes follow the current version.

use rusqlite::{Connection, Row};

use super::history::{Changes, History};
use super::indexes::Indexer;
use super::{DatabaseError, StoreError};
use crate::document::{
    Arrival, Document, DocumentId, Generation, MAX_CONTENT, Merged, ReplicaId, Revision, RevisionOrder, arrive, merge,
    precedence,
};

/// A version without its content.
pub(super) struct Label {
    pub(super) generation: Generation,
    pub(super) revision: Revision,
    pub(super) deleted: bool,
    pub(super) conflict: bool,
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
        "SELECT generation, revision, deleted, conflict FROM versions WHERE document = ?1 ORDER BY conflict, revision",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let mut labels = Vec::new();
    while let Some(row) = rows.next()? {
        labels.push(Label {
            generation: row.get(0)?,
            revision: revision(row, 1)?,
            deleted: row.get(2)?,
            conflict: row.get(3)?,
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
pub(super) fn edit(changing: &mut Changing<'_>, replica: ReplicaId, edit: &Edit) -> Result<Revision, StoreError> {
    let connection = changing.connection;
    let length = edit.content.as_ref().map_or(0, Vec::len);
    if length > MAX_CONTENT {
        return Err(StoreError::TooLarge { document: edit.id.clone(), length });
    }
    let present = labels(connection, &edit.id)?;
    check_expected(edit, &present)?;
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
        None => Revision::first(replica),
        Some(joined) => joined.edited_by(replica).map_err(invalid)?,
    };
    let content = edit.content.as_deref();
    insert(connection, changing.changes.next(), &edit.id, &revision, content, None, false)?;
    changing.indexer.enter(&edit.id, content, present.is_empty())?;
    Ok(revision)
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

/// Takes in a version that came from the peer `origin`.
pub(super) fn receive(
    changing: &mut Changing<'_>,
    origin: ReplicaId,
    incoming: &Document,
) -> Result<Arrived, StoreError> {
    let connection = changing.connection;
    let present = labels(connection, &incoming.id)?;
    let Some((superseded, revision)) = judge(connection, &present, incoming)? else {
        return Ok(Arrived { effect: Effect::None, conflict: false });
    };
    let joined = revision != incoming.revision;
    let origin = if joined { None } else { Some(origin) };
    for position in &superseded {
        remove(connection, present[*position].generation)?;
    }
    let alone = superseded.len() == present.len();
    let content = incoming.content.as_deref();
    insert(connection, changing.changes.next(), &incoming.id, &revision, content, origin, !alone)?;
    if alone {
        changing.indexer.enter(&incoming.id, content, present.is_empty())?;
    } else if let Some(current) = mark_current(connection, &incoming.id)? {
        changing.indexer.enter(&incoming.id, self::content(connection, current)?.as_deref(), false)?;
    }
    Ok(Arrived { effect: if joined { Effect::Joined } else { Effect::Taken }, conflict: !alone })
}

/// Which present versions go and under which revision the incoming one stays; `None` where nothing changes. Contents are
/// read only where they decide.
fn judge(
    connection: &Connection,
    present: &[Label],
    incoming: &Document,
) -> Result<Option<(Vec<usize>, Revision)>, StoreError> {
    let revisions: Vec<_> = present.iter().map(|label| label.revision.clone()).collect();
    match arrive(&revisions, &incoming.revision) {
        Arrival::News { superseded } if superseded.len() == present.len() => {
            return Ok(Some((superseded, incoming.revision.clone())));
        }
        Arrival::Known if revisions.iter().any(|r| r.compare(&incoming.revision) == RevisionOrder::After) => {
            return Ok(None);
        }
        _ => {}
    }
    let mut documents = Vec::with_capacity(present.len());
    for label in present {
        let content = content(connection, label.generation)?;
        documents.push(Document { id: incoming.id.clone(), revision: label.revision.clone(), content });
    }
    Ok(match merge(&documents, incoming)? {
        Merged::Unchanged => None,
        Merged::Changed { superseded, revision } => Some((superseded, revision)),
    })
}

/// Marks the version that takes precedence as current and the others as conflicts. Says where the current one is.
fn mark_current(connection: &Connection, id: &DocumentId) -> Result<Option<Generation>, StoreError> {
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
    id: &DocumentId,
    revision: &Revision,
    content: Option<&[u8]>,
    origin: Option<ReplicaId>,
    conflict: bool,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO versions (generation, document, conflict, deleted, revision, origin, content)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let revision = revision.to_string();
    let origin = origin.map(ReplicaId::to_bits);
    statement.execute((generation, id.as_str(), conflict, content.is_none(), revision, origin, content))?;
    Ok(())
}

fn remove(connection: &Connection, generation: Generation) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM versions WHERE generation = ?1")?.execute([generation])?;
    Ok(())
}
