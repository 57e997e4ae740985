//! What synchronising needs of a replica: what to send, what to do with what arrives, and how far both sides have come.
//! Progress is recorded in the transaction that makes it true.

use rusqlite::Connection;

use super::history::{self, History};
use super::versions::{self, Changing, Effect};
use super::{DatabaseError, Replica, StoreError};
use crate::document::{Document, Generation, Position, ReplicaId};

/// How far this replica and a peer have come with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The peer's own name.
    pub(crate) id: ReplicaId,
    /// Up to here the peer has everything that was made here. Nothing of that is ever sent again.
    pub(crate) pushed: Generation,
    /// The last place in this replica's history that the peer is known to have noted.
    pub(crate) acknowledged: Generation,
    /// Up to this place in the peer's history everything is here.
    pub(crate) seen: Position,
}

/// A version on its way to a peer.
pub(crate) struct Outgoing<'a> {
    pub(crate) id: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) content: Option<&'a [u8]>,
}

/// What a taker of outgoing versions says to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// Taken; the next one, please.
    More,
    /// Taken, and that is enough.
    Enough,
    /// Not taken: it is too much for now.
    Refused,
}

/// How far a reading of outgoing versions came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Everything up to here was taken.
    pub(crate) position: Position,
    /// Whether that was all.
    pub(crate) end: bool,
}

/// What a batch from a peer did here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Versions that were news.
    pub(crate) news: usize,
    /// Documents among them that now have concurrent versions.
    pub(crate) conflicts: usize,
}

impl Replica {
    /// The peers of this replica. Asked of the writer, so that what an abandoned exchange left to be written counts.
    pub(crate) async fn peers(&self) -> Result<Vec<Peer>, StoreError> {
        self.database.write(peers).await
    }

    /// Whether `position` lies on this replica's history.
    pub(crate) async fn has_been_at(&self, position: Position) -> Result<bool, StoreError> {
        self.database.read(move |connection| Ok(History::of_replica(connection).contains(position)?)).await
    }

    /// Whether anything was made here that `peer` lacks.
    pub(crate) async fn has_news_for(&self, peer: ReplicaId, pushed: Generation) -> Result<bool, StoreError> {
        self.database
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT 1 FROM versions WHERE generation > ?1 AND origin IS NOT ?2 LIMIT 1")?;
                Ok(statement.exists((pushed, peer.to_bits()))?)
            })
            .await
    }

    /// Hands the versions after `after` that did not come from `peer` to `take`, oldest first, until it has enough.
    /// `basket` is where `take` puts them.
    pub(crate) async fn outgoing<B, E>(
        &self,
        peer: ReplicaId,
        after: Generation,
        mut basket: B,
        take: impl Fn(&mut B, Outgoing<'_>) -> Result<Taking, E> + Send + 'static,
    ) -> Result<(B, Reached), E>
    where
        B: Send + 'static,
        E: From<StoreError> + From<DatabaseError> + Send + 'static,
    {
        self.database
            .read(move |connection| {
                let reached = outgoing(connection, peer, after, |version| take(&mut basket, version))?;
                Ok((basket, reached))
            })
            .await
    }

    /// The place up to which `peer` has everything that was made here.
    pub(crate) async fn pushed_to(&self, peer: ReplicaId) -> Result<Position, StoreError> {
        self.database
            .read(move |connection| {
                let pushed = peer_or_new(connection, peer)?.pushed;
                let missing = || DatabaseError::Damaged("a peer has been sent what never was".to_owned());
                Ok(History::of_replica(connection).at(pushed)?.ok_or_else(missing)?)
            })
            .await
    }

    /// Notes that `peer` holds everything made here up to `pushed`, and, where the peer's own history moved by nothing
    /// else meanwhile, that it is seen up to there.
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

    /// Takes in what `peer` had from `from` to `to` in its history, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] where `from` is not where the last batch ended.
    pub(crate) async fn insert_from_peer(
        &self,
        peer: ReplicaId,
        from: Position,
        to: Position,
        documents: Vec<Document>,
    ) -> Result<Received, StoreError> {
        self.write_and_tell(move |connection| insert_from_peer(connection, peer, from, to, &documents)).await
    }
}

fn outgoing<E: From<StoreError>>(
    connection: &Connection,
    peer: ReplicaId,
    after: Generation,
    mut take: impl FnMut(Outgoing<'_>) -> Result<Taking, E>,
) -> Result<Reached, E> {
    let end = History::of_replica(connection).head().map_err(StoreError::from)?;
    let mut reached = after;
    let mut visit = || -> Result<bool, Failure<E>> {
        let mut statement = connection.prepare_cached(
            "SELECT generation, document, revision, content FROM versions
             WHERE generation > ?1 AND origin IS NOT ?2 ORDER BY generation",
        )?;
        let mut rows = statement.query((after, peer.to_bits()))?;
        while let Some(row) = rows.next()? {
            let version = Outgoing {
                id: row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?,
                revision: row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?,
                content: row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?,
            };
            let taking = take(version).map_err(Failure::Taker)?;
            if taking != Taking::Refused {
                reached = row.get(0)?;
            }
            if taking != Taking::More {
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

/// Whose failure ended a reading.
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
    peer: ReplicaId,
    from: Position,
    to: Position,
    documents: &[Document],
) -> Result<(Received, Position), StoreError> {
    let mut record = peer_or_new(connection, peer)?;
    if record.seen != from {
        return Err(StoreError::Overtaken);
    }
    let mut changing = Changing::begin(connection)?;
    let before = changing.changes.before().generation;
    let mut made_here = None;
    let mut received = Received::default();
    for document in documents {
        let arrival = versions::receive(&mut changing, peer, document)?;
        received.news += usize::from(arrival.effect != Effect::None);
        received.conflicts += usize::from(arrival.conflict);
        if arrival.effect == Effect::Joined {
            made_here = made_here.or(Some(changing.changes.last()));
        }
    }
    let head = changing.changes.finish()?;
    // As long as nothing made here waits to be pushed, what arrives from the peer leaves nothing to push either.
    if record.pushed == before {
        record.pushed = made_here.map_or(head.generation, |generation| generation - 1);
    }
    record.seen = to;
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
