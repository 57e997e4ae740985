//! The incoming messages of one user as the database has them. Each method is one transaction; none touches a content.

use std::sync::Arc;

use super::imprint::Imprint;
use super::leases::{self, Reservation, Terms};
use super::records;
use crate::protocol::{Lease, MessageEntry, MessageId, MessageState, Outcome};
use crate::server::blobs::{ObjectName, Stored, fits};
use crate::server::clock::now;
use crate::server::refusal::Refusal;
use crate::store::Database;

/// The incoming messages of one user.
pub(in crate::server) struct Mailbox {
    database: Arc<Database>,
    user: i64,
}

/// What is known when a message is handed over, before any of it is read.
pub(super) struct Expected {
    /// Of a message that came before under the same name.
    pub(super) imprint: Option<Imprint>,
    /// The user's public key.
    pub(super) key: Option<Vec<u8>>,
}

/// What became of a message whose content is durable.
#[derive(Debug)]
pub(super) enum Entered {
    /// It is there now, and pending.
    New,
    /// One with this imprint was there already, or had been.
    Known(Imprint),
    /// The user may not store so much.
    OverQuota,
}

impl Mailbox {
    /// The messages in the database of a user.
    pub(in crate::server) fn new(database: Arc<Database>, user: i64) -> Self {
        Self { database, user }
    }

    /// The user's public key.
    pub(super) async fn key(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(records::key(connection, user)?)).await
    }

    /// Replaces the public key, if `may` agrees to what is there.
    pub(super) async fn set_key(
        &self,
        key: Vec<u8>,
        may: impl FnOnce(Option<&[u8]>) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                if !may(records::key(connection, user)?.as_deref()) {
                    return Err(Refusal::PreconditionFailed);
                }
                Ok(records::set_key(connection, user, &key)?)
            })
            .await
    }

    /// What is known before a message of this name is read.
    pub(super) async fn expect(&self, id: &MessageId) -> Result<Expected, Refusal> {
        let (user, id) = (self.user, id.clone());
        self.database
            .read(move |connection| {
                let imprint = records::imprint(connection, user, &id)?;
                Ok(Expected { imprint, key: records::key(connection, user)? })
            })
            .await
    }

    /// Makes a message of a content that is durable: it and its state become visible in this one transaction.
    pub(super) async fn enter(
        &self,
        id: MessageId,
        stored: Stored,
        imprint: Imprint,
        quota: u64,
    ) -> Result<Entered, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                if let Some(known) = records::imprint(connection, user, &id)? {
                    return Ok(Entered::Known(known));
                }
                if !fits(connection, user, stored.length, quota)? {
                    return Ok(Entered::OverQuota);
                }
                records::insert(connection, &id, &stored, &imprint, now())?;
                Ok(Entered::New)
            })
            .await
    }

    /// The first `limit` messages after the id `after`.
    pub(super) async fn list(
        &self,
        state: Option<MessageState>,
        after: String,
        limit: usize,
    ) -> Result<Vec<MessageEntry>, Refusal> {
        let user = self.user;
        let read = move |connection: &_| Ok(records::list(connection, user, state, &after, limit, now())?);
        self.database.read(read).await
    }

    /// Takes leases; see [`leases::reserve`].
    pub(super) async fn reserve(&self, limit: usize, terms: Terms) -> Result<Reservation, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(leases::reserve(connection, user, limit, terms)?)).await
    }

    /// Where the content of a leased message is.
    pub(super) async fn content(&self, id: MessageId, fence: u64) -> Result<Stored, Refusal> {
        let user = self.user;
        self.database.read(move |connection| leases::content(connection, user, &id, fence)).await
    }

    /// Makes a lease last anew.
    pub(super) async fn renew(&self, id: MessageId, fence: u64, terms: Terms) -> Result<Lease, Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::renew(connection, user, &id, fence, terms)).await
    }

    /// Says what became of a leased message.
    pub(super) async fn conclude(&self, id: MessageId, fence: u64, outcome: Outcome) -> Result<(), Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::conclude(connection, user, &id, fence, outcome)).await
    }

    /// Makes a failed message pending.
    pub(super) async fn revive(&self, id: MessageId) -> Result<(), Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::revive(connection, user, &id)).await
    }

    /// Removes a processed message and answers where its content is.
    pub(super) async fn delete(&self, id: MessageId, fence: u64) -> Result<ObjectName, Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::delete(connection, user, &id, fence, now())).await
    }

    /// Removes what nobody needs any more; see [`records::clear`].
    pub(in crate::server) async fn clear(&self) -> Result<Vec<ObjectName>, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(records::clear(connection, user, now())?)).await
    }
}
