//! Synchronisation of a replica with a peer: what to send, how to store what arrives, and the progress of both. Progress is
//! recorded in the transaction that achieves it.

use rusqlite::Connection;

use super::history::{self, History};
use super::versions::{self, ChangeContext, Effect, Incoming};
use super::{DatabaseError, Replica, StoreError, tombstones};
use crate::document::{DocumentId, Generation, Position, ReplicaId, Revision};

/// The progress of synchronisation with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The peer's id.
    pub(crate) id: ReplicaId,
    /// Up to this generation, the peer has everything made here. It is never sent again.
    pub(crate) pushed: Generation,
    /// The last position of this replica's history that the peer is known to have recorded.
    pub(crate) acknowledged: Generation,
    /// Up to this position of the peer's history, everything is here.
    pub(crate) seen: Position,
}

/// A version to be sent to a peer.
pub(crate) struct Outgoing<'a> {
    pub(crate) id: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) content: Option<&'a [u8]>,
}

/// A change received from a peer.
pub(crate) enum PeerChange {
    /// A version of a document.
    Version(Incoming),
    /// Every replica has received this tombstone, so it can be dropped.
    Purged {
        /// The document.
        id: DocumentId,
        /// The version of it.
        revision: Revision,
    },
}

/// The answer to an outgoing version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakeResult {
    /// Taken; continue.
    Taken,
    /// Taken; stop here.
    TakenLast,
    /// Not taken: it does not fit.
    Rejected,
}

/// How far outgoing versions were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Everything up to this position was taken.
    pub(crate) position: Position,
    /// Whether that was all.
    pub(crate) end: bool,
}

/// The effect of a batch from a peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// New versions.
    pub(crate) new: usize,
    /// Documents that now have concurrent versions.
    pub(crate) conflicts: usize,
}

impl Replica {
    /// The peers of this replica. Read by the writer, so that pending writes of an abandoned exchange are included.
    pub(crate) async fn peers(&self) -> Result<Vec<Peer>, StoreError> {
        self.database.write(peers).await
    }

    /// Whether `position` is part of this replica's history.
    pub(crate) async fn has_been_at(&self, position: Position) -> Result<bool, StoreError> {
        self.database.read(move |connection| Ok(History::of_replica(connection).contains(position)?)).await
    }

    /// Whether `peer` lacks anything made here.
    pub(crate) async fn has_changes_for(&self, peer: ReplicaId, pushed: Generation) -> Result<bool, StoreError> {
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT 1 FROM versions WHERE generation > ?1 AND origin IS NOT ?2 AND absent = 0 LIMIT 1",
                )?;
                Ok(statement.exists((pushed, peer.to_bits()))?)
            })
            .await
    }

    /// Passes the versions after `after` that did not come from `peer` to `take`, oldest first, until it stops. `take`
    /// collects them in `builder`.
    pub(crate) async fn outgoing<B, E>(
        &self,
        peer: ReplicaId,
        after: Generation,
        mut builder: B,
        take: impl Fn(&mut B, Outgoing<'_>) -> Result<TakeResult, E> + Send + 'static,
    ) -> Result<(B, Reached), E>
    where
        B: Send + 'static,
        E: From<StoreError> + From<DatabaseError> + Send + 'static,
    {
        self.database
            .read(move |connection| {
                let reached = outgoing(connection, peer, after, |version| take(&mut builder, version))?;
                Ok((builder, reached))
            })
            .await
    }

    /// The position up to which `peer` has everything made here.
    pub(crate) async fn pushed_to(&self, peer: ReplicaId) -> Result<Position, StoreError> {
        self.database
            .read(move |connection| {
                let pushed = peer_or_new(connection, peer)?.pushed;
                let missing = || DatabaseError::Damaged("a peer was sent a generation that does not exist".to_owned());
                Ok(History::of_replica(connection).at(pushed)?.ok_or_else(missing)?)
            })
            .await
    }

    /// Records that `peer` has everything made here up to `pushed`, and, if `seen` is given, that everything of the peer's
    /// history up to it is here.
    pub(crate) async fn record_push(
        &self,
        peer: ReplicaId,
        pushed: Generation,
        seen: Option<Position>,
    ) -> Result<Peer, StoreError> {
        self.database
            .write(move |connection| {
                let mut record = peer_or_new(connection, peer)?;
                record.pushed = record.pushed.max(pushed);
                record.acknowledged = record.acknowledged.max(pushed);
                record.seen = seen.unwrap_or(record.seen);
                save(connection, &record)?;
                Ok(record)
            })
            .await
    }

    /// Stores the changes of `peer` from `from` to `to` in its history, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] where `from` is not the end of the last batch.
    pub(crate) async fn insert_from_peer(
        &self,
        peer: ReplicaId,
        from: Position,
        to: Position,
        incoming: Vec<PeerChange>,
    ) -> Result<Received, StoreError> {
        let (replica, range) = (self.id(), Some((from, to)));
        self.write_and_notify(move |connection| insert_from_peer(connection, replica, peer, range, incoming)).await
    }

    /// Stores versions that `peer` sent on a request for their contents, in one transaction.
    pub(crate) async fn insert_contents(
        &self,
        peer: ReplicaId,
        incoming: Vec<PeerChange>,
    ) -> Result<Received, StoreError> {
        let replica = self.id();
        self.write_and_notify(move |connection| insert_from_peer(connection, replica, peer, None, incoming)).await
    }
}

fn outgoing<E: From<StoreError>>(
    connection: &Connection,
    peer: ReplicaId,
    after: Generation,
    mut take: impl FnMut(Outgoing<'_>) -> Result<TakeResult, E>,
) -> Result<Reached, E> {
    let end = History::of_replica(connection).head().map_err(StoreError::from)?;
    let mut reached = after;
    let mut visit = || -> Result<bool, Failure<E>> {
        let mut statement = connection.prepare_cached(
            "SELECT generation, document, revision, content FROM versions
             WHERE generation > ?1 AND origin IS NOT ?2 AND absent = 0 ORDER BY generation",
        )?;
        let mut rows = statement.query((after, peer.to_bits()))?;
        while let Some(row) = rows.next()? {
            let version = Outgoing {
                id: row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?,
                revision: row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?,
                content: row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?,
            };
            let result = take(version).map_err(Failure::Taker)?;
            if result != TakeResult::Rejected {
                reached = row.get(0)?;
            }
            if result != TakeResult::Taken {
                return Ok(false);
            }
        }
        Ok(true)
    };
    match visit() {
        Ok(true) => Ok(Reached { position: end, end: true }),
        Ok(false) => {
            let position = History::of_replica(connection).at(reached).map_err(StoreError::from)?.unwrap_or(end);
            Ok(Reached { position, end: reached == end.generation })
        }
        Err(Failure::Taker(error)) => Err(error),
        Err(Failure::Sqlite(error)) => Err(StoreError::from(error).into()),
    }
}

/// Why reading stopped early.
enum Failure<E> {
    Taker(E),
    Sqlite(rusqlite::Error),
}

impl<E> From<rusqlite::Error> for Failure<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn insert_from_peer(
    connection: &Connection,
    replica: ReplicaId,
    peer: ReplicaId,
    range: Option<(Position, Position)>,
    incoming: Vec<PeerChange>,
) -> Result<(Received, Position), StoreError> {
    let mut record = peer_or_new(connection, peer)?;
    if let Some((from, to)) = range {
        if record.seen != from {
            return Err(StoreError::Overtaken);
        }
        record.seen = to;
    }
    let mut context = ChangeContext::begin(connection)?;
    let before = context.changes.before().generation;
    let mut made_here = None;
    let mut received = Received::default();
    for incoming in incoming {
        let document = match incoming {
            PeerChange::Version(document) => document,
            PeerChange::Purged { id, revision } => {
                tombstones::drop_tombstone(&mut context, replica, &id, &revision)?;
                continue;
            }
        };
        let receipt = versions::receive(&mut context, peer, document)?;
        received.new += usize::from(receipt.effect != Effect::None);
        received.conflicts += usize::from(receipt.conflict);
        if receipt.effect == Effect::Joined {
            made_here = made_here.or(Some(context.changes.last()));
        }
    }
    let head = context.changes.finish()?;
    // If nothing made here was waiting to be pushed, what arrived from the peer adds nothing to push.
    if record.pushed == before {
        record.pushed = made_here.map_or(head.generation, |generation| generation - 1);
    }
    save(connection, &record)?;
    Ok((received, head))
}

fn peers(connection: &Connection) -> Result<Vec<Peer>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, pushed, acknowledged, seen, seen_transaction FROM peers ORDER BY id")?;
    let peers = statement.query_map([], |row| {
        Ok(Peer {
            id: ReplicaId::from_bits(row.get(0)?),
            pushed: row.get(1)?,
            acknowledged: row.get(2)?,
            seen: Position { generation: row.get(3)?, transaction: history::transaction(row, 4)? },
        })
    })?;
    Ok(peers.collect::<Result<_, _>>()?)
}

fn peer_or_new(connection: &Connection, id: ReplicaId) -> Result<Peer, StoreError> {
    let known = peers(connection)?.into_iter().find(|peer| peer.id == id);
    Ok(known.unwrap_or(Peer { id, pushed: 0, acknowledged: 0, seen: Position::START }))
}

fn save(connection: &Connection, peer: &Peer) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO peers (id, pushed, acknowledged, seen, seen_transaction) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            peer.id.to_bits(),
            peer.pushed,
            peer.acknowledged,
            peer.seen.generation,
            peer.seen.transaction.to_bytes(),
        ))?;
    Ok(())
}
