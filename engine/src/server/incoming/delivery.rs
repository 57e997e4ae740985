//! `PUT /v1/incoming/{user}/{message}`, on the listener of services: delivers a message. The whole message is
//! received and encrypted in memory before anything is written. It becomes visible, as pending, when its row is committed; by
//! then its content is complete and durable.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::fingerprint::MessageFingerprint;
use super::mailbox::{DeliveryOutcome, Expected};
use crate::crypto::{PublicKey, is_encrypted};
use crate::protocol::{BlobDigest, MessageId, MessageState};
use crate::server::Server;
use crate::server::blobs::{StoredContent, number};
use crate::server::blocking::spawn_blocking;
use crate::server::body::BodyReader;
use crate::server::caller::{PathMessage, PathUser, Service};
use crate::server::refusal::{Missing, Refusal};
use crate::server::user_store::UserStore;

/// Bytes of a chunk that is passed to the backend.
const CHUNK: usize = 1 << 20;

/// `PUT`.
pub(super) async fn put(
    State(server): State<Server>,
    _service: Service,
    PathUser(name): PathUser,
    PathMessage(id): PathMessage,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let config = server.config();
    let limit = config.incoming.message_bytes;
    let length = number(&headers, CONTENT_LENGTH.as_str())?;
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let user = server.accounts().find(&name).await?.ok_or(Refusal::NotFound(Missing::User))?;
    let store = server.stores().get(user.id).await?;
    let quota = user.quota.unwrap_or(config.blobs.quota);
    let timeout = Duration::from_secs(config.server.body_seconds.into());
    let mut reader = BodyReader::new(body, &headers, timeout, server.blobs().stopping().clone());
    let (sender, answer) = oneshot::channel();
    // A separate task, so that a service that disconnects does not cancel it.
    tokio::spawn(async move {
        let delivery = Delivery { server: &server, store, user: user.id, quota, id, length, limit };
        let outcome = delivery.run(&mut reader).await;
        // If the service has disconnected, nobody needs the answer.
        let _ = sender.send(outcome);
        reader.drain().await;
    });
    answer.await.unwrap_or(Err(Refusal::Busy))
}

fn too_large(limit: u64) -> Refusal {
    Refusal::TooLarge(format!("a message may have at most {limit} bytes"))
}

/// A message that is being delivered.
struct Delivery<'a> {
    server: &'a Server,
    store: Arc<UserStore>,
    user: i64,
    quota: u64,
    id: MessageId,
    length: Option<u64>,
    limit: u64,
}

impl Delivery<'_> {
    async fn run(self, reader: &mut BodyReader) -> Result<StatusCode, Refusal> {
        let blobs = self.server.blobs();
        let Expected { fingerprint, key } = self.store.mailbox().expect(&self.id).await?;
        if fingerprint.is_none() {
            blobs.check_quota(self.store.blobs(), self.quota, self.length.unwrap_or(0)).await?;
        }
        let key = match (&fingerprint, key) {
            (None, None) => return Err(Refusal::NoKey),
            (_, key) => key.unwrap_or_default(),
        };
        let _memory = self.server.incoming_memory().acquire(self.length).await?;
        let message = self.read(reader).await?;
        if let Some(fingerprint) = fingerprint {
            return compare(fingerprint, message).await;
        }
        let EncryptedMessage { content, digest, fingerprint } = {
            let message = message.clone();
            spawn_blocking(move || EncryptedMessage::new(&key, message)).await?
        };
        let object = blobs.processes().new_object_name(self.user);
        let stored = StoredContent { object, length: content.len() as u64, digest };
        if let Err(error) = blobs.write(object, chunks(&content)).await {
            blobs.remove(object).await;
            return Err(error.into());
        }
        let outcome = self.store.mailbox().enter(self.id, stored, fingerprint, self.quota).await;
        if !matches!(outcome, Ok(DeliveryOutcome::Created)) {
            blobs.remove(object).await;
        }
        match outcome? {
            DeliveryOutcome::Created => {
                self.server.metrics().add_messages(MessageState::Pending, 1);
                Ok(StatusCode::CREATED)
            }
            DeliveryOutcome::Exists(fingerprint) => compare(fingerprint, message).await,
            DeliveryOutcome::OverQuota => Err(Refusal::QuotaExceeded),
        }
    }

    async fn read(&self, reader: &mut BodyReader) -> Result<Bytes, Refusal> {
        let announced = usize::try_from(self.length.unwrap_or(0)).unwrap_or(0);
        let mut message = BytesMut::with_capacity(announced);
        while let Some(chunk) = reader.next(u64::MAX).await? {
            if reader.received() > self.limit {
                return Err(too_large(self.limit));
            }
            message.extend_from_slice(&chunk);
        }
        if message.is_empty() {
            return Err(Refusal::Malformed("the message is empty".to_owned()));
        }
        Ok(message.freeze())
    }
}

/// A message as it is stored.
struct EncryptedMessage {
    content: Bytes,
    digest: BlobDigest,
    fingerprint: MessageFingerprint,
}

impl EncryptedMessage {
    /// Encrypts a message to this key, unless the whole message is encrypted already.
    fn new(key: &[u8], message: Bytes) -> Result<Self, Refusal> {
        let fingerprint = MessageFingerprint::of(&message)?;
        let content = if is_encrypted(&message) {
            message
        } else {
            let sealed = PublicKey::from_bytes(key).and_then(|key| key.encrypt(&message));
            sealed.map(Bytes::from).map_err(|error| {
                tracing::warn!(%error, "cannot encrypt a message to its user's key");
                Refusal::UnusableKey
            })?
        };
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &content).as_ref());
        Ok(Self { content, digest: BlobDigest(hash), fingerprint })
    }
}

/// The answer to a message whose name is taken: success if it is the same message again.
async fn compare(fingerprint: MessageFingerprint, message: Bytes) -> Result<StatusCode, Refusal> {
    let same = spawn_blocking(move || Ok(fingerprint.matches(&message))).await?;
    if same { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::MessageConflict) }
}

fn chunks(content: &Bytes) -> Vec<Bytes> {
    (0..content.len()).step_by(CHUNK).map(|start| content.slice(start..content.len().min(start + CHUNK))).collect()
}
