//! The incoming messages of one user in the database. Each method is one transaction; none reads or writes a content.

use std::sync::Arc;

use super::fingerprint::MessageFingerprint;
use super::leases::{self, LeaseGrant, LeaseTerms};
use super::records;
use crate::protocol::{Lease, MessageEntry, MessageId, MessageState, Outcome};
use crate::server::blobs::{ObjectName, StoredContent, fits};
use crate::server::clock::now;
use crate::server::refusal::Refusal;
use crate::store::Database;

/// The incoming messages of one user.
pub(in crate::server) struct Mailbox {
    database: Arc<Database>,
    user: i64,
}

/// What is known about a message before its body is read.
pub(super) struct Expected {
    /// The fingerprint of a message that was delivered before under the same name.
    pub(super) fingerprint: Option<MessageFingerprint>,
    /// The user's public key.
    pub(super) key: Option<Vec<u8>>,
}

/// What happened to a message whose content is durable.
#[derive(Debug)]
pub(super) enum DeliveryOutcome {
    /// It is stored and pending.
    Created,
    /// A message with this fingerprint was delivered before under the same name.
    Exists(MessageFingerprint),
    /// The user's quota does not allow it.
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

    /// Replaces the public key, if `allows` accepts the existing one.
    pub(super) async fn set_key(
        &self,
        key: Vec<u8>,
        allows: impl FnOnce(Option<&[u8]>) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                if !allows(records::key(connection, user)?.as_deref()) {
                    return Err(Refusal::PreconditionFailed);
                }
                Ok(records::set_key(connection, user, &key)?)
            })
            .await
    }

    /// What is known about a message of this name before its body is read.
    pub(super) async fn expect(&self, id: &MessageId) -> Result<Expected, Refusal> {
        let (user, id) = (self.user, id.clone());
        self.database
            .read(move |connection| {
                let fingerprint = records::fingerprint(connection, user, &id)?;
                Ok(Expected { fingerprint, key: records::key(connection, user)? })
            })
            .await
    }

    /// Makes a message of a durable content.
    pub(super) async fn enter(
        &self,
        id: MessageId,
        content: StoredContent,
        fingerprint: MessageFingerprint,
        quota: u64,
    ) -> Result<DeliveryOutcome, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                if let Some(existing) = records::fingerprint(connection, user, &id)? {
                    return Ok(DeliveryOutcome::Exists(existing));
                }
                if !fits(connection, user, content.length, quota)? {
                    return Ok(DeliveryOutcome::OverQuota);
                }
                records::insert(connection, &id, &content, &fingerprint, now())?;
                Ok(DeliveryOutcome::Created)
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
    pub(super) async fn reserve(&self, limit: usize, terms: LeaseTerms) -> Result<LeaseGrant, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(leases::reserve(connection, user, limit, terms)?)).await
    }

    /// The content of a leased message.
    pub(super) async fn content(&self, id: MessageId, fence: u64) -> Result<StoredContent, Refusal> {
        let user = self.user;
        self.database.read(move |connection| leases::content(connection, user, &id, fence)).await
    }

    /// Renews a lease.
    pub(super) async fn renew(&self, id: MessageId, fence: u64, terms: LeaseTerms) -> Result<Lease, Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::renew(connection, user, &id, fence, terms)).await
    }

    /// Records the outcome of a leased message; see [`leases::set_outcome`].
    pub(super) async fn set_outcome(&self, id: MessageId, fence: u64, outcome: Outcome) -> Result<(), Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::set_outcome(connection, user, &id, fence, outcome)).await
    }

    /// Makes a failed message pending again.
    pub(super) async fn retry_failed(&self, id: MessageId) -> Result<(), Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::retry_failed(connection, user, &id)).await
    }

    /// Removes a processed message. Returns its content.
    pub(super) async fn delete(&self, id: MessageId, fence: u64) -> Result<ObjectName, Refusal> {
        let user = self.user;
        self.database.write(move |connection| leases::delete(connection, user, &id, fence, now())).await
    }

    /// Removes processed messages; see [`records::remove_processed`].
    pub(in crate::server) async fn remove_processed(&self) -> Result<Vec<ObjectName>, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(records::remove_processed(connection, user, now())?)).await
    }
}
